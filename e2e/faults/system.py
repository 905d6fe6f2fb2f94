"""The system under test: Kafka, S3 and ClickHouse, each behind a proxy, and lanes through them: a topic, a lake, a database, two jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from e2e.faults.clock import Clock
from e2e.faults.proxy import Proxy
from e2e.faults.stored import BrokenLogError, Reader
from local import fetch
from local.clickhouse import WRITER, ClickHouse, ClickHouseError
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import ComponentError, Process
from local.spark import JOBS, submit

# A driver lives for minutes at most: what Java's second compiler makes would hardly run, and costs half of all time.
_JAVA = {"SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1"}
_BACK_OFF_SECONDS = 1.0
TRIGGER_SECONDS = 2
Say = Callable[[str], None]


class _ProxiedStore(ObjectStore):
    """The S3 server as the jobs and ClickHouse see it."""

    def __init__(self, store: ObjectStore, port: int) -> None:
        super().__init__(store.folder)
        self.port, self.access_key, self.secret_key = port, store.access_key, store.secret_key


class Stores:
    """The three servers, on file systems of a bounded size where that can be had."""

    def __init__(self, folder: Path, bounded: bool) -> None:
        self.folder = folder
        self.bounded = bounded
        self.clock = Clock(folder)
        self.object_store = ObjectStore(folder / "object-store")
        self.s3 = Proxy("S3", lambda: self.object_store.port)
        self.proxied_store = _ProxiedStore(self.object_store, self.s3.port)
        self.clickhouse = ClickHouse(folder / "clickhouse", self.proxied_store)
        self.http = Proxy("ClickHouse", lambda: self.clickhouse.port)
        self.brokers = Proxy("Kafka", lambda: self.kafka.proxied_port)
        self.kafka = Kafka(folder / "kafka", advertised_port=self.brokers.port)

    def start(self) -> None:
        for proxy in (self.s3, self.http, self.brokers):
            proxy.start()
        if self.bounded:
            for name, size in (("object-store", "1500m"), ("clickhouse", "1500m"), ("kafka", "1500m")):
                (self.folder / name).mkdir(parents=True)
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", f"faults-{name}", self.folder / name], check=True, capture_output=True)
        self.object_store.start()
        self.clickhouse.start()
        self.kafka.start()

    def heal(self) -> None:
        """Ends every disturbance."""
        self.clock.set(0)
        for proxy in (self.s3, self.http, self.brokers):
            proxy.disturb(None)

    def stop(self) -> None:
        for part in (self.kafka, self.clickhouse, self.object_store):
            part.kill()
        if self.bounded:
            for name in ("object-store", "clickhouse", "kafka"):
                subprocess.run(["umount", "--lazy", self.folder / name], check=False, capture_output=True)


@dataclass
class End:
    """How a job ended by itself."""

    at: float
    code: int
    sentence: str
    output: str


@dataclass
class Job:
    """One job, started again whenever it ends by itself, as with restartPolicy Always; `hold` stops that."""

    name: str
    start: Callable[[], Process]
    say: Say
    process: Process | None = None
    wanted: bool = False
    ends: list[End] = field(default_factory=list)
    started_at: float = 0.0
    _again_at: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def run(self) -> None:
        with self._lock:
            self.wanted = True
            if self.process is None:
                self._begin()

    def _begin(self) -> None:
        self.process, self.started_at = self.start(), time.monotonic()

    def look(self) -> None:
        """Called all the time: notes an end, and starts it again after a moment."""
        with self._lock:
            if self.process is not None and self.process.exit_code is not None:
                self._note_end(self.process)
                self.process = None
                self._again_at = time.monotonic() + _BACK_OFF_SECONDS * min(2 ** sum(end.at > time.monotonic() - 60 for end in self.ends[-5:]), 8)
            if self.wanted and self.process is None and time.monotonic() >= self._again_at:
                self._begin()

    def _note_end(self, process: Process) -> None:
        output = process.output()
        lines = [line for line in output.splitlines() if line.strip()]
        end = End(time.monotonic(), process.exit_code or 0, lines[-1] if lines else "", output)
        self.ends.append(end)
        process.kill()
        self.say(f"{self.name} ended with code {end.code}: {end.sentence[:300]}")

    def signal(self, number: signal.Signals) -> None:
        """To the whole group, driver and JVM."""
        with self._lock:
            if self.process is not None and self.process.exit_code is None:
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL; it is started again."""
        with self._lock:
            if self.process is not None:
                self.process.kill()
                self.process = None
                self._again_at = time.monotonic() + _BACK_OFF_SECONDS

    def hold(self, graceful: bool = True) -> None:
        """Stops it, with SIGTERM or SIGKILL, and leaves it so."""
        with self._lock:
            self.wanted = False
            if self.process is not None:
                if graceful:
                    self.process.stop(60)
                else:
                    self.process.kill()
                self.process = None

    def end_of(self, after: float, timeout_seconds: float) -> End | None:
        """The next end by itself after a moment."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for end in list(self.ends):
                if end.at >= after:
                    return end
            time.sleep(0.1)
        return None


@dataclass(frozen=True)
class Progress:
    """How far a lane is."""

    behind: int
    """Acknowledged records that no commit holds."""
    unfolded: int
    """Rows of silver less events that gold has counted."""

    @property
    def caught_up(self) -> bool:
        return self.behind <= 0 and self.unfolded <= 0

    def __str__(self) -> str:
        return f"{self.behind} records not in bronze, {self.unfolded} rows of silver not in gold"


class Lane:
    """One topic and all that is made of it. Lanes share the servers and nothing else."""

    def __init__(self, stores: Stores, folder: Path, name: str, say: Say, *, code: Path = JOBS, engine: str = "spark", time_zone: str = "Asia/Seoul", partitions: int = 2) -> None:
        self.stores, self.folder, self.name, self.say = stores, folder / name, name, say
        self.code_of = {"streaming": code, "gold": code}
        """The folder of each job's code."""
        self.engine, self.business_time_zone = engine, time_zone
        self.topic, self.database, self.partitions = f"events-{name}", f"logs_{name.replace('-', '_')}", partitions
        self.lake = Lake(stores.object_store, f"{name}-")
        self.reader = Reader(stores.object_store.folder / "buckets", self.lake.commits)
        self.max_offsets = 5_000
        self.silver_retention_days: int | None = None
        self.streaming = Job("the streaming job", lambda: self.submit_streaming("streaming"), say)
        self.gold = Job("the gold job", lambda: self.submit_gold("gold"), say)

    def create(self) -> Lane:
        self.folder.mkdir(parents=True)
        Lake.create(self.stores.object_store, self.lake.prefix)
        self.stores.kafka.create_topic(self.topic, self.partitions)
        self.apply_schema()
        return self

    def apply_schema(self) -> None:
        """Runs the schema job, straight to the server."""
        arguments = ["--clickhouse-url", self.stores.clickhouse.url, "--clickhouse-user", WRITER, "--database", self.database]
        environment = {**os.environ, "CLICKHOUSE_PASSWORD": self.stores.clickhouse.password, "PYTHONPATH": str(self.code_of["gold"])}
        done = subprocess.run([fetch.python(), self.code_of["gold"] / "schema_job.py", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ComponentError(f"the schema job ended with code {done.returncode}: {(done.stderr or done.stdout).strip()[-1000:]}")

    def new_database(self) -> None:
        """Drops the database and makes it again, by the schema of gold's code."""
        self.stores.clickhouse.execute(f"DROP DATABASE IF EXISTS {self.database} SYNC")
        self.apply_schema()

    def run(self) -> None:
        self.streaming.run()
        self.gold.run()

    def hold(self, graceful: bool = True) -> None:
        self.streaming.hold(graceful)
        self.gold.hold(graceful)

    def look(self) -> None:
        self.streaming.look()
        self.gold.look()

    def streaming_arguments(self, **changed: object) -> list[str]:
        arguments: dict[str, object] = {
            "bootstrap-servers": f"127.0.0.1:{self.stores.brokers.port}",
            "topic": self.topic,
            "bronze": self.lake.bronze,
            "silver": self.lake.silver,
            "quarantine": self.lake.quarantine,
            "commits": self.lake.commits,
            "checkpoint": self.lake.streaming_checkpoint,
            "trigger-seconds": TRIGGER_SECONDS,
            "max-offsets-per-trigger": self.max_offsets,
        }
        return _flags({**arguments, **{name.replace("_", "-"): value for name, value in changed.items()}})

    def submit_streaming(self, name: str, **changed: object) -> Process:
        return self._submit("streaming_job.py", self.streaming_arguments(**changed), name)

    def submit_gold(self, name: str) -> Process:
        arguments: dict[str, object] = {
            "commits": self.lake.commits,
            "engine": self.engine,
            "trigger-seconds": TRIGGER_SECONDS,
            "max-files-per-trigger": 20,
            "clickhouse-url": f"http://127.0.0.1:{self.stores.http.port}",
            "clickhouse-user": WRITER,
            "database": self.database,
            "business-time-zone": self.business_time_zone,
        }
        if self.silver_retention_days is not None:
            arguments["silver-retention-days"] = self.silver_retention_days
        return self._submit("gold_job.py", ["run", *_flags(arguments)], name)

    def _submit(self, job: str, arguments: list[str], name: str) -> Process:
        code = self.code_of[job.split("_")[0]]
        environment = {"CLICKHOUSE_PASSWORD": self.stores.clickhouse.password, "PYTHONPATH": str(code), **_JAVA, **self.stores.clock.environment}
        return submit(code / job, arguments, self.folder / name, object_store=self.stores.proxied_store, extra_environment=environment, memory="1g")

    def query(self, statement: str) -> list[dict[str, Any]]:
        return self.stores.clickhouse.query(statement)

    def progress(self, wanted: dict[int, int]) -> Progress:
        """Measured against offsets by partition. Raises OSError or ClickHouseError while a server is down."""
        until = self.reader.until()
        behind = sum(max(end - until.get(partition, 0), 0) for partition, end in wanted.items())
        counted = self.query(f"SELECT toUInt64(sum(total_requests)) AS n FROM {self.database}.metrics_server_health_minutely")[0]["n"]
        return Progress(behind, self.reader.silver_rows() - int(counted or 0))

    def end_offsets(self) -> dict[int, int]:
        """What is in the topic now, by partition."""
        return self.stores.kafka.end_offsets(self.topic)


def try_progress(lane: Lane, wanted: dict[int, int]) -> Progress | str:
    """The progress, or why it cannot be had at this moment."""
    try:
        return lane.progress(wanted)
    except (OSError, HTTPException, KafkaException, ClickHouseError, BrokenLogError) as error:
        return f"{type(error).__name__}: {str(error)[:200]}"


class Supervisor:
    """Looks after the jobs of every lane; its thread starts their processes, and lives as long as they do."""

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="supervisor", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.wait(0.1):
            for lane in list(self.lanes):
                lane.look()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)
        for lane in self.lanes:
            lane.hold(graceful=False)


def _flags(arguments: dict[str, object]) -> list[str]:
    return [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
