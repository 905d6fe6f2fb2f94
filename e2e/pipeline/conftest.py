"""Pipelines to test, on the session's shared components."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from local.clickhouse import ClickHouse
from local.kafka import Kafka
from local.object_store import ObjectStore
from local.pipeline import Pipeline, Settings, Stores

MakePipeline = Callable[[Settings], Pipeline]


@pytest.fixture
def make_pipeline(kafka: Kafka, object_store: ObjectStore, clickhouse: ClickHouse, state_folder: Path) -> Iterator[MakePipeline]:
    """A pipeline with a topic, buckets and a database of its own; its jobs are stopped at the end."""
    stores = Stores(kafka, object_store, clickhouse)
    with ExitStack() as started:

        def make(settings: Settings) -> Pipeline:
            name = f"p{uuid.uuid4().hex[:8]}"
            pipeline = Pipeline(state_folder / name, stores, replace(settings, topic=name, database=name), f"{name}-").create()
            pipeline.apply_schema()
            return started.enter_context(pipeline)

        yield make
