"""Pipelines to test: on the session's shared stores, or on stores of their own that may be killed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from local.pipeline import Pipeline, Settings, Stores

MakePipeline = Callable[[Settings], Pipeline]


@pytest.fixture(scope="session")
def stores(state_folder: Path) -> Iterator[Stores]:
    with Stores(state_folder / "stores") as running:
        yield running


@pytest.fixture
def make_pipeline(stores: Stores, state_folder: Path) -> Iterator[MakePipeline]:
    """A pipeline with a topic, buckets and a database of its own; its jobs are stopped at the end."""
    with ExitStack() as started:

        def make(settings: Settings) -> Pipeline:
            name = f"p{uuid.uuid4().hex[:8]}"
            pipeline = Pipeline(state_folder / name, stores, replace(settings, topic=name, database=name), f"{name}-").create()
            pipeline.apply_schema()
            return started.enter_context(pipeline)

        yield make
