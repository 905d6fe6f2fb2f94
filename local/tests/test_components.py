"""Each component starts, answers, keeps its data over a crash and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession

from local import fetch
from local.clickhouse import READER, ClickHouse, ClickHouseError
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.process import Process


def test_kafka_keeps_acknowledged_records_over_a_crash(state_folder: Path) -> None:
    with Kafka(state_folder / "crashing-kafka") as broker:
        broker.create_topic("events", 2)
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
        for number in range(10):
            producer.produce("events", b"x", partition=number % 2)
        producer.flush(30)

        broker.kill()
        broker.start()

        assert broker.end_offsets("events") == {0: 5, 1: 5}


def test_clickhouse_keeps_rows_over_a_crash(state_folder: Path) -> None:
    with ClickHouse(state_folder / "crashing-clickhouse") as server:
        server.execute("CREATE DATABASE logs")
        server.execute("CREATE TABLE logs.t (a UInt64) ENGINE = MergeTree ORDER BY a")
        server.execute("INSERT INTO logs.t SELECT number FROM numbers(1000)")

        server.kill()
        server.start()

        assert server.query("SELECT sum(a) AS total FROM logs.t") == [{"total": 499500}]


def test_clickhouse_reads_the_object_store_without_credentials_in_the_query(clickhouse: ClickHouse, lake: Lake) -> None:
    path = f"{path_of(lake.silver)}/a.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path, filesystem=lake.object_store.files())

    rows = clickhouse.query(f"SELECT sum(a) AS total FROM s3('{lake.object_store.endpoint}/{path}')")

    assert rows == [{"total": 6}]


def test_the_reader_can_not_write(clickhouse: ClickHouse, database: str) -> None:
    with pytest.raises(ClickHouseError, match="READONLY"):
        clickhouse.execute(f"CREATE DATABASE {database}", user=READER)


def test_spark_writes_and_reads_the_object_store(spark: SparkSession, lake: Lake) -> None:
    spark.range(10).write.parquet(lake.silver)

    assert spark.read.parquet(lake.silver).count() == 10
    assert any(url.endswith(".parquet") for url in lake.object_store.list(lake.silver))


def test_a_store_lists_nothing_where_nothing_is(object_store: ObjectStore, lake: Lake) -> None:
    assert object_store.list(lake.bronze) == []


def test_a_location_is_deleted_with_all_that_is_under_it(spark: SparkSession, lake: Lake) -> None:
    for folder in ("a/b", "a/c"):
        spark.range(2).write.parquet(f"{lake.silver}{folder}")
    spark.range(2).write.parquet(f"{lake.silver}d")

    lake.object_store.delete(f"{lake.silver}a")

    assert {url.split("/")[4] for url in lake.object_store.list(lake.silver)} == {"d"}


def test_a_component_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from local.process import Process
print(Process("sleeper", ["sleep", "600"], Path({str(tmp_path)!r}) / "log").pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=fetch.REPOSITORY)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def test_stopping_a_component_ends_its_whole_group(tmp_path: Path) -> None:
    process = Process("shell", ["sh", "-c", "sleep 600 & echo $!; wait"], tmp_path / "log")
    while not process.output().strip():
        time.sleep(0.05)

    process.stop()

    assert process.exit_code is not None
    deadline = time.monotonic() + 10  # whoever adopts the orphan takes a moment to bury it
    while _alive(int(process.output())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(process.output()))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return status != "Z"
