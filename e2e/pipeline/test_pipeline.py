"""From a Kafka record to a row of ClickHouse, on real components: nothing is lost, nothing is double, gold counts right."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from local.events import Traffic
from local.pipeline import Pipeline, Settings, Stores
from local.produce import Production
from local.recount import KEYS

MakePipeline = Callable[[Settings], Pipeline]

HARD = Traffic(hostile_share=0.03, late_share=0.01)


def produce(pipeline: Pipeline, count: int, traffic: Traffic = HARD, rate: float | None = None) -> Production:
    return Production(pipeline.kafka.bootstrap_servers, pipeline.settings.topic, pipeline.settings.partitions, traffic, count, rate)


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


def tables(pipeline: Pipeline) -> dict[str, str]:
    return {name: pipeline.clickhouse.execute(f"SELECT * FROM {pipeline.settings.database}.{name} ORDER BY ALL FORMAT TSV") for name in KEYS}


def test_a_plain_run_is_exact_and_both_engines_give_the_same_tables(make_pipeline: MakePipeline) -> None:
    by_spark = make_pipeline(Settings(engine="spark", business_time_zone="Asia/Seoul"))
    by_clickhouse = make_pipeline(Settings(engine="clickhouse", business_time_zone="Asia/Seoul"))
    by_clickhouse.read_lake_of(by_spark)
    produce(by_spark, 30_000).wait()

    start(by_spark)
    by_spark.wait_until_drained(600)
    by_spark.stop()
    by_clickhouse.start_gold()
    wait_with_restarts(by_clickhouse, lambda: by_clickhouse.files_in_gold() == len(by_clickhouse.commit_log.files("silver")))

    proof = by_spark.prove()
    assert proof.wrong == []
    assert (proof.records, proof.bronze) == (30_000, 30_000)
    assert proof.quarantine > 100
    assert tables(by_clickhouse) == tables(by_spark)


@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_double_when_every_component_is_killed_on_the_way(tmp_path: Path) -> None:
    settings = Settings(max_offsets_per_trigger=2_000)
    with Stores.in_folder(tmp_path) as stores, Pipeline(tmp_path / "pipeline", stores, settings) as pipeline:
        pipeline.create().apply_schema()
        production = produce(pipeline, 24_000, rate=300)
        start(pipeline)
        try:
            for crash in (kill_streaming, kill_gold, crash_clickhouse, crash_object_store, crash_kafka):
                before = pipeline.rows_in_gold()
                wait_with_restarts(pipeline, partial(has_counted, pipeline, before + 1_000))
                crash(pipeline)
            wait_with_restarts(pipeline, lambda: not production.running)
        finally:
            production.stop()
        wait_with_restarts(pipeline, lambda: pipeline.progress().drained)

        proof = pipeline.prove()
        assert proof.wrong == []
        assert proof.records == 24_000


@pytest.mark.parametrize("engine", ["spark", "clickhouse"])
def test_a_replay_with_both_checkpoints_deleted_changes_nothing_and_goes_on(make_pipeline: MakePipeline, engine: str) -> None:
    pipeline = make_pipeline(Settings(engine=engine, max_offsets_per_trigger=5_000))
    produce(pipeline, 20_000).wait()
    start(pipeline)
    pipeline.wait_until_drained(600)
    before = tables(pipeline)
    pipeline.stop()
    files = pipeline.commit_log.files("bronze")

    pipeline.object_store.delete(pipeline.lake.streaming_checkpoint)
    pipeline.object_store.delete(pipeline.lake.gold_checkpoint)
    start(pipeline)
    time.sleep(20)  # long enough to begin again from the first record, which is what must not happen
    pipeline.check_alive()
    assert pipeline.commit_log.files("bronze") == files
    assert tables(pipeline) == before

    produce(pipeline, 10_000, Traffic(seed=2, hostile_share=0.03, late_share=0.01)).wait()
    pipeline.wait_until_drained(600)
    proof = pipeline.prove()
    assert proof.wrong == []
    assert proof.records == 30_000
