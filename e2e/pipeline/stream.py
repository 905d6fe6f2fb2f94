"""A topic and the lake and tables that the jobs make of it, with the jobs in this process or in one of their own."""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.sql import SparkSession

from business_day import business_day
from clickhouse import ClickHouse as Client
from commit_log import Manifest
from gold_job import Gold, _s3_url
from gold_load import Loader
from local import committed
from local.clickhouse import WRITER, ClickHouse
from local.events import Event, Traffic, events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import Process
from local.produce import send
from local.proof import Proof, prove
from local.recount import KEYS
from local.reference_parser import Parse, reference_parser
from local.spark import submit
from object_store import ObjectStore as JobsObjectStore
from streaming_job import StreamingJob, parse_arguments

PARTITIONS = 3
PATIENCE = 600  # seconds that a job may take on a busy machine
LAYERS = ("bronze", "silver", "quarantine")
HELD = Path(__file__).with_name("held_job.py")
HARD = Traffic(hostile_share=0.05, late_share=0.001)
QUIET = Traffic(hostile_share=0.02)


@dataclass
class Stream:
    """One topic, one lake, one database. Jobs in this process share its Spark session, so that a run costs seconds."""

    spark: SparkSession
    kafka: Kafka
    object_store: ObjectStore
    clickhouse: ClickHouse
    folder: Path
    topic: str
    lake: Lake
    database: str
    batch: int = 3000
    sent: int = 0
    runs: int = 0
    engine: str = "clickhouse"
    parse: Parse = field(default_factory=lambda: reference_parser("UTC"))
    shuffle: random.Random = field(default_factory=lambda: random.Random(1))

    def send(self, count: int, traffic: Traffic = HARD) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, events(traffic, self.sent, count))
        self.sent += count

    def send_values(self, values: list[bytes | None]) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, (Event(key, value, 1_768_435_200_000 + key) for key, value in enumerate(values)))

    def arguments(self, **changed: object) -> list[str]:
        """The streaming job's command line."""
        given = {
            "bootstrap-servers": self.kafka.bootstrap_servers,
            "topic": self.topic,
            **{layer: getattr(self.lake, layer) for layer in LAYERS},
            "commits": self.lake.commits,
            "checkpoint": self.lake.streaming_checkpoint,
            "trigger-seconds": 1,
            "max-offsets-per-trigger": self.batch,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return _flags(given)

    def gold_arguments(self, **changed: object) -> list[str]:
        """The command line of `gold_job.py run`."""
        given = {
            "commits": self.lake.commits,
            "engine": self.engine,
            "trigger-seconds": 1,
            "clickhouse-url": self.clickhouse.url,
            "clickhouse-user": WRITER,
            "database": self.database,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return ["run", *_flags(given)]

    def drain(self, **changed: object) -> str:
        """Runs the streaming job in this process until everything is stored; gives what it said. Raises JobError."""
        said = io.StringIO()
        with redirect_stdout(said):
            StreamingJob(self.spark, parse_arguments([*self.arguments(**changed), "--until-caught-up"])).run()
        return said.getvalue()

    def submit(self, job: Path, arguments: list[str], environment: Mapping[str, str] | None = None, conf: Mapping[str, str] | None = None) -> Process:
        """Starts a job in a process of its own."""
        self.runs += 1
        password = {"CLICKHOUSE_PASSWORD": self.clickhouse.password}
        return submit(job, arguments, self.folder / f"run-{self.runs}", object_store=self.object_store, extra_environment={**password, **(environment or {})}, conf=conf)

    def held(self, job: str, arguments: list[str], at: str, call: int = 1, after: bool = False) -> Held:
        """Starts a job that waits before (or after) the given call of a function, `module:name`, until it is released."""
        flag = self.folder / f"held-{self.runs}"
        flag.parent.mkdir(parents=True, exist_ok=True)
        environment = {"HOLD_JOB": job, "HOLD_AT": at, "HOLD_CALL": str(call), "HOLD_WHEN": "after" if after else "before", "HOLD_FLAG": str(flag)}
        return Held(self.submit(HELD, arguments, environment), flag)

    def commits(self) -> list[committed.Commit]:
        return committed.CommitLog(self.object_store, self.lake.commits).commits()

    def manifests(self) -> list[Manifest]:
        """What gold reads: every manifest as it is stored."""
        return [Manifest.from_json(self.object_store.read(url)) for url in self.object_store.list(self.lake.commits) if "/_" not in url and url.endswith(".json")]

    def unnamed_files(self) -> set[str]:
        """Files in the three layers that no manifest names."""
        there = {url for layer in LAYERS for url in self.object_store.list(getattr(self.lake, layer)) if "/_" not in url}
        return there - {url for layer in LAYERS for url in committed.files(self.commits(), layer)}

    def gold(self) -> Gold:
        """The gold job in this process, with SQL settings of its own."""
        client = Client(self.clickhouse.url, WRITER, self.clickhouse.password, self.database, backoff_seconds=(0.1,))
        options = argparse.Namespace(engine=self.engine, commits=self.lake.commits, silver_retention_days=None, read_files=False)
        return Gold(self.spark.newSession(), Loader(client, business_day("UTC"), _s3_url(self.spark)), JobsObjectStore(self.spark), options)

    def fold(self, manifests: list[Manifest] | None = None) -> None:
        """Gold as after the loss of its checkpoint: every manifest again, in another order each time."""
        again = self.manifests() if manifests is None else manifests
        self.shuffle.shuffle(again)
        with redirect_stdout(io.StringIO()):
            self.gold().fold(again, 0)

    def tables(self) -> dict[str, str]:
        return {name: self.clickhouse.execute(f"SELECT * FROM {self.database}.{name} ORDER BY ALL FORMAT TSV") for name in KEYS}

    def compare(self) -> Proof:
        """The topic, the three layers and the five tables as they are, against a recount."""
        return prove(self.kafka, self.topic, self.object_store, self.commits(), self.clickhouse, self.database, self.parse)

    def prove(self) -> Proof:
        """Folds everything twice, then holds topic, layers and tables to the invariants: none lost, none double, batches bounded."""
        self.fold()
        before = self.tables()
        self.fold()
        assert self.tables() == before
        proof = self.compare()
        assert not proof.wrong, "\n".join(proof.wrong)
        assert proof.bronze == proof.records == proof.silver + proof.quarantine
        commits = self.commits()
        assert {layer: sum(commit.rows[layer] for commit in commits) for layer in LAYERS} == {layer: getattr(proof, layer) for layer in LAYERS}
        return proof


@dataclass
class Held:
    """A job's process that waits somewhere in its work."""

    process: Process
    flag: Path

    def wait(self) -> Held:
        """Returns when it has come there."""
        self.process.wait_until(self.flag.exists, PATIENCE)
        return self

    def release(self) -> None:
        self.flag.unlink()


def _flags(given: Mapping[str, object]) -> list[str]:
    return [text for name, value in given.items() for text in (f"--{name}", str(value))]
