"""The streaming job alone: every record once in bronze, and once in silver or quarantine, whatever happens to it."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyarrow.fs import FileSystem

from local import committed
from local.events import Event, Traffic, events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.process import Process
from local.produce import send
from local.proof import Proof, bronze_records, compare_bronze, compare_silver_and_quarantine, topic_records
from local.reference_parser import reference_parser
from local.spark import JOBS, submit

HARD = Traffic(hostile_share=0.05, late_share=0.05)
PARTITIONS = 3


@dataclass
class Stream:
    """A topic, a lake and the runs of the job between them."""

    kafka: Kafka
    object_store: ObjectStore
    folder: Path
    topic: str
    lake: Lake
    sent: int = 0
    runs: int = 0

    def send(self, count: int, traffic: Traffic = HARD) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, events(traffic, self.sent, count))
        self.sent += count

    def send_values(self, values: list[bytes | None]) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, (Event(key, value, 1_768_435_200_000 + key) for key, value in enumerate(values)))

    def arguments(self, **changed: object) -> list[str]:
        given = {
            "bootstrap-servers": self.kafka.bootstrap_servers,
            "topic": self.topic,
            "bronze": self.lake.bronze,
            "silver": self.lake.silver,
            "quarantine": self.lake.quarantine,
            "commits": self.lake.commits,
            "checkpoint": self.lake.streaming_checkpoint,
            "trigger-seconds": 1,
            "max-offsets-per-trigger": 3000,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return [text for name, value in given.items() for text in (f"--{name}", str(value))]

    def start(self, *flags: str, job: Path = JOBS / "streaming_job.py", **changed: object) -> Process:
        self.runs += 1
        return submit(job, [*self.arguments(**changed), *flags], self.folder / f"run-{self.runs}", object_store=self.object_store)

    def drain(self, **changed: object) -> str:
        """Runs the job until everything is stored; gives what it printed."""
        process = self.start("--until-caught-up", **changed)
        code = process.wait(240)
        assert code == 0, process.tail(40)
        return process.output()

    def commits(self) -> list[committed.Commit]:
        return committed.CommitLog(self.object_store, self.lake.commits).commits()

    def prove(self) -> Proof:
        """Compares what is committed with a plain consumer's dump of the topic and the reference parser."""
        proof = Proof()
        records = {(record.partition, record.offset): record for record in topic_records(self.kafka, self.topic)}
        proof.records = len(records)
        commits = self.commits()
        bronze = compare_bronze(proof, records, bronze_records(self.object_store, committed.files(commits, "bronze")))
        compare_silver_and_quarantine(proof, self.object_store, commits, bronze, reference_parser("UTC"))
        assert not proof.wrong, "\n".join(proof.wrong)
        assert proof.bronze == proof.records == proof.silver + proof.quarantine
        assert {layer: sum(commit.rows[layer] for commit in commits) for layer in ("bronze", "silver", "quarantine")} == {
            "bronze": proof.bronze,
            "silver": proof.silver,
            "quarantine": proof.quarantine,
        }
        return proof


@pytest.fixture
def stream(kafka: Kafka, object_store: ObjectStore, state_folder: Path) -> Iterator[Stream]:
    name = f"s{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, PARTITIONS)
    yield Stream(kafka, object_store, state_folder / name, name, Lake.create(object_store, f"{name}-"))


def test_every_record_is_once_in_bronze_and_once_in_silver_or_quarantine(stream: Stream) -> None:
    stream.send(10_000)
    stream.drain()
    proof = stream.prove()
    assert proof.quarantine > 0
    assert len(stream.commits()) > 2
