"""The faults, each a function of a context. It returns when what it broke is back; what has to hold then is the suite's business.

A fault that has to be noticed ends with `expect_alarm`: a job that ends with one sentence which names what happened.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from http.client import HTTPException
from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewPartitions

from e2e.faults import values
from e2e.faults.checker import Violation
from e2e.faults.generator import Generator, producer, send_transaction
from e2e.faults.ledger import ABORTED, Ledger
from e2e.faults.proxy import Disturbance, Proxy
from e2e.faults.system import End, Job, Lane, Stores
from local.clickhouse import ClickHouse, ClickHouseError
from local.process import Process
from local.web_server import WebServer

_ALARM_PATIENCE = 90
_STATES = ("server_health_states", "operational_states", "action_states", "user_states")
_TRACE = re.compile(r"^\s+at [\w.$]+\(|Traceback \(most recent|Exception in thread", re.MULTILINE)


class FaultError(Exception):
    """A fault could not be brought about, e.g. the moment it waits for did not come."""


@dataclass
class Context:
    """What a fault works on."""

    stores: Stores
    lane: Lane
    generator: Generator
    ledger: Ledger
    web_server: WebServer | None
    chance: random.Random
    seconds: float
    """How long what lasts should last."""
    rounds: int
    """How often what is over in a moment is repeated."""
    say: Callable[[str], None]
    violations: list[Violation] = field(default_factory=list)

    def violate(self, invariant: str, says: str, rows: list[object] | None = None) -> None:
        self.violations.append(Violation(invariant, says, rows or []))


Run = Callable[[Context], None]


@dataclass(frozen=True)
class Fault:
    """One entry of `--list`."""

    name: str
    does: str
    run: Run
    ends_lane: bool = False
    """After it the topic and the lake no longer belong together, and the lane is only good for a fault of `on_ended_lane`."""
    on_ended_lane: bool = False
    ci: bool = False
    patience: float = 90
    """Within how many seconds of its end both jobs have to have caught up."""


FAULTS: dict[str, Fault] = {}


def _fault(name: str, *, ends_lane: bool = False, on_ended_lane: bool = False, ci: bool = False, patience: float = 90) -> Callable[[Run], Run]:
    def register(run: Run) -> Run:
        FAULTS[name] = Fault(name, (run.__doc__ or "").strip().splitlines()[0].rstrip("."), run, ends_lane, on_ended_lane, ci, patience)
        return run

    return register


def by_name(name: str) -> Fault | None:
    return FAULTS.get(name)


# ------------------------------------------------------------------------------------------------- processes


@_fault("kill-kafka")
def _kill_kafka(context: Context) -> None:
    """SIGKILL to the broker, back after some seconds."""
    context.stores.kafka.kill()
    time.sleep(context.chance.uniform(1, 5))
    context.stores.kafka.start()


@_fault("kill-s3")
def _kill_s3(context: Context) -> None:
    """SIGKILL to the S3 server, back after some seconds."""
    context.stores.object_store.kill()
    time.sleep(context.chance.uniform(1, 5))
    context.stores.object_store.start()


@_fault("kill-clickhouse")
def _kill_clickhouse(context: Context) -> None:
    """SIGKILL to ClickHouse at random, back after some seconds."""
    context.stores.clickhouse.kill()
    time.sleep(context.chance.uniform(1, 5))
    context.stores.clickhouse.start()


@_fault("kill-streaming")
def _kill_streaming(context: Context) -> None:
    """SIGKILL to the streaming driver at random."""
    time.sleep(context.chance.uniform(0, 2))
    context.lane.streaming.kill()
    _back(context.lane.streaming)


@_fault("kill-streaming-before-manifest", ci=True)
def _kill_streaming_before_manifest(context: Context) -> None:
    """SIGKILL to the streaming driver when files of a batch are complete and its manifest is not."""
    lane = context.lane
    root = lane.reader.path(lane.lake.silver)
    for _ in range(5):
        last = _last_sequence(lane)
        _until(partial(_is_written_after, root, last), 90, "a file of a batch")
        lane.streaming.kill()
        written, committed = _written(root), _last_sequence(lane)
        _back(lane.streaming)
        if written > committed:
            context.say(f"batch {written} was written and not committed")
            return
    raise FaultError("each manifest was faster than the kill")


def _last_sequence(lane: Lane) -> int:
    names = lane.reader.manifest_names()
    return int(names[-1][:20]) if names else -1


def _is_written_after(root: Path, last: int) -> bool:
    return _written(root) > last


def _written(root: Path) -> int:
    """The highest sequence that has a complete file."""
    found = (re.search(r"/batch=(\d+)-", folder) for folder, _, files in os.walk(root) if "__magic" not in folder and any(name.endswith(".parquet") for name in files))
    return max((int(one.group(1)) for one in found if one), default=-1)


@_fault("kill-streaming-after-manifest")
def _kill_streaming_after_manifest(context: Context) -> None:
    """SIGKILL to the streaming driver the moment a manifest is there."""
    names = context.lane.reader.manifest_names()
    _until(lambda: context.lane.reader.manifest_names() != names, 60, "a manifest")
    context.lane.streaming.kill()
    _back(context.lane.streaming)


@_fault("kill-gold")
def _kill_gold(context: Context) -> None:
    """SIGKILL to the gold driver at random."""
    time.sleep(context.chance.uniform(0, 2))
    context.lane.gold.kill()
    _back(context.lane.gold)


@_fault("kill-gold-in-load", ci=True)
def _kill_gold_in_load(context: Context) -> None:
    """SIGKILL to the gold driver when some tables have a file's states and others do not."""
    watch = _PartWatch(context.lane)
    if not watch.wait(PART, 60):
        raise FaultError("no INSERT came within 60 s")
    context.lane.gold.kill()
    _back(context.lane.gold)


