"""A job whose executors are processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.process import Process
from local.spark import Pods, submit
from local.usage import as_table

JOB = """
import time
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(4).count() == 4
executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
print(f"counted, {executors} executors", flush=True)
time.sleep(600)
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "counting.py").write_text(JOB)
    return tmp_path / "counting.py"


def test_each_executor_is_a_process_beside_the_driver(job: Path, tmp_path: Path) -> None:
    process = submit(job, [], tmp_path / "run", pods=Pods(2, "512m", "600m"))
    try:
        process.wait_until(lambda: "counted" in process.output(), 300)
        assert "counted, 2 executors" in process.output()
        assert rows(process) == ["the counting", "the counting, executor 1", "the counting, executor 2"]
        assert (tmp_path / "run" / "spark-home" / "work").is_dir()
    finally:
        process.kill()


def test_without_pods_one_process_does_everything(job: Path, tmp_path: Path) -> None:
    process = submit(job, [], tmp_path / "run", memory="512m")
    try:
        process.wait_until(lambda: "counted" in process.output(), 300)
        assert "counted, 0 executors" in process.output()
        assert rows(process) == ["the counting"]
    finally:
        process.kill()


def test_the_heaps_are_those_of_the_chart() -> None:
    pods = Pods.of_chart("activity-gold", 3)

    assert (pods.executors, pods.executor_memory) == (3, "2g")
    assert pods.master == "local-cluster[3,1,2048]"
    with pytest.raises(ValueError, match="not enough values"):
        Pods.of_chart("activity-silver", 3)


def rows(process: Process) -> list[str]:
    return [row.strip().split("  ")[0] for row in as_table([process]).splitlines()[1:]]
