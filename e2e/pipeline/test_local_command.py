"""`npm run local` as a person runs it: to its end, interrupted, and with a component that dies."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from local import fetch


class Command:
    """The command, running, with its output in files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen([sys.executable, "-m", "local", *arguments], stdout=output, stderr=subprocess.STDOUT, cwd=fetch.REPOSITORY, start_new_session=True)

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str, timeout_seconds: float = 400) -> re.Match[str]:
        deadline = time.monotonic() + timeout_seconds
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.1)
        return found


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Command]]:
    """What a test starts; ended after it, whatever happened."""
    commands: list[Command] = []
    yield commands
    for command in commands:
        command.process.kill()
        command.process.wait()


def left_of(folder: str, parts: Sequence[int] = ()) -> list[str]:
    """The command lines of processes that still work in a folder, and of those that are named."""
    left = []
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if folder in line or (pid in parts and line):
            left.append(line)
    return left


def assert_nothing_is_left_of(folder: str, parts: Sequence[int] = ()) -> None:
    deadline = time.monotonic() + 20
    while left_of(folder, parts) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_of(folder, parts) == []


def children_of(command: Command, program: str = "") -> list[int]:
    """The processes that it has started, those whose command line has a text."""
    listed = subprocess.run(["pgrep", "-P", str(command.process.pid), "-f", program], capture_output=True, text=True, check=True)
    return [int(pid) for pid in listed.stdout.split()]


def test_it_ends_with_the_tables_and_the_proof(tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, "--events", "2000", "--rate", "400", "--engine", "clickhouse"))

    code = command.process.wait(600)

    assert code == 0, command.text
    folder = re.findall(r"everything is in (\S+)", command.text)[0]
    for table in ("server_health_minutely", "operational_hourly", "business_daily", "funnel_daily", "data_quality_hourly"):
        assert f"\nmetrics_{table}\n" in command.text
    assert "requests answered 2,000, records in the topic 2,000" in command.text
    assert "proved: acknowledged records 2,000 = bronze 2,000" in command.text
    assert "proved: gold = a recount from bronze" in command.text
    for program in ("the S3 server", "ClickHouse", "Kafka", "the streaming job", "the gold job"):
        assert re.search(rf"^  {program} +\d+\.\d +[\d,]+ MiB$", command.text, re.MULTILINE), program
    assert not Path(folder).exists()
    assert_nothing_is_left_of(folder)


def test_an_interrupt_stops_everything(tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, "--source", "kafka", "--events", "1000000", "--rate", "100"))
    folder = command.wait_for(r"everything is in (\S+)")[1]
    command.wait_for(r"lag [1-9]")

    command.process.send_signal(signal.SIGINT)

    assert command.process.wait(200) == 130
    assert command.text.endswith("\nstopping; Ctrl-C again stops at once\nstopped\n")
    assert not Path(folder).exists()
    assert_nothing_is_left_of(folder)


@pytest.mark.parametrize(
    ("source", "program", "name"),
    [
        ("kafka", "kafka.Kafka ", "Kafka"),
        ("kafka", "versitygw ", "the S3 server"),
        ("kafka", "clickhouse_process", "ClickHouse"),
        ("kafka", "streaming_job.py", "the streaming job"),
        ("was", "was/dist/server.js", "the web server"),
    ],
)
def test_a_component_that_dies_ends_the_run_with_its_name(source: str, program: str, name: str, tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, "--source", source, "--events", "100000", "--rate", "100"))
    folder = command.wait_for(r"everything is in (\S+)")[1]
    command.wait_for(r"lag [1-9]")
    parts = children_of(command)

    (part,) = children_of(command, program)
    os.kill(part, signal.SIGKILL)

    assert command.process.wait(100) == 1
    assert f"{name} ended with code -9" in command.text
    assert command.text.endswith(f"the folder {folder} is kept\n")
    assert "Traceback" not in command.text
    assert_nothing_is_left_of(folder, parts)
    shutil.rmtree(folder)


def test_a_terminal_that_is_closed_stops_everything(tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, "--source", "kafka", "--events", "1000000", "--rate", "100"))
    folder = command.wait_for(r"everything is in (\S+)")[1]
    command.wait_for("are starting")

    command.process.send_signal(signal.SIGHUP)

    assert command.process.wait(200) == 130
    assert not Path(folder).exists()
    assert_nothing_is_left_of(folder)


def test_a_killed_run_leaves_no_process(tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, "--source", "kafka", "--events", "1000000", "--rate", "100"))
    folder = command.wait_for(r"everything is in (\S+)")[1]
    command.wait_for("are starting")

    command.process.kill()

    assert_nothing_is_left_of(folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--events", "none"], "'none' is not how many; give a whole number from 1, e.g. 100000"),
        (["--rate", "5001"], "--rate is 5,001 but requests come at most 5,000 a second; give less, or take --source kafka"),
        (["--events", "1800001"], "--events is 1,800,001 but 500 requests a second come for an hour at most, which is 1,800,000; give less, or take --source kafka"),
        (["--seed", "-1"], "'-1' is no seed; give a whole number from 0 to 2147483648"),
        (["--executors", "9"], "argument --executors: invalid choice: 9 (choose from 1, 2, 3"),
        (["--engine", "flink"], "invalid choice: 'flink' (choose from"),
    ],
)
def test_an_option_that_can_not_be_used_is_named(arguments: list[str], told: str, tmp_path: Path, started: list[Command]) -> None:
    started.append(command := Command(tmp_path, *arguments))

    assert command.process.wait(30) == 2
    assert told in command.text
