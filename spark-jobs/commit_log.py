"""The commit log: one manifest a batch, created once, names everything that the batch wrote to all three layers.

`<location>/<sequence, 20 digits>.json`, one line of JSON. Its conditional PUT is the only commit point: a file that
no manifest names does not exist for a reader, and two writers cannot both create one sequence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from object_store import ObjectStore, StoredObject

FORMAT_VERSION = 1


@dataclass(frozen=True)
class OffsetRange:
    """Offsets of one partition: `from_` is stored, `until` is not."""

    from_: int
    until: int


@dataclass(frozen=True)
class Manifest:
    """What one batch stored. `offsets` has every partition that the log has ever seen, so that the last manifest
    alone says where the next batch begins; `attempt` stands in the paths of all its files.
    """

    sequence: int
    attempt: str
    topic: str
    offsets: Mapping[int, OffsetRange]
    bronze: Sequence[StoredObject]
    silver: Sequence[StoredObject]
    quarantine: Sequence[StoredObject]
    rows: Mapping[str, int]

    @property
    def until(self) -> dict[int, int]:
        """The offset after the last stored one, by partition."""
        return {partition: range_.until for partition, range_ in self.offsets.items()}

    def to_json(self) -> bytes:
        body = {
            "version": FORMAT_VERSION,
            "sequence": self.sequence,
            "attempt": self.attempt,
            "topic": self.topic,
            "offsets": {str(p): {"from": r.from_, "until": r.until} for p, r in sorted(self.offsets.items())},
            **{layer: [{"path": f.url, "bytes": f.bytes} for f in getattr(self, layer)] for layer in ("bronze", "silver", "quarantine")},
            "rows": dict(self.rows),
            "committed_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return (json.dumps(body, separators=(",", ":")) + "\n").encode()

    @staticmethod
    def from_json(content: bytes) -> Manifest:
        body: dict[str, Any] = json.loads(content)
        files = {layer: [StoredObject(f["path"], f["bytes"]) for f in body[layer]] for layer in ("bronze", "silver", "quarantine")}
        offsets = {int(p): OffsetRange(r["from"], r["until"]) for p, r in body["offsets"].items()}
        return Manifest(body["sequence"], body["attempt"], body["topic"], offsets, files["bronze"], files["silver"], files["quarantine"], body["rows"])


class CommitLog:
    """The manifests under one location of the object store."""

    def __init__(self, store: ObjectStore, location: str) -> None:
        self._store = store
        self._location = location.rstrip("/")

    def url(self, sequence: int) -> str:
        return f"{self._location}/{sequence:020d}.json"

    def last(self) -> Manifest | None:
        """The manifest with the highest sequence, found in O(log n) listings."""
        low, step = 0, 1
        newest = self._after(-1)
        while newest is not None:
            low = newest
            newest = self._after(low + step)
            step *= 2
        # Nothing is above low + step / 2, and low exists: close in on the last one.
        high = low + step
        while low < high:
            middle = (low + high) // 2
            found = self._after(middle)
            if found is None:
                high = middle
            else:
                low = found
        exists = self._after(low - 1)
        return None if exists is None else Manifest.from_json(self._store.read(self.url(exists)))

    def create(self, manifest: Manifest) -> bool:
        """Commits. False when this sequence is there already."""
        return self._store.create(self.url(manifest.sequence), manifest.to_json())

    def _after(self, sequence: int) -> int | None:
        """The lowest sequence above `sequence`."""
        start = self.url(sequence) if sequence >= 0 else None
        for found in self._store.list(f"{self._location}/", start_after=start, limit=1):
            return int(found.url.rsplit("/", 1)[1].removesuffix(".json"))
        return None
