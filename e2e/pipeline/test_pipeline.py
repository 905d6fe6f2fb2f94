"""From a Kafka record to a row of ClickHouse in processes of their own, each killed on the way: nothing is lost or double."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from local.events import Traffic
from local.pipeline import Pipeline, Settings, Stores
from local.produce import Production

# Of each crash: sixteen seconds of traffic.
EVENTS, EVENTS_A_SECOND = 4_000, 250


def start(pipeline: Pipeline) -> None:
    pipeline.start_streaming()
    pipeline.start_gold()


def restart_what_ended(pipeline: Pipeline) -> None:
    """What the operator does with restartPolicy Always: a job that ended starts again."""
    if pipeline.streaming is not None and pipeline.streaming.exit_code is not None:
        pipeline.start_streaming()
    if pipeline.gold is not None and pipeline.gold.exit_code is not None:
        pipeline.start_gold()


def wait_with_restarts(pipeline: Pipeline, done: Callable[[], bool], timeout_seconds: float = 600) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not done():
        assert time.monotonic() < deadline, f"{pipeline.progress()}; the logs are in {pipeline.folder}"
        restart_what_ended(pipeline)
        time.sleep(0.5)


def has_counted(pipeline: Pipeline, events: int) -> bool:
    return pipeline.rows_in_gold() > events


def has_ended(production: Production) -> bool:
    return not production.running


def kill_streaming(pipeline: Pipeline) -> None:
    if pipeline.streaming is not None:
        pipeline.streaming.kill()


def kill_gold(pipeline: Pipeline) -> None:
    if pipeline.gold is not None:
        pipeline.gold.kill()


def crash_clickhouse(pipeline: Pipeline) -> None:
    pipeline.clickhouse.kill()
    time.sleep(3)
    pipeline.clickhouse.start()


def crash_object_store(pipeline: Pipeline) -> None:
    pipeline.object_store.kill()
    time.sleep(3)
    pipeline.object_store.start()


def crash_kafka(pipeline: Pipeline) -> None:
    pipeline.kafka.kill()
    time.sleep(3)
    pipeline.kafka.start()


@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_double_when_every_component_is_killed_and_both_checkpoints_are_lost(tmp_path: Path) -> None:
    settings = Settings(max_offsets_per_trigger=2_000, business_time_zone="Asia/Seoul")
    with Stores.in_folder(tmp_path) as stores, Pipeline(tmp_path / "pipeline", stores, settings) as pipeline:
        pipeline.create().apply_schema()
        traffic = Traffic(hostile_share=0.03)
        start(pipeline)
        crashes = (kill_streaming, kill_gold, crash_clickhouse, crash_object_store, crash_kafka)
        for seed, crash in enumerate(crashes):
            before = pipeline.rows_in_gold()
            production = Production(pipeline.kafka.bootstrap_servers, settings.topic, settings.partitions, replace(traffic, seed=seed), EVENTS, EVENTS_A_SECOND)
            try:
                wait_with_restarts(pipeline, partial(has_counted, pipeline, before + 500))
                crash(pipeline)
                wait_with_restarts(pipeline, partial(has_ended, production))
            finally:
                production.stop()
        wait_with_restarts(pipeline, lambda: pipeline.progress().drained)
        proof = pipeline.prove()
        assert proof.wrong == []
        assert proof.records == len(crashes) * EVENTS

        pipeline.stop()
        files = pipeline.commit_log.files("bronze")
        pipeline.object_store.delete(pipeline.lake.streaming_checkpoint)
        pipeline.settings = replace(settings, engine="clickhouse")
        start(pipeline)
        more = Production(pipeline.kafka.bootstrap_servers, settings.topic, settings.partitions, replace(traffic, seed=len(crashes)), 2_000)
        more.wait()
        wait_with_restarts(pipeline, lambda: pipeline.progress().drained)
        proof = pipeline.prove()
        assert proof.wrong == []
        assert proof.records == len(crashes) * EVENTS + 2_000
        assert pipeline.commit_log.files("bronze")[: len(files)] == files
