"""What the streaming job has committed, read from its manifests: the one truth of which files belong to the lake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from local.object_store import ObjectStore

_MANIFEST = re.compile(r"/\d{20}\.json\Z", re.ASCII)


@dataclass(frozen=True)
class Commit:
    """One committed batch. Rows and files by layer: bronze, silver, quarantine."""

    sequence: int
    topic: str
    offsets: dict[int, tuple[int, int]]
    """Partition → (first offset, offset after the last)."""
    files: dict[str, tuple[str, ...]]
    rows: dict[str, int]
    replaces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By layer, files of earlier commits that are no longer part of the lake."""


class CommitLog:
    """Reads each manifest once, however often it is asked."""

    def __init__(self, object_store: ObjectStore, location: str) -> None:
        self._object_store = object_store
        self._location = location
        self._read: dict[str, Commit] = {}

    def commits(self) -> list[Commit]:
        """All commits there are, oldest first."""
        for url in self._object_store.list(self._location):
            if _MANIFEST.search(url) and url not in self._read:
                self._read[url] = parse_manifest(self._object_store.read(url))
        return sorted(self._read.values(), key=lambda commit: commit.sequence)

    def rows(self, layer: str) -> int:
        return sum(commit.rows[layer] for commit in self.commits())

    def files(self, layer: str) -> list[str]:
        return files(self.commits(), layer)


def files(commits: Iterable[Commit], layer: str) -> list[str]:
    """The files of one layer that are part of the lake, in the order of the commits."""
    there: dict[str, None] = {}
    for commit in commits:
        for path in commit.replaces.get(layer, ()):
            del there[path]
        there.update(dict.fromkeys(commit.files[layer]))
    return list(there)


def parse_manifest(text: bytes) -> Commit:
    """Reads one manifest, which is one line of JSON."""
    manifest = json.loads(text)
    return Commit(
        sequence=manifest["sequence"],
        topic=manifest["topic"],
        offsets={int(partition): (span["from"], span["until"]) for partition, span in manifest["offsets"].items()},
        files={layer: tuple(file["path"] for file in manifest[layer]) for layer in ("bronze", "silver", "quarantine")},
        rows={layer: manifest["rows"][layer] for layer in ("bronze", "silver", "quarantine")},
        replaces={layer: tuple(paths) for layer, paths in (manifest.get("replaces") or {}).items()},
    )
