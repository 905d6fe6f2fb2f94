"""Deliberate bugs: each is put into a copy of the jobs, and the suite has to see it within one run of the faults that it names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.spark import JOBS

FOLDER = Path(__file__).with_name("bugs")


class BugError(Exception):
    """A bug that does not fit the code any more."""


@dataclass(frozen=True)
class Bug:
    """One file of bugs/: what is wrong with it, the faults that have to show it, and the texts of the jobs that it replaces."""

    name: str
    says: str
    faults: tuple[str, ...]
    changes: tuple[tuple[str, str, str, int], ...]
    """File, the text that stands there, the text in its place, and how many times it stands there."""

    @property
    def job(self) -> str:
        """The job that it is in."""
        return "gold" if any(file.startswith(("gold_", "contract_")) for file, *_ in self.changes) else "streaming"

    def put_into(self, folder: Path) -> Path:
        """A copy of the jobs with the bug. Raises BugError when a text is not there as often as the bug says."""
        code = folder / self.name
        shutil.copytree(JOBS, code, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        for file, find, replace, times in self.changes:
            path = code / file
            text = path.read_text() if path.exists() else ""
            if text.count(find) != times:
                raise BugError(
                    f"bugs/{self.name}.yaml: {file} holds the text {find.strip().splitlines()[0]!r} … {text.count(find)} times, not {times}; write the bug anew for the code as it is"
                )
            path.write_text(text.replace(find, replace))
        return code


def bugs() -> dict[str, Bug]:
    """By name, those in the gold job first."""
    every = [_bug(path.stem, yaml.safe_load(path.read_text())) for path in sorted(FOLDER.glob("*.yaml"))]
    return {bug.name: bug for bug in sorted(every, key=lambda bug: (bug.job, bug.name))}


def _bug(name: str, body: dict[str, Any]) -> Bug:
    return Bug(name, body["says"], tuple(body["faults"]), tuple((one["file"], one["find"], one["replace"], one.get("times", 1)) for one in body["changes"]))
