"""Fetching is safe to interrupt, to repeat and to do twice at once, and says in words what is missing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import fetch


def artifact(folder: Path, *commands: list[str]) -> fetch.Artifact:
    def build(target: Path, run: Callable[[list[str]], None]) -> None:
        target.mkdir()
        for command in commands:
            run(command)

    return fetch.Artifact("part", "the part", folder / "part", (), build)


def known(monkeypatch: pytest.MonkeyPatch, *every: fetch.Artifact) -> None:
    monkeypatch.setattr(fetch, "artifacts", lambda: {one.name: one for one in every})


def test_a_fetched_part_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, artifact(tmp_path, ["sh", "-c", f"echo once >> {tmp_path}/count"]))

    fetch.ensure()
    fetch.ensure()

    assert (tmp_path / "count").read_text() == "once\n"


def test_an_interrupted_fetch_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "half-a-file").touch()
    known(monkeypatch, artifact(tmp_path, ["touch", str(tmp_path / "part" / "file")]))

    fetch.ensure()

    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == [".complete", "file"]


def test_a_registry_that_does_not_answer_is_named_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, artifact(tmp_path, ["sh", "-c", "echo 'error: no such host'; exit 1"]))

    with pytest.raises(fetch.FetchError) as failure:
        fetch.ensure()

    assert str(failure.value).startswith("the part could not be fetched (error: no such host): check the connection to the package registries and run it again")
    assert str(tmp_path / "part.log") in str(failure.value)
    assert not (tmp_path / "part" / ".complete").exists()


def test_every_failure_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = artifact(tmp_path, ["false"])
    second = fetch.Artifact("other", "the other part", tmp_path / "other", (), first.build)
    known(monkeypatch, first, second)

    with pytest.raises(fetch.FetchError, match=r"the part could not be fetched[^\n]*\nthe other part could not be fetched"):
        fetch.ensure()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_that_is_no_folder_is_named_once(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    first = artifact(tmp_path / place, ["true"])
    known(monkeypatch, first, fetch.Artifact("other", "the other part", tmp_path / place / "other", (), first.build))

    with pytest.raises(fetch.FetchError, match=r"^\S+ can not be written \([^\n]*\): mend that, or set LAKEHOUSE_CACHE to another folder$"):
        fetch.ensure()


def test_a_cache_is_made_with_the_folders_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, artifact(tmp_path / "above" / "cache", ["true"]))

    fetch.ensure()

    assert (tmp_path / "above" / "cache" / "part" / ".complete").exists()


def test_missing_programs_are_reported_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = [fetch.Artifact(name, name, tmp_path / name, (name,), lambda folder, run: folder.mkdir()) for name in ("go", "mvn")]
    known(monkeypatch, *every)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(fetch.FetchError) as failure:
        fetch.ensure()

    assert str(failure.value).splitlines() == [
        "go is missing from the PATH: install Go 1.25 or newer",
        "mvn is missing from the PATH: install Maven 3.8 or newer (Debian and Ubuntu: apt install maven)",
    ]
    assert not (tmp_path / "go").exists()


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ('openjdk version "17.0.15" 2025-04-15', None),
        ('openjdk version "21.0.2" 2024-01-16', "Java 21 is not the Java 17 that Spark's image has"),
        ('java version "1.8.0_402"', "Java 1.8 is not the Java 17"),
    ],
)
def test_only_the_java_of_the_image_will_do(printed: str, told: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{printed}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    answer = fetch.PREREQUISITES["java"]()

    assert answer is None if told is None else answer is not None and told in answer


def test_two_processes_fetch_a_part_once(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from local import fetch
def build(folder, run):
    folder.mkdir()
    run(["sh", "-c", "sleep 1; echo once >> {tmp_path}/count"])
part = fetch.Artifact("part", "the part", Path({str(tmp_path)!r}) / "part", (), build)
fetch.artifacts = lambda: {{"part": part}}
fetch.ensure()
"""
    both = [subprocess.Popen([sys.executable, "-c", script], cwd=fetch.REPOSITORY) for _ in range(2)]

    assert [process.wait() for process in both] == [0, 0]
    assert (tmp_path / "count").read_text() == "once\n"


def fetching(folder: Path, command: str) -> subprocess.Popen[str]:
    """A process that fetches a part with a shell's command, in a session of its own as under a terminal."""
    script = f"""
import sys
from pathlib import Path
from local import fetch
def build(folder, run):
    folder.mkdir()
    run(["sh", "-c", {command!r}])
part = fetch.Artifact("part", "the part", Path({str(folder)!r}) / "part", (), build)
fetch.artifacts = lambda: {{"part": part}}
sys.exit(fetch.fetched())
"""
    return subprocess.Popen([sys.executable, "-c", script], cwd=fetch.REPOSITORY, stderr=subprocess.PIPE, text=True)


def wait_for(pid_file: Path) -> Path:
    """The process that wrote its id, in /proc."""
    while not pid_file.exists() or not pid_file.read_text().strip():
        time.sleep(0.05)
    return Path("/proc") / pid_file.read_text().strip()


def assert_it_ends(process: Path) -> None:
    deadline = time.monotonic() + 10
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.exists()


def test_what_a_killed_fetch_had_started_ends_with_it(tmp_path: Path) -> None:
    command = fetching(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    child = wait_for(tmp_path / "pid")

    command.kill()
    command.communicate()

    assert_it_ends(child)


def test_an_interrupt_ends_what_was_started_and_says_that_the_next_run_goes_on(tmp_path: Path) -> None:
    command = fetching(tmp_path, f"trap '' INT TERM; sleep 600 & echo $! > {tmp_path}/pid; wait")
    grandchild = wait_for(tmp_path / "pid")

    command.send_signal(signal.SIGINT)

    _, told = command.communicate(timeout=30)
    assert command.returncode == 130
    assert told.endswith("\nstopped: the parts that are done stay, the next run fetches the others\n")
    assert "Traceback" not in told
    assert_it_ends(grandchild)
    assert not (tmp_path / "part" / ".complete").exists()


def test_an_interrupt_ends_the_wait_for_another_process_and_leaves_that_alone(tmp_path: Path) -> None:
    other = fetching(tmp_path, f"echo $$ > {tmp_path}/pid; until [ -e {tmp_path}/go ]; do sleep 0.1; done")
    wait_for(tmp_path / "pid")
    waiting = fetching(tmp_path, "false")
    assert waiting.stderr is not None
    while "another process fetches it, waiting" not in waiting.stderr.readline():
        assert waiting.poll() is None

    waiting.send_signal(signal.SIGINT)

    assert waiting.wait(30) == 130
    (tmp_path / "go").touch()
    other.communicate(timeout=30)
    assert other.returncode == 0
