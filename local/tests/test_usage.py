"""What components have used: memory that was touched, CPU time that was spent, and nothing of anybody else's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.process import Process
from local.usage import as_table, of_group

MIB = 2**20
# More than half a second of CPU, and 200 MiB that are given back, in a child; then it waits, as the parent does.
WORKER = """
import os, subprocess, sys, time
if len(sys.argv) == 1:
    sys.exit(subprocess.run([sys.executable, '-c', os.environ['WORKER'], os.environ['CHILD']]).returncode)
touched = b'x' * (200 * 2**20)
del touched
while time.process_time() < 0.6:
    pass
print('used', flush=True)
time.sleep(600)
"""
EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


@pytest.fixture
def worker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    process = Process("worker", [sys.executable, "-c", WORKER], tmp_path / "worker.log", {"WORKER": WORKER, "CHILD": request.param})
    process.wait_until(lambda: "used" in process.output(), 60)
    yield process
    process.kill()


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Process]:
    process = Process("idle", [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"], tmp_path / "idle.log")
    process.wait_until(lambda: "up" in process.output(), 60)
    yield process
    process.kill()


@pytest.mark.parametrize("worker", ["task"], indirect=True)
def test_the_peak_and_the_cpu_time_of_every_process_of_a_component_count(worker: Process, idle: Process) -> None:
    parent, child = sorted(of_group(worker.pid), key=lambda usage: usage.cpu_seconds)

    assert child.cpu_seconds >= 0.5
    assert child.peak_resident_bytes >= 200 * MIB > child.resident_bytes
    assert parent.peak_resident_bytes < 100 * MIB
    assert [usage.peak_resident_bytes < 100 * MIB for usage in of_group(idle.pid)] == [True]


@pytest.mark.parametrize("worker", ["task"], indirect=True)
def test_the_table_has_one_row_for_the_processes_of_a_component(worker: Process, idle: Process) -> None:
    rows = as_table([worker, idle]).splitlines()[1:]

    assert [row.split()[0] for row in rows] == ["worker", "idle"]
    figures = re.search(r"(\d+\.\d) +(\d+) MiB$", rows[0])
    assert figures is not None
    assert float(figures[1]) >= 0.5
    assert int(figures[2]) >= 200


@pytest.mark.parametrize("worker", [EXECUTOR], indirect=True)
def test_the_table_has_a_row_for_each_executor(worker: Process) -> None:
    rows = as_table([worker]).splitlines()[1:]

    assert [re.split(r"\s{2,}", row.strip())[0] for row in rows] == ["worker", "worker, executor 1"]
