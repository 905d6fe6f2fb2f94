"""Pipelines to test, on the session's shared components."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from clickhouse import ClickHouse as Client
from e2e.pipeline.stream import PARTITIONS, Stream
from local.clickhouse import WRITER, ClickHouse
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import running
from schema_job import apply

MakeStream = Callable[..., Stream]


@pytest.fixture
def make_stream(spark: SparkSession, kafka: Kafka, object_store: ObjectStore, clickhouse: ClickHouse, database: str, lake: Lake, state_folder: Path) -> Iterator[MakeStream]:
    """A topic, new or given, with buckets and the contract's tables; processes that a test leaves behind are killed."""
    before = running()

    def make(topic: str | None = None) -> Stream:
        apply(Client(clickhouse.url, WRITER, clickhouse.password, database), None)
        name = topic or f"s{uuid.uuid4().hex[:8]}"
        if topic is None:
            kafka.create_topic(name, PARTITIONS)
        return Stream(spark, kafka, object_store, clickhouse, state_folder / name, name, lake, database)

    yield make
    for process in running():
        if process not in before:
            process.kill()


@pytest.fixture
def stream(make_stream: MakeStream) -> Stream:
    return make_stream()
