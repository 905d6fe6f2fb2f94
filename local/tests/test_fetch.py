"""Fetching is safe to interrupt, to repeat and to do twice at once, and says in words what is missing."""

from __future__ import annotations

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


def test_what_a_killed_fetch_had_started_ends_with_it(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from local import fetch
def build(folder, run):
    folder.mkdir()
    run(["sh", "-c", "echo $$ > {tmp_path}/pid; exec sleep 600"])
part = fetch.Artifact("part", "the part", Path({str(tmp_path)!r}) / "part", (), build)
fetch.artifacts = lambda: {{"part": part}}
fetch.ensure()
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=fetch.REPOSITORY)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.05)

    process.kill()
    process.wait()

    child = Path("/proc") / (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 10
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
