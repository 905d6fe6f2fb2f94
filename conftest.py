"""The components that tests run on: each is started once, when the first test asks for it, and stopped at the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import session
from local import spark as local_spark
from local.clickhouse import ClickHouse
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import running

# A test's JVM lives for seconds: what its second compiler makes would hardly run, and costs half of all time.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1")


@pytest.fixture(scope="session")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one folder of everything that the components write."""
    yield tmp_path_factory.mktemp("state")
    for process in reversed(running()):
        process.stop()


@pytest.fixture(scope="session")
def kafka(state_folder: Path) -> Iterator[Kafka]:
    with Kafka(state_folder / "kafka") as broker:
        yield broker


@pytest.fixture(scope="session")
def object_store(state_folder: Path) -> Iterator[ObjectStore]:
    with ObjectStore(state_folder / "object-store") as store:
        yield store


@pytest.fixture(scope="session")
def clickhouse(state_folder: Path, object_store: ObjectStore) -> Iterator[ClickHouse]:
    """A server that reads the object store by its own configuration."""
    with ClickHouse(state_folder / "clickhouse", object_store) as server:
        yield server


@pytest.fixture(scope="session")
def spark(state_folder: Path, object_store: ObjectStore) -> Iterator[SparkSession]:
    """A job's own session, in this process."""
    os.environ.update(local_spark.session_environment(state_folder / "spark", object_store))
    job = session.create("tests")
    yield job
    job.stop()


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """A new topic of three partitions."""
    name = f"events-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, 3)
    return name


@pytest.fixture
def lake(object_store: ObjectStore) -> Lake:
    """New, empty buckets, with the locations that the jobs take."""
    return Lake.create(object_store, f"t{uuid.uuid4().hex[:8]}-")


@pytest.fixture
def database(clickhouse: ClickHouse) -> Iterator[str]:
    """The name of a database that does not exist yet; dropped after the test."""
    name = f"logs_{uuid.uuid4().hex[:8]}"
    yield name
    clickhouse.execute(f"DROP DATABASE IF EXISTS {name} SYNC")