@_fault("kill-web-server")
def _kill_web_server(context: Context) -> None:
    """SIGKILL to the web server, back at once: what it held back is unknown, what it had handed over is stored."""
    server = context.web_server
    if server is None or server.process is None:
        return
    server.process.kill()
    context.generator.forget_unconfirmed()
    time.sleep(context.chance.uniform(0, 2))
    server.start()


def _stopped(context: Context, name: str, send: Callable[[signal.Signals], None]) -> None:
    context.say(f"SIGSTOP to {name} for {context.seconds:.0f} s")
    send(signal.SIGSTOP)
    try:
        time.sleep(context.seconds)
    finally:
        send(signal.SIGCONT)


def _group(process: Process | None) -> Callable[[signal.Signals], None]:
    def send(number: signal.Signals) -> None:
        if process is not None and process.exit_code is None:
            os.killpg(process.pid, number)

    return send


@_fault("stop-kafka", patience=120)
def _stop_kafka(context: Context) -> None:
    """SIGSTOP to the broker, later SIGCONT."""
    _stopped(context, "Kafka", _group(context.stores.kafka.process))


@_fault("stop-s3", patience=120)
def _stop_s3(context: Context) -> None:
    """SIGSTOP to the S3 server, later SIGCONT."""
    _stopped(context, "the S3 server", _group(context.stores.object_store.process))


@_fault("stop-clickhouse", patience=120)
def _stop_clickhouse(context: Context) -> None:
    """SIGSTOP to ClickHouse, later SIGCONT."""
    _stopped(context, "ClickHouse", _group(context.stores.clickhouse.process))


@_fault("stop-streaming", patience=120)
def _stop_streaming(context: Context) -> None:
    """SIGSTOP to the streaming driver, later SIGCONT."""
    _stopped(context, "the streaming job", context.lane.streaming.signal)


@_fault("stop-gold", patience=120)
def _stop_gold(context: Context) -> None:
    """SIGSTOP to the gold driver, later SIGCONT."""
    _stopped(context, "the gold job", context.lane.gold.signal)


# ------------------------------------------------------------------------------------------------ ClickHouse


NEW_PART, PART, DEDUPLICATION_LOG = r"^tmp_insert", r"^(?!tmp_)[^_]+_(\d+)_\1_\d+$", r"^deduplication_log"
"""Moments of an INSERT: its part is being written; it is there; its token is."""
MERGE = r"^tmp_merge|^[^_]+_(\d+)_(?!\1_)\d+_\d+$"


class _PartWatch:
    """Looks at the folders of a lane's state tables as fast as it can."""

    def __init__(self, lane: Lane) -> None:
        names = ", ".join(f"'{name}'" for name in _STATES)
        rows = lane.query(f"SELECT data_paths AS paths FROM system.tables WHERE database = '{lane.database}' AND name IN ({names})")
        self._folders = [path for row in rows for path in row["paths"]]
        self._logs = [folder for folder in (os.path.join(one, "deduplication_logs") for one in self._folders) if os.path.isdir(folder)]

    @property
    def has_token(self) -> bool:
        return bool(self._logs)

    @property
    def moments(self) -> list[str]:
        """What can be waited for. A table with a deduplication log is at its weakest between the token and the part."""
        return [NEW_PART, PART, *([DEDUPLICATION_LOG] * 6 if self._logs else [])]

    def wait(self, moment: str, timeout_seconds: float) -> bool:
        """True as soon as it is there, within a few millionths of a second on a core of its own."""
        deadline = time.monotonic() + timeout_seconds
        if moment == DEDUPLICATION_LOG:
            return self._wait_for_token(deadline)
        is_of = re.compile(moment).search
        known = {folder: _listed(folder) for folder in self._folders}
        while time.monotonic() < deadline:
            for folder, names in known.items():
                now = _listed(folder)
                if now != names:
                    if any(is_of(name) for name in now if name not in names):
                        return True
                    known[folder] = now
        return False

    def _wait_for_token(self, deadline: float) -> bool:
        while time.monotonic() < deadline:
            newest = [os.path.join(folder, max(names, key=_number)) for folder in self._logs if (names := _listed(folder))]
            sizes = [(path, _size(path)) for path in newest]
            for _ in range(20_000):
                for path, size in sizes:
                    if _size(path) != size:
                        return True
        return False


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name) or 0)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


