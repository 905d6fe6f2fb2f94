"""The whole pipeline in one folder: Kafka, S3, ClickHouse, the schema job and both Spark jobs, wired as the chart wires them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from local import fetch
from local.clickhouse import READER, WRITER, ClickHouse
from local.committed import CommitLog
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import ComponentError, Process
from local.proof import Proof, prove
from local.reference_parser import reference_parser
from local.spark import JOBS, Pods, submit


@dataclass(frozen=True)
class Settings:
    """What the chart states in props."""

    engine: str = "spark"
    topic: str = "user-activity-logs"
    partitions: int = 3
    database: str = "logs"
    streaming_trigger_seconds: int = 1
    gold_trigger_seconds: int = 1
    max_offsets_per_trigger: int = 450_000
    max_files_per_trigger: int = 20
    time_zone: str = "UTC"
    business_time_zone: str = "UTC"


class Stores:
    """Kafka, S3 and ClickHouse. Each can be killed and started again; it keeps its port and its data."""

    def __init__(self, kafka: Kafka, object_store: ObjectStore, clickhouse: ClickHouse) -> None:
        self.kafka = kafka
        self.object_store = object_store
        self.clickhouse = clickhouse

    @classmethod
    def in_folder(cls, folder: Path) -> Stores:
        """Stores that are not started yet, with all they write in one folder."""
        object_store = ObjectStore(folder / "object-store")
        return cls(Kafka(folder / "kafka"), object_store, ClickHouse(folder / "clickhouse", object_store))

    def start(self) -> Stores:
        self.object_store.start()
        self.clickhouse.start()
        self.kafka.start()
        return self

    def parts(self) -> list[Process]:
        """Their processes, first started first."""
        return [part.process for part in (self.object_store, self.clickhouse, self.kafka) if part.process is not None]

    def stop(self) -> None:
        for part in (self.kafka, self.clickhouse, self.object_store):
            part.stop()

    def __enter__(self) -> Stores:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class Pipeline:
    """One topic, one lake, one database and the two jobs between them, on stores that others may share.

    `with` stops the jobs at its end. `prefix` goes before the names of the buckets.
    """

    def __init__(self, folder: Path, stores: Stores, settings: Settings | None = None, prefix: str = "") -> None:
        self.folder = folder
        self.stores = stores
        self.settings = settings or Settings()
        self.kafka, self.object_store, self.clickhouse = stores.kafka, stores.object_store, stores.clickhouse
        self.lake = Lake(self.object_store, prefix)
        self.commit_log = CommitLog(self.object_store, self.lake.commits)
        self._commits = self.lake.commits
        self.streaming: Process | None = None
        self.gold: Process | None = None

    def create(self, new_topic: bool = True) -> Pipeline:
        """Makes the buckets and the topic; the tables are apply_schema()'s."""
        self.folder.mkdir(parents=True, exist_ok=True)
        Lake.create(self.object_store, self.lake.prefix)
        if new_topic:
            self.kafka.create_topic(self.settings.topic, self.settings.partitions)
        return self

    def apply_schema(self) -> None:
        """Runs the schema job to its end. Raises ComponentError when it refuses."""
        arguments = ["--clickhouse-url", self.clickhouse.url, "--clickhouse-user", WRITER, "--database", self.settings.database]
        environment = {**os.environ, "CLICKHOUSE_PASSWORD": self.clickhouse.password}
        done = subprocess.run([fetch.python(), JOBS / "schema_job.py", *arguments], env=environment, capture_output=True, text=True, check=False)
        (self.folder / "schema.log").write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            raise ComponentError(f"the schema job ended with code {done.returncode}: {(done.stderr or done.stdout).strip()[-1000:]}")

    def streaming_arguments(self) -> list[str]:
        """The command line of the streaming job."""
        arguments = {
            "bootstrap-servers": self.kafka.bootstrap_servers,
            "topic": self.settings.topic,
            "bronze": self.lake.bronze,
            "silver": self.lake.silver,
            "quarantine": self.lake.quarantine,
            "commits": self.lake.commits,
            "checkpoint": self.lake.streaming_checkpoint,
            "trigger-seconds": self.settings.streaming_trigger_seconds,
            "max-offsets-per-trigger": self.settings.max_offsets_per_trigger,
            "time-zone": self.settings.time_zone,
        }
        return _flags(arguments)

    def gold_arguments(self) -> list[str]:
        """The command line of the gold job."""
        arguments = {
            "commits": self._commits,
            "engine": self.settings.engine,
            "trigger-seconds": self.settings.gold_trigger_seconds,
            "max-files-per-trigger": self.settings.max_files_per_trigger,
        }
        return ["run", *_flags(arguments), *self.gold_connection()]

    def gold_connection(self) -> list[str]:
        """The arguments that `gold_job.py run` and `gold_job.py rebuild` share."""
        return _flags(
            {
                "clickhouse-url": self.clickhouse.url,
                "clickhouse-user": WRITER,
                "database": self.settings.database,
                "business-time-zone": self.settings.business_time_zone,
            }
        )

    def gold_environment(self) -> Mapping[str, str]:
        """The password, as the chart's Secret gives it."""
        return {"CLICKHOUSE_PASSWORD": self.clickhouse.password}

    def start_streaming(self, cores: int = 2, pods: Pods | None = None) -> Process:
        folder = self.folder / "streaming"
        self.streaming = submit(JOBS / "streaming_job.py", self.streaming_arguments(), folder, object_store=self.object_store, cores=cores, pods=pods)
        return self.streaming

    def start_gold(self, cores: int = 2, pods: Pods | None = None) -> Process:
        environment = self.gold_environment()
        folder = self.folder / "gold"
        self.gold = submit(JOBS / "gold_job.py", self.gold_arguments(), folder, object_store=self.object_store, extra_environment=environment, cores=cores, pods=pods)
        return self.gold

    def read_lake_of(self, other: Pipeline) -> None:
        """Lets gold read what another pipeline's streaming job has committed."""
        self._commits = other.lake.commits
        self.commit_log = other.commit_log

    def parts(self) -> list[Process]:
        """The processes that should be running, first started first."""
        return [*self.stores.parts(), *self._jobs()]

    def _jobs(self) -> list[Process]:
        return [job for job in (self.streaming, self.gold) if job is not None]

    def check_alive(self) -> None:
        """Raises ComponentError when a part has ended by itself."""
        for part in self.parts():
            part.check_alive()

    def committed_offsets(self) -> dict[int, int]:
        """Partition → offset after the last record that is in bronze."""
        offsets: dict[int, int] = {}
        for commit in self.commit_log.commits():
            for partition, (_, until) in commit.offsets.items():
                offsets[partition] = max(until, offsets.get(partition, 0))
        return offsets

    def rows_in_gold(self) -> int:
        """Events that the metrics tables have counted."""
        total = self.clickhouse.query(f"SELECT sum(total_requests) AS total FROM {self.settings.database}.metrics_server_health_minutely")[0]["total"]
        return int(total or 0)

    def files_in_gold(self) -> int:
        """Silver files that the gold job's ledger names."""
        return int(self.clickhouse.query(f"SELECT count(DISTINCT file) AS files FROM {self.settings.database}.gold_loads")[0]["files"])

    def progress(self) -> Progress:
        """How far each layer is."""
        return Progress(
            in_kafka=sum(self.kafka.end_offsets(self.settings.topic).values()),
            in_bronze=sum(self.committed_offsets().values()),
            in_silver=self.commit_log.rows("silver"),
            in_gold=self.rows_in_gold(),
            files_to_load=len(self.commit_log.files("silver")) - self.files_in_gold(),
        )

    def wait_until_drained(self, timeout_seconds: float, report: Callable[[Progress], None] = lambda progress: None) -> Progress:
        """Waits until gold has counted all that is in Kafka. Raises ComponentError when a part dies or time is over."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            self.check_alive()
            progress = self.progress()
            report(progress)
            if progress.drained:
                return progress
            if time.monotonic() > deadline:
                raise ComponentError(f"the pipeline did not drain within {timeout_seconds:.0f} s: {progress}; the logs are in {self.folder}")
            time.sleep(1)

    def table_as_text(self, table: str, rows: int = 12) -> str:
        """The first rows of a metrics table, drawn with lines; below, how many there are when these are not all."""
        name = f"{self.settings.database}.{table}"
        statement = f"SELECT * FROM {name} ORDER BY ALL LIMIT {rows} FORMAT PrettyCompactMonoBlock"
        drawn = self.clickhouse.execute(statement, user=READER, output_format_pretty_color="0").rstrip()
        every = int(self.clickhouse.query(f"SELECT count() AS rows FROM {name}", READER)[0]["rows"])
        return drawn if every <= rows else f"{drawn}\n    the first {rows} of {every:,} rows"

    def prove(self) -> Proof:
        """Compares the topic, the layers and the tables."""
        settings = self.settings
        return prove(
            self.kafka,
            settings.topic,
            self.object_store,
            self.commit_log.commits(),
            self.clickhouse,
            settings.database,
            reference_parser(settings.time_zone),
            settings.business_time_zone,
        )

    def stop(self) -> None:
        """Stops the jobs; each finishes its batch."""
        for job in self._jobs():
            job.terminate()
        for job in self._jobs():
            job.stop(60)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, ComponentError):  # a job whose Kafka or S3 is gone would not end by itself
            for job in self._jobs():
                job.kill()
        else:
            self.stop()


@dataclass(frozen=True)
class Progress:
    """Records by layer. Gold has counted a file in all five tables when its ledger names it."""

    in_kafka: int
    in_bronze: int
    in_silver: int
    in_gold: int
    files_to_load: int

    @property
    def drained(self) -> bool:
        return self.in_bronze == self.in_kafka and self.files_to_load == 0

    def __str__(self) -> str:
        lag = self.in_kafka - self.in_bronze
        return f"kafka {self.in_kafka:,}, bronze {self.in_bronze:,} (lag {lag:,}), silver {self.in_silver:,}, gold {self.in_gold:,} (lag {self.files_to_load:,} files)"


def _flags(arguments: Mapping[str, object]) -> list[str]:
    return [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
