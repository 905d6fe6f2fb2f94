"""The gold job as a process: how it starts, stops, says what it does, and ends when something is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clickhouse import ClickHouse as Client
from local.clickhouse import WRITER, ClickHouse
from local.lake import Lake
from local.object_store import path_of
from local.process import Process, free_port
from local.spark import JOBS, submit
from schema_job import apply

Start = Callable[..., Process]
WRONG = "wrong"


@pytest.fixture
def start(tmp_path: Path, lake: Lake, clickhouse: ClickHouse, database: str) -> Start:
    """Starts `gold_job.py run`, on arguments that are right unless they are given otherwise."""

    def run(password: str = clickhouse.password, url: str = clickhouse.url, commits: str = lake.commits, into: str = database, zone: str = "UTC", rebuild: str = "") -> Process:
        arguments = {"commits": commits, "clickhouse-url": url, "clickhouse-user": WRITER, "database": into, "business-time-zone": zone}
        own = {"date": rebuild} if rebuild else {"trigger-seconds": "1"}
        line = ["rebuild" if rebuild else "run", *(part for name, value in {**arguments, **own}.items() for part in (f"--{name}", value))]
        return submit(JOBS / "gold_job.py", line, tmp_path / "gold", object_store=lake.object_store, extra_environment={"CLICKHOUSE_PASSWORD": password})

    return run


@pytest.fixture
def schema(clickhouse: ClickHouse, database: str) -> None:
    apply(Client(clickhouse.url, WRITER, clickhouse.password, database), None)


def ends_with(job: Process, sentence: str) -> None:
    assert job.wait(240) == 1
    output = job.output()
    assert sentence in output.splitlines()
    assert "Traceback" not in output
    assert "\tat " not in output


def test_a_wrong_password_is_one_sentence(start: Start, schema: None, clickhouse: ClickHouse) -> None:
    ends_with(start(password=WRONG), f"ClickHouse at {clickhouse.url} refuses user 'writer'; correct CLICKHOUSE_PASSWORD or --clickhouse-user")


def test_absent_tables_are_one_sentence(start: Start, clickhouse: ClickHouse, database: str) -> None:
    ends_with(start(), f"ClickHouse at {clickhouse.url} has no {database}.server_health_states (17 missing in all); run schema_job.py first")


def test_an_absent_bucket_is_one_sentence(start: Start, schema: None) -> None:
    sentence = "--commits s3a://nowhere/commits/ cannot be used: bucket 'nowhere' does not exist; create it or correct the location"
    ends_with(start(commits="s3a://nowhere/commits/"), sentence)


def test_a_local_commit_log_is_one_sentence(start: Start, schema: None) -> None:
    ends_with(start(commits="/var/commits"), "--commits is '/var/commits'; it must be an object-store location such as s3a://bucket/path/")


def test_an_unreachable_server_is_one_sentence_within_a_minute(start: Start) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ends_with(start(url=url), f"ClickHouse at {url} cannot be reached ([Errno 111] Connection refused); start it or correct --clickhouse-url")


def commit(lake: Lake, sequence: int, silver: list[str]) -> None:
    """A manifest by hand, of one row a file."""
    body = {
        "version": 2,
        "sequence": sequence,
        "previous": sequence - 1 if sequence else None,
        "kind": "batch",
        "attempt": f"{sequence:012x}",
        "topic": "events",
        "topic_id": None,
        "offsets": {},
        "bronze": [],
        "silver": [{"path": url, "bytes": 1} for url in silver],
        "quarantine": [],
        "rows": {"bronze": len(silver), "silver": len(silver), "quarantine": 0},
        "committed_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    with lake.object_store.files().open_output_stream(path_of(f"{lake.commits}{sequence:020d}.json")) as out:
        out.write(json.dumps(body).encode())


def last_line(job: Process) -> str:
    assert job.wait(400) == 1
    assert "Traceback" not in job.output()
    return job.output().splitlines()[-1]


def test_a_lost_silver_file_is_named_in_the_last_line(start: Start, schema: None, lake: Lake) -> None:
    lost = f"{lake.silver}year=2026/month=1/day=15/hour=3/part-0.zstd.parquet"
    commit(lake, 0, [lost])
    assert last_line(start()).startswith(f"silver file {lost}, which {lake.commits}{0:020d}.json names, is not in the object store")


def test_a_manifest_that_is_missing_in_the_middle_is_named_in_the_last_line(start: Start, schema: None, lake: Lake) -> None:
    for sequence in (0, 1, 3):
        commit(lake, sequence, [])
    assert f"{lake.commits}{2:020d}.json is missing in the commit log" in last_line(start())


def test_another_business_day_is_refused_and_its_remedy_fills_a_new_database(start: Start, schema: None, lake: Lake, clickhouse: ClickHouse, database: str) -> None:
    commit(lake, 0, [silver_file(lake, hour) for hour in (14, 16)])
    fold(start(zone="UTC"), clickhouse, database)
    assert days(clickhouse, database) == {"2026-01-15": 2}

    sentence = (
        f"the tables of {database} are filled by business days of UTC, --business-time-zone is Asia/Seoul; give --business-time-zone UTC, "
        f"or fill a new database: schema_job.py --database NAME, then gold_job.py run --database NAME --business-time-zone Asia/Seoul"
    )
    ends_with(start(zone="Asia/Seoul"), sentence)
    ends_with(start(zone="Asia/Seoul", rebuild="2026-01-16"), sentence)
    assert days(clickhouse, database) == {"2026-01-15": 2}
    assert start(zone="Etc/UTC", rebuild="2026-01-15").wait(240) == 0  # another name of the same days

    new = f"{database}_seoul"
    apply(Client(clickhouse.url, WRITER, clickhouse.password, new), None)
    try:
        fold(start(zone="Asia/Seoul", into=new), clickhouse, new)
        assert days(clickhouse, new) == {"2026-01-15": 1, "2026-01-16": 1}
    finally:
        clickhouse.execute(f"DROP DATABASE {new} SYNC")


def silver_file(lake: Lake, hour: int) -> str:
    """A file of one event, half past that hour of 2026-01-15, UTC."""
    url = f"{lake.silver}year=2026/month=1/day=15/hour={hour}/part-0.zstd.parquet"
    moment = datetime(2026, 1, 15, hour, 30, tzinfo=timezone.utc)
    time_type = pa.timestamp("us", "UTC")
    texts = {"raw_json": "…", "topic": "events", "raw_json_clean": "…", "http_method": "GET", "status": "API_CALL", "event_type": "USER_ACTIVITY", "user_id": "7", "endpoint": "/"}
    numbers = {"partition": pa.array([0], pa.int32()), "offset": pa.array([hour], pa.int64()), "bytes": pa.array([1], pa.int64()), "latency_ms": pa.array([1], pa.int64())}
    others = {"is_failed": pa.array([False]), "kafka_timestamp": pa.array([moment], time_type), "event_time": pa.array([moment], time_type)}
    columns = {**{name: pa.array([text]) for name, text in {**texts, "action_type": "MAIN", "session_id": "s"}.items()}, **numbers, **others}
    with lake.object_store.files().open_output_stream(path_of(url)) as out:
        pq.write_table(pa.table(columns), out)
    return url


def fold(job: Process, clickhouse: ClickHouse, database: str) -> None:
    """Lets the job fold the log to its end, and stops it."""
    job.wait_until(lambda: clickhouse.query(f"SELECT count() AS folded FROM {database}.gold_positions") == [{"folded": 1}], 240)
    job.stop(60)
    assert "Traceback" not in job.output()


def days(clickhouse: ClickHouse, database: str) -> dict[str, int]:
    rows = clickhouse.query(f"SELECT date, sum(event_count) AS events FROM {database}.metrics_business_daily WHERE metric_kind = 'ACTION' GROUP BY date")
    return {row["date"]: row["events"] for row in rows}


def test_sigterm_ends_a_job_that_waits_for_the_first_commit(start: Start, schema: None) -> None:
    job = start()
    deadline = time.monotonic() + 240
    while "waiting for the first commit" not in job.output():
        assert time.monotonic() < deadline, job.output()
        assert job.exit_code is None, job.output()
        time.sleep(0.2)
    job.stop()
    assert "Traceback" not in job.output()