@_fault("clickhouse-killed-in-insert", ci=True, patience=120)
def _clickhouse_in_insert(context: Context) -> None:
    """SIGKILL to ClickHouse as a part or an entry of its deduplication log appears, again and again, each time started at once."""
    killed = 0
    watch = _PartWatch(context.lane)
    deadline = time.monotonic() + context.rounds * 8
    while killed < context.rounds and time.monotonic() < deadline:
        if not watch.wait(watch.moments[-1 - killed % len(watch.moments)], 20):
            continue
        if killed // len(watch.moments) % 2 and not watch.has_token:
            time.sleep(context.chance.uniform(0, 0.004))
        context.stores.clickhouse.kill()
        context.stores.clickhouse.start()
        killed += 1
    context.say(f"ClickHouse was killed in {killed} INSERTs")
    if not killed:
        raise FaultError("no INSERT came")


@_fault("clickhouse-killed-in-merge")
def _clickhouse_in_merge(context: Context) -> None:
    """SIGKILL to ClickHouse in a merge that is asked for."""
    lane = context.lane
    watch = _PartWatch(lane)
    for _ in range(max(context.rounds // 4, 1)):
        merging = threading.Thread(target=_merge, args=(lane, context.chance.choice(_STATES)), daemon=True)
        merging.start()
        watch.wait(MERGE, 5)
        context.stores.clickhouse.kill()
        merging.join(30)
        context.stores.clickhouse.start()


def _merge(lane: Lane, table: str) -> None:
    try:
        lane.stores.clickhouse.execute(f"OPTIMIZE TABLE {lane.database}.{table} FINAL")
    except (OSError, HTTPException, ClickHouseError):
        pass  # it is killed in it


@_fault("clickhouse-killed-while-starting")
def _clickhouse_while_starting(context: Context) -> None:
    """SIGKILL to ClickHouse, and again before it has come up."""
    clickhouse = context.stores.clickhouse
    for _ in range(max(context.rounds // 4, 2)):
        clickhouse.kill()
        starting = _Unready(clickhouse).start()
        time.sleep(context.chance.uniform(0.05, 0.8))
        starting.kill()
    clickhouse.start()


class _Unready(ClickHouse):
    """The same server, whose start nobody waits for."""

    def __init__(self, of: ClickHouse) -> None:
        self.__dict__.update(of.__dict__)

    def _ready(self) -> bool:
        return True


# -------------------------------------------------------------------------------------------------- the net


@contextmanager
def _disturbed(context: Context, proxy: Proxy, disturbance: Disturbance, drop: bool = False) -> Iterator[None]:
    if drop:
        proxy.drop_connections()
    proxy.disturb(disturbance, context.chance.randrange(1 << 30))
    try:
        yield
    finally:
        proxy.disturb(None)
        context.say(f"{proxy.hits} requests to {proxy.name} had {disturbance.kind}")
        if not proxy.hits:
            raise FaultError(f"no request to {proxy.name} was disturbed")


def _over(context: Context, proxy: Proxy, disturbance: Disturbance, drop: bool = False) -> None:
    """For the fault's seconds, and on a machine that is slow until a request was disturbed, at most a minute more."""
    with _disturbed(context, proxy, disturbance, drop):
        time.sleep(context.seconds)
        given_up = time.monotonic() + 60
        while not proxy.hits and time.monotonic() < given_up:
            time.sleep(0.2)


@_fault("answer-lost-clickhouse")
def _answer_lost_clickhouse(context: Context) -> None:
    """Half of the answers of ClickHouse to an INSERT are lost after the effect."""
    _over(context, context.stores.http, Disturbance("lose-answer", 0.5, rb"(?i)insert|POST"))


@_fault("answer-lost-s3", ci=True)
def _answer_lost_s3(context: Context) -> None:
    """A fifth of the answers of S3 to PUT, POST and DELETE are lost after the effect."""
    _over(context, context.stores.s3, Disturbance("lose-answer", 0.2, rb"^(PUT|POST|DELETE)"))


@_fault("answer-lost-manifest")
def _answer_lost_manifest(context: Context) -> None:
    """Every answer of S3 to the PUT of a manifest is lost after the effect."""
    _over(context, context.stores.s3, Disturbance("lose-answer", 1.0, rb"^PUT \S*/commits/"))


@_fault("answer-lost-kafka")
def _answer_lost_kafka(context: Context) -> None:
    """A tenth of the answers of Kafka, to the jobs, to a producer and to the web server, are lost after the effect."""
    _over(context, context.stores.brokers, Disturbance("lose-answer", 0.1))


@_fault("s3-500")
def _s3_500(context: Context) -> None:
    """A fifth of the requests to S3 are answered with 500."""
    body = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>"
    _over(context, context.stores.s3, Disturbance("status", 0.2, status="500 Internal Server Error", body=body))


@_fault("s3-503")
def _s3_503(context: Context) -> None:
    """A fifth of the requests to S3 are answered with 503 Slow Down."""
    body = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    _over(context, context.stores.s3, Disturbance("status", 0.2, body=body))


@_fault("s3-full")
def _s3_quota(context: Context) -> None:
    """Every write to S3 is answered with 507, as a store beyond its quota does."""
    body = b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>"
    _over(context, context.stores.s3, Disturbance("status", 1.0, rb"^(PUT|POST)", status="507 Insufficient Storage", body=body))


@_fault("s3-resets")
def _s3_resets(context: Context) -> None:
    """A fifth of the requests to S3 end in a reset before their effect."""
    _over(context, context.stores.s3, Disturbance("reset", 0.2))


@_fault("s3-delays")
def _s3_delays(context: Context) -> None:
    """A fifth of the requests to S3 wait for two seconds."""
    _over(context, context.stores.s3, Disturbance("delay", 0.2, seconds=2))


@_fault("s3-throttled")
def _s3_throttled(context: Context) -> None:
    """S3 takes and gives 60 KB a second and connection."""
    _over(context, context.stores.s3, Disturbance("throttle", bytes_a_second=60_000))


@_fault("s3-slow-bodies")
def _s3_slow_bodies(context: Context) -> None:
    """A third of the answers of S3 come 8 KB a second."""
    _over(context, context.stores.s3, Disturbance("slow-body", 0.3, rb"^GET", bytes_a_second=8_000))


@_fault("clickhouse-resets")
def _clickhouse_resets(context: Context) -> None:
    """Half of the requests to ClickHouse end in a reset before their effect."""
    _over(context, context.stores.http, Disturbance("reset", 0.5))


@_fault("clickhouse-500")
def _clickhouse_500(context: Context) -> None:
    """Half of the requests to ClickHouse are answered with 500: memory limit exceeded."""
    body = b"Code: 241. DB::Exception: (total) memory limit exceeded: would use 3.00 GiB. (MEMORY_LIMIT_EXCEEDED)\n"
    _over(context, context.stores.http, Disturbance("status", 0.5, status="500 Internal Server Error", body=body))


@_fault("clickhouse-quota", ci=True)
def _clickhouse_quota(context: Context) -> None:
    """A third of the INSERTs into states are refused, as beyond a quota, which no retry mends: the job ends, and begins again."""
    body = b"Code: 201. DB::Exception: Quota for user `writer` for 3600s has been exceeded: written_bytes = 4.00 GB/3.00 GB. (QUOTA_EXCEEDED)\n"
    _over(context, context.stores.http, Disturbance("status", 0.3, rb"_states", status="500 Internal Server Error", body=body))


@_fault("kafka-resets")
def _kafka_resets(context: Context) -> None:
    """Every connection to Kafka is cut, and a tenth of the requests of the next ones."""
    _over(context, context.stores.brokers, Disturbance("reset", 0.1), drop=True)


# ------------------------------------------------------------------------------------------------- the disk


@contextmanager
def _full(context: Context, name: str) -> Iterator[None]:
    """Fills the file system of one server to the last byte."""
    if not context.stores.bounded:
        raise FaultError("a file system of a bounded size needs the right to mount one")
    balloon = context.stores.folder / name / "balloon"
    free = shutil.disk_usage(balloon.parent).free
    with balloon.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free)
    context.say(f"the disk of {name} is full: {free >> 20} MiB taken, {shutil.disk_usage(balloon.parent).free} bytes left")
    try:
        yield
    finally:
        balloon.unlink()


@_fault("disk-full-s3")
def _disk_full_s3(context: Context) -> None:
    """The S3 server's disk is full to the last byte."""
    with _full(context, "object-store"):
        time.sleep(context.seconds)


@_fault("disk-full-clickhouse")
def _disk_full_clickhouse(context: Context) -> None:
    """ClickHouse's disk is full to the last byte."""
    with _full(context, "clickhouse"):
        time.sleep(context.seconds)


@_fault("disk-full-kafka")
def _disk_full_kafka(context: Context) -> None:
    """Kafka's disk is full to the last byte: the broker ends, and is started again when there is room."""
    with _full(context, "kafka"):
        time.sleep(context.seconds)
    context.stores.kafka.kill()
    context.stores.kafka.start()


# ------------------------------------------------------------------------------------------------- the topic


@_fault("partitions-added", ci=True)
def _partitions_added(context: Context) -> None:
    """The topic gets another partition under load."""
    lane = context.lane
    admin = lane.stores.kafka.admin()
    lane.partitions += 1
    admin.create_partitions([NewPartitions(lane.topic, lane.partitions)])[lane.topic].result(30)
    _until(lambda: len(admin.list_topics(lane.topic, timeout=10).topics[lane.topic].partitions) == lane.partitions, 30, "the new partition")
    context.generator.partitions = lane.partitions


@_fault("transactions", ci=True)
def _transactions(context: Context) -> None:
    """Records in transactions that are committed, aborted, and left open for some seconds: only the first are ever stored."""
    lane = context.lane
    made = [values.value("usual", context.chance, 900_000_000 + number) for number in range(60)]
    servers = lane.stores.kafka.bootstrap_servers
    send_transaction(context.ledger, servers, lane.topic, 0, made[:20], "commit")
    send_transaction(context.ledger, servers, lane.topic, 0, made[20:40], "abort")
    left_open = send_transaction(context.ledger, servers, lane.topic, 0, made[40:], "open")
    time.sleep(4)
    stored = {(partition, offset) for partition, offset, _, _ in lane.reader.lake().bronze}
    early = [sent for sent in context.ledger.sent(lane.topic) if sent.outcome == ABORTED and (sent.partition, sent.offset) in stored]
    if early:
        context.violate("aborted never stored", f"{len(early)} records of open or aborted transactions are in bronze", list(early[:5]))
    context.ledger.markers[lane.topic, 0] += 1
    left_open.abort_transaction(30)


@_fault("retention-expired-under-the-job", ends_lane=True, ci=True)
def _retention_expired_under_the_job(context: Context) -> None:
    """Kafka deletes records while the streaming job is stopped by SIGSTOP: it says so when it goes on, and skips nothing."""
    lane = context.lane
    lane.streaming.signal(signal.SIGSTOP)
    after = time.monotonic()
    try:
        until = lane.reader.until()
        _more(context, 200)
        _expire_unstored(lane, until)
    finally:
        lane.streaming.signal(signal.SIGCONT)
    expect_alarm(context, lane.streaming, [lane.topic, "the brokers have deleted records", "--accept-lost"], after=after, run=False)


@_fault("retention-expired", ends_lane=True, on_ended_lane=True, ci=True)
def _retention_expired(context: Context) -> None:
    """Kafka deletes records that a stopped streaming job has not stored: it says which, by partition and offset."""
    lane = context.lane
    lane.streaming.hold()
    until = lane.reader.until()
    _more(context, 100)
    _expire_unstored(lane, until)
    expect_alarm(context, lane.streaming, [lane.topic, *(str(end) for end in until.values())])


def _expire_unstored(lane: Lane, until: dict[int, int]) -> None:
    """What retention does, at once: of what each partition holds beyond these offsets, the brokers delete the older half."""
    ends = lane.end_offsets()
    if any(ends[partition] - stored < 2 for partition, stored in until.items()):
        raise FaultError(f"there is not enough to delete: stored {until}, in the topic {ends}")
    admin = lane.stores.kafka.admin()
    below = [TopicPartition(lane.topic, partition, (stored + ends[partition]) // 2) for partition, stored in until.items()]
    for done in admin.delete_records(below).values():
        done.result(30)


@_fault("topic-recreated", ends_lane=True, on_ended_lane=True, ci=True)
def _topic_recreated(context: Context) -> None:
    """The topic is deleted and created again with more records than are stored."""
    _recreated(context, sum(context.lane.reader.until().values()) + 200)


@_fault("topic-recreated-shorter", ends_lane=True, on_ended_lane=True)
def _topic_recreated_shorter(context: Context) -> None:
    """The topic is deleted and created again with fewer records than are stored."""
    _recreated(context, 20)


@_fault("topic-recreated-under-the-job", ends_lane=True)
def _topic_recreated_under_the_job(context: Context) -> None:
    """The topic is deleted and created again, with more records than are stored, while the streaming job runs."""
    _recreated(context, sum(context.lane.reader.until().values()) + 200, stop=False)


def _recreated(context: Context, records: int, stop: bool = True) -> None:
    lane = context.lane
    if stop:
        lane.streaming.hold()
    after = time.monotonic()
    before = lane.reader.manifest_names()
    admin = lane.stores.kafka.admin()
    admin.delete_topics([lane.topic])[lane.topic].result(30)
    _until(lambda: lane.topic not in admin.list_topics(timeout=10).topics, 30, "the end of the topic")
    time.sleep(0.5)
    lane.stores.kafka.create_topic(lane.topic, lane.partitions)
    _more(context, min(records, 4_000), plain=True)
    expect_alarm(context, lane.streaming, [lane.topic], after=None if stop else after)
    if stop and lane.reader.manifest_names() != before:
        context.violate("alarm", "the streaming job has stored records of another topic under the same name")


def _more(context: Context, count: int, plain: bool = False) -> None:
    """Records at once, past the generator, whose clients may not know the topic any more."""
    made = [values.value("usual", context.chance, 800_000_000 + context.chance.randrange(1 << 24)) for _ in range(count)]
    if not plain:
        context.generator.send(made)
        return
    client = producer(context.lane.stores.kafka.bootstrap_servers)
    for number, value in enumerate(made):
        client.produce(context.lane.topic, value.value, partition=number % context.lane.partitions)
    if client.flush(60):
        raise FaultError("the new topic takes no records")


# ------------------------------------------------------------------------------------------------- the state


def _newest(folder: Path, pattern: str = "*") -> Path:
    files = [path for path in folder.rglob(pattern) if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise FaultError(f"there is no file in {folder.name}")
    return max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


@contextmanager
def _while_stopped(*jobs: Job) -> Iterator[None]:
    for job in jobs:
        job.hold()
    try:
        yield
    finally:
        for job in jobs:
            job.run()


def _checkpoint_file(context: Context, damage: Callable[[Path], object]) -> None:
    lane = context.lane
    with _while_stopped(lane.streaming):
        root = lane.reader.path(lane.lake.streaming_checkpoint)
        file = _newest(root, context.chance.choice(("offsets/*", "commits/*", "metadata", "*")))
        context.say(f"{file.relative_to(root)} of the streaming checkpoint, {file.stat().st_size} bytes")
        damage(file)


@_fault("checkpoint-file-deleted")
def _checkpoint_file_deleted(context: Context) -> None:
    """A file of the streaming checkpoint is deleted while the job is stopped."""
    _checkpoint_file(context, lambda file: file.unlink())


@_fault("checkpoint-file-torn")
def _checkpoint_file_torn(context: Context) -> None:
    """A file of the streaming checkpoint is cut in half while the job is stopped."""
    _checkpoint_file(context, lambda file: os.truncate(file, file.stat().st_size // 2))


@_fault("checkpoint-file-emptied")
def _checkpoint_file_emptied(context: Context) -> None:
    """A file of the streaming checkpoint is emptied while the job is stopped."""
    _checkpoint_file(context, lambda file: os.truncate(file, 0))


@_fault("checkpoint-gone")
def _checkpoint_gone(context: Context) -> None:
    """The whole checkpoint of the streaming job is gone."""
    lane = context.lane
    with _while_stopped(lane.streaming):
        _empty(lane.reader.path(lane.lake.streaming_checkpoint))


def _empty(folder: Path) -> None:
    for path in folder.glob("*") if folder.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@_fault("log-stray-object")
def _log_stray_object(context: Context) -> None:
    """Somebody puts a note into the folder of the commit log."""
    lane = context.lane
    with _while_stopped(lane.streaming, lane.gold):
        (lane.reader.path(lane.lake.commits) / "note.txt").write_text("do not touch\n")


@_fault("log-middle-gone", patience=180)
def _log_middle_gone(context: Context) -> None:
    """A manifest from the middle of the commit log is gone and gold begins on a new database: it is named, and put back."""
    lane = context.lane
    lane.hold()
    names = lane.reader.manifest_names()
    if len(names) < 5:
        raise FaultError("the log is too short for a middle")
    name = names[len(names) // 2]
    path = lane.reader.path(lane.lake.commits) / name
    aside = lane.folder / name
    context.say(f"manifest {name} is taken away")
    shutil.copy2(path, aside)
    content, attributes = aside.read_bytes(), {key: os.getxattr(path, key) for key in os.listxattr(path)}
    path.unlink()
    try:
        lane.new_database()
        expect_alarm(context, lane.gold, [str(int(name[:20]))])
    finally:
        lane.gold.hold(graceful=False)
        path.write_bytes(content)
        for key, value in attributes.items():
            os.setxattr(path, key, value)
    _settle_alarm(lane.gold)
    lane.run()


@_fault("log-tail-gone", ends_lane=True)
def _log_tail_gone(context: Context) -> None:
    """The last three manifests are gone: the job says so, or goes on without a loss."""
    lane = context.lane
    lane.hold()
    names = lane.reader.manifest_names()
    if len(names) < 6:
        raise FaultError("the log is too short for that")
    for name in names[-3:]:
        (lane.reader.path(lane.lake.commits) / name).unlink()
    context.say(f"manifests from {names[-3]} on are gone")
    alarm_or_go_on(context, lane.streaming, [])


@_fault("log-last-emptied", ends_lane=True)
def _log_last_emptied(context: Context) -> None:
    """The last manifest has 0 bytes: the job says so with its name, or goes on without a loss."""
    lane = context.lane
    lane.hold()
    name = lane.reader.manifest_names()[-1]
    os.truncate(lane.reader.path(lane.lake.commits) / name, 0)
    context.say(f"manifest {name} is emptied")
    alarm_or_go_on(context, lane.streaming, [str(int(name[:20]))])


# ------------------------------------------------------------------------------------------------- two of a kind


@_fault("two-streaming-jobs")
def _two_streaming_jobs(context: Context) -> None:
    """A second streaming job on the same topic, log and checkpoint for some seconds."""
    _second(context, lambda: context.lane.submit_streaming("streaming-2"))


@_fault("two-gold-jobs")
def _two_gold_jobs(context: Context) -> None:
    """A second gold job on the same log and database for some seconds."""
    _second(context, lambda: context.lane.submit_gold("gold-2"))


def _second(context: Context, start: Callable[[], Process]) -> None:
    second = start()
    deadline = time.monotonic() + 12 + context.seconds
    while time.monotonic() < deadline and second.exit_code is None:
        time.sleep(0.2)
    context.say(f"the second one {'runs' if second.exit_code is None else 'ended: ' + second.tail(1)[:200]}")
    second.stop(60)


@_fault("second-log-in-the-lake", ci=True)
def _second_log(context: Context) -> None:
    """A streaming job with another topic, commit log and checkpoint on the same layers' folders is refused."""
    lane = context.lane
    topic = f"{lane.topic}-second"
    if topic not in lane.stores.kafka.admin().list_topics(timeout=10).topics:
        lane.stores.kafka.create_topic(topic, 1)
    bucket = lane.lake.silver.removeprefix("s3a://").split("/")[0]
    second = lane.submit_streaming("streaming-second-log", topic=topic, commits=f"s3a://{bucket}/commits/second/", checkpoint=f"s3a://{bucket}/checkpoints/second/")
    client = producer(lane.stores.kafka.bootstrap_servers)
    for number in range(50):
        client.produce(topic, f"[A] time=2026-11-30T00:00:{number:02d}")
    client.flush(30)
    deadline = time.monotonic() + 45
    while second.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.2)
    code, output = second.exit_code, second.output()
    second.kill()
    if code is None:
        context.violate("alarm", "a second commit log may write into the layers of the first")
    else:
        _is_sentence(context, End(time.monotonic(), code, output.strip().splitlines()[-1], output), [])


@_fault("new-version")
def _new_version(context: Context) -> None:
    """Both jobs are stopped by SIGTERM in the middle and started again as another attempt, gold with the other engine."""
    lane = context.lane
    with _while_stopped(lane.streaming, lane.gold):
        lane.engine = "clickhouse" if lane.engine == "spark" else "spark"


@_fault("reprocess", patience=180)
def _reprocess(context: Context) -> None:
    """The day is parsed again from bronze beside the running jobs: once cut off by SIGKILL, once whole."""
    lane = context.lane
    day = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    cut_off = lane.submit_streaming("reprocess", date=day)
    time.sleep(context.chance.uniform(6, 16))
    cut_off.kill()
    whole = lane.submit_streaming("reprocess", date=day)
    try:
        code = whole.wait(240)
    except subprocess.TimeoutExpired:
        whole.kill()
        raise FaultError("the day was not parsed again within 240 s") from None
    if code != 0:
        context.violate("reprocess", f"it ended with code {code}", [*whole.tail(5).splitlines()])


@_fault("database-lost", patience=180)
def _database_lost(context: Context) -> None:
    """The database is dropped: after the schema job, gold folds everything again."""
    lane = context.lane
    with _while_stopped(lane.gold):
        lane.new_database()


@_fault("clock-jumps")
def _clock_jumps(context: Context) -> None:
    """The clock of both jobs jumps forward by ten minutes, back by twenty, then by three hours, which S3 refuses, and is right again."""
    clock = context.stores.clock
    if not clock.can_be_set:
        raise FaultError("a clock that can be set needs a C compiler")
    for seconds in (600, -600, 10_800, -10_800):
        context.say(f"the jobs' clock is off by {seconds} s")
        clock.set(seconds)
        time.sleep(context.seconds / 4)
    clock.set(0)


@_fault("database-lost-and-silver-expired", ends_lane=True)
def _database_lost_and_silver_expired(context: Context) -> None:
    """The oldest files of silver have expired when the database is lost: the rest is counted, and the days that lack events are marked."""
    lane = context.lane
    lane.gold.hold()
    lane.new_database()
    expired = [url for manifest in lane.reader.manifests()[:2] for url in manifest.files["silver"]]
    lane.reader.expire(expired)
    lane.silver_retention_days = 0
    lane.gold.run()
    _until(lambda: bool(lane.query(f"SELECT date FROM {lane.database}.metrics_incomplete_days")) or bool(lane.gold.ends), 90, "a mark on the days that lack events")
    missing = lane.query(f"SELECT max(missing_files) AS files FROM {lane.database}.metrics_incomplete_days")[0]["files"]
    context.say(f"{len(expired)} files have expired, {missing} are marked as missing on one day")


# ------------------------------------------------------------------------------------------------- hard values


def _each(context: Context, *kinds: str, times: int = 2) -> None:
    context.generator.send([values.value(kind, context.chance, 700_000_000 + number) for kind in kinds for number in range(times)])


@_fault("value-slow", ci=True, patience=60)
def _value_slow(context: Context) -> None:
    """Values of 64 KB to 1 MiB that are made to be slow: slashes, digits, brackets, blanks."""
    _each(context, "slashes", "long-path", "long-number-path", "long-prefix", "spaces", "json-depth", "json-digits", times=2)
    _each(context, "slashes-mebibyte", times=1)


@_fault("value-greatest", ci=True, patience=60)
def _value_greatest(context: Context) -> None:
    """Events of one minute whose bytes and latency are the greatest number there is."""
    _each(context, "bytes-most", "latency-most", "bytes-greatest", "latency-greatest", "bytes-2^63", times=3)


@_fault("value-far-timestamp", patience=60)
def _value_far_timestamp(context: Context) -> None:
    """Records whose Kafka timestamp is 10^16 ms."""
    _each(context, "far-timestamp")


@_fault("value-many-hours", patience=240)
def _value_many_hours(context: Context) -> None:
    """600 events, each of another hour, in one batch."""
    context.generator.send([values.value("hour", context.chance, number) for number in range(600)])


# ------------------------------------------------------------------------------------------------- alarms


def expect_alarm(context: Context, job: Job, words: list[str], *, after: float | None = None, run: bool = True) -> None:
    """The job has to end with one sentence that holds the words."""
    after = time.monotonic() if after is None else after
    if run:
        job.run()
    end = job.end_of(after, _ALARM_PATIENCE)
    if end is None:
        context.violate("alarm", f"{job.name} has said nothing within {_ALARM_PATIENCE} s")
    else:
        _is_sentence(context, end, words)
    job.hold(graceful=False)
    _settle_alarm(job)


def alarm_or_go_on(context: Context, job: Job, words: list[str]) -> None:
    """The job ends with one sentence, or stores on; what it then stores is the checker's business."""
    after, before = time.monotonic(), context.lane.reader.manifest_names()
    job.run()
    deadline = time.monotonic() + _ALARM_PATIENCE
    while time.monotonic() < deadline:
        end = job.end_of(after, 0.5)
        if end is not None:
            _is_sentence(context, end, words)
            job.hold(graceful=False)
            _settle_alarm(job)
            return
        if len(context.lane.reader.manifest_names()) > len(before):
            return
    context.violate("alarm", f"{job.name} has neither ended nor stored anything within {_ALARM_PATIENCE} s")


def _is_sentence(context: Context, end: End, words: list[str]) -> None:
    missing = [word for word in words if word not in end.sentence]
    if end.code == 0:
        context.violate("alarm", f"it ended with code 0: {end.sentence[:300]}")
    elif _TRACE.search(end.output):
        context.violate("alarm", "it ended with a stack trace", [*end.output.splitlines()[-12:]])
    elif missing:
        context.violate("alarm", f"its last line does not name {missing}: {end.sentence[:500]}")
    else:
        context.say(f"alarmed: {end.sentence[:400]}")


def _settle_alarm(job: Job) -> None:
    """What was asked for is no crash."""
    job.ends.clear()


def _until(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise FaultError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.002)


def _back(job: Job) -> None:
    """Waits until the supervisor has started it again."""
    _until(lambda: job.process is not None, 30, f"a new start of {job.name}")
