"""The gold job as a process: how it starts, stops, says what it does, and ends when something is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

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

    def run(password: str = clickhouse.password, url: str = clickhouse.url, commits: str = lake.commits) -> Process:
        arguments = {"commits": commits, "clickhouse-url": url, "clickhouse-user": WRITER, "database": database, "trigger-seconds": "1"}
        line = ["run", *(part for name, value in arguments.items() for part in (f"--{name}", value))]
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
    ends_with(start(), f"ClickHouse at {clickhouse.url} has no {database}.server_health_states (16 missing in all); run schema_job.py first")


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


def test_sigterm_ends_a_job_that_waits_for_the_first_commit(start: Start, schema: None) -> None:
    job = start()
    deadline = time.monotonic() + 240
    while "waiting for the first commit" not in job.output():
        assert time.monotonic() < deadline, job.output()
        assert job.exit_code is None, job.output()
        time.sleep(0.2)
    job.stop()
    assert "Traceback" not in job.output()
