"""The commit log: one manifest a batch, created once, names everything that the batch wrote to all three layers.

`<location>/<sequence, 20 digits>.json`, one line of JSON. Its conditional PUT is the only commit point: a file that
no manifest names does not exist for a reader, and two writers cannot both create one sequence. Each manifest names
the one before it, so that a reader notices when one is missing. Objects whose name begins with `_` are notes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import islice, takewhile
from typing import Any

from job_log import JobError, say
from object_store import DamagedObjectError, ObjectStore, StoredObject

FORMAT_VERSION = 2
LAYERS = ("bronze", "silver", "quarantine")
_NAME = re.compile(r"\d{20}\.json", re.ASCII)
_PAGE = 1_000  # what one listing gives


@dataclass(frozen=True)
class OffsetRange:
    """Offsets of one partition: `from_` is stored, `until` is not."""

    from_: int
    until: int


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    topic_id: str | None = None
    """Kafka's own id of the topic; None when the brokers or the manifest are too old to have it."""
    previous: int | None = None
    """The sequence of the manifest before this one; None for the first."""
    kind: str = "batch"
    """`batch`, `rebuilt` (made of the layers' files after its manifest was lost) or `reprocess`."""
    replaces: Mapping[str, Sequence[str]] | None = None
    """Of a reprocess alone: by layer, the URLs of files that are no longer part of the lake."""
    committed_at: str = field(default_factory=_now)
    version: int = FORMAT_VERSION

    @property
    def until(self) -> dict[int, int]:
        """The offset after the last stored one, by partition."""
        return {partition: range_.until for partition, range_ in self.offsets.items()}

    @property
    def replaced_silver(self) -> Sequence[str]:
        """The URLs of silver's files that are no longer part of the lake."""
        return (self.replaces or {}).get("silver", ())

    def to_json(self) -> bytes:
        body = {
            "version": FORMAT_VERSION,
            "sequence": self.sequence,
            "previous": self.previous,
            "kind": self.kind,
            "attempt": self.attempt,
            "topic": self.topic,
            "topic_id": self.topic_id,
            "offsets": {str(p): {"from": r.from_, "until": r.until} for p, r in sorted(self.offsets.items())},
            **{layer: [{"path": f.url, "bytes": f.bytes} for f in getattr(self, layer)] for layer in LAYERS},
            **({} if self.replaces is None else {"replaces": {layer: list(urls) for layer, urls in self.replaces.items()}}),
            "rows": dict(self.rows),
            "committed_at": self.committed_at,
        }
        return (json.dumps(body, separators=(",", ":")) + "\n").encode()

    @staticmethod
    def from_json(content: bytes) -> Manifest:
        """Raises ValueError, with what is wrong, when the content is no manifest."""
        if not content.strip():
            raise ValueError("is empty")
        try:
            body: Any = json.loads(content)
        except ValueError:
            raise ValueError(f"is cut or is no JSON ({len(content)} bytes)") from None
        version = body.get("version") if isinstance(body, dict) else None
        if version not in (1, FORMAT_VERSION):
            raise ValueError(f"is no manifest of version 1 or {FORMAT_VERSION}" + (f" but of version {version}" if isinstance(version, int) else ""))
        try:
            files = {layer: [StoredObject(str(f["path"]), int(f["bytes"])) for f in body[layer]] for layer in LAYERS}
            offsets = {int(p): OffsetRange(int(r["from"]), int(r["until"])) for p, r in body["offsets"].items()}
            rows = {str(layer): int(count) for layer, count in body["rows"].items()}
            replaces = None if body.get("replaces") is None else {str(layer): [str(url) for url in urls] for layer, urls in body["replaces"].items()}
            layers = files["bronze"], files["silver"], files["quarantine"]
            first = Manifest(int(body["sequence"]), str(body["attempt"]), str(body["topic"]), offsets, *layers, rows, committed_at=str(body["committed_at"]), version=version)
            return first if version == 1 else replace(first, topic_id=body["topic_id"], previous=body["previous"], kind=str(body["kind"]), replaces=replaces)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ValueError("lacks a field of a manifest or has one of another type") from None


class CommitLog:
    """The manifests under one location of the object store."""

    def __init__(self, store: ObjectStore, location: str) -> None:
        self._store = store
        self._location = location.rstrip("/")
        self._strays: set[str] = set()

    def url(self, sequence: int) -> str:
        return f"{self._location}/{sequence:020d}.json"

    def last(self) -> Manifest | None:
        """The manifest with the highest sequence, found in O(log n) listings."""
        newest, is_end = self._page(-1)
        if newest is None:
            return None
        step = _PAGE
        high = None  # nothing is above it
        while not is_end and (high is None or newest < high):
            probe = newest + step if high is None else (newest + high) // 2
            found, is_end = self._page(probe)
            if found is None:
                high, is_end = probe, False
            else:
                newest = found
            step *= 2
        return self.read(newest)

    def manifests(self, after: int | None = None, attempt: str | None = None) -> Iterator[Manifest]:
        """Every manifest, or those behind the sequence `after`, in order.

        Raises JobError when one is missing or is no manifest. With `attempt`, `after` was read before: it has to be there
        still, and of that attempt. Without, it may be a number that the log leaves out.
        """
        before = after if after is None else self._known(after, attempt)
        for sequence in self._sequences(-1 if after is None else after):
            manifest = self.read(sequence)
            self._check_chain(manifest, before)
            yield manifest
            before = sequence

    def holes(self, since: int) -> Iterator[tuple[int | None, range, int]]:
        """Manifests from the sequence `since` on that another one names as its predecessor and that are not there.

        Each hole: the sequence before it, those that are missing, the sequence behind it. From the objects' names; only a
        manifest behind a jump is read, and what was written after a later one: it is damaged, was restored or rebuilt.
        Older than `since` is the head of a log that has lost its first manifests. Raises JobError, naming the manifest, when one is damaged.
        """
        listed = list(self._objects(since - 2))
        self._check_rewritten([one for one in listed if one[0] >= since])
        before: int | None = None
        for sequence, _ in listed:
            if sequence != since - 1 and sequence - 1 != before:
                manifest = self.read(sequence)
                if before is None and manifest.previous is not None and manifest.previous >= since:
                    before = max(takewhile(lambda one: one < since, self._sequences(-1)), default=None)
                    yield before, range(since, manifest.previous + 1), sequence
                elif before is not None and (previous := sequence - 1 if manifest.version == 1 else manifest.previous) not in (None, before):
                    yield before, range(before + 1, previous + 1), sequence
            before = sequence

    def _check_rewritten(self, listed: Sequence[tuple[int, StoredObject]]) -> None:
        """Reads the manifests that were not written in the order of their sequences, and those of no bytes."""
        oldest_behind: int | None = None
        for sequence, found in reversed(listed):
            if found.bytes == 0 or (oldest_behind is not None and found.written_ms > oldest_behind):
                self.read(sequence)
            oldest_behind = found.written_ms if oldest_behind is None else min(found.written_ms, oldest_behind)

    def read(self, sequence: int) -> Manifest:
        """One manifest. Raises JobError when there is none, or no whole one."""
        url = self.url(sequence)
        try:
            content = self._store.find(url)
        except DamagedObjectError as error:
            raise JobError(f"{error}; move it away, then {REMEDY}") from None
        if content is None:
            raise JobError(f"{url} is missing in the commit log; {REMEDY}")
        try:
            manifest = Manifest.from_json(content)
        except ValueError as error:
            raise JobError(f"{url} {error}; move it away, then {REMEDY}") from None
        if manifest.sequence != sequence:
            raise JobError(f"{url} holds the manifest of sequence {manifest.sequence}; move it away, then {REMEDY}")
        return manifest

    def create(self, manifest: Manifest) -> bool:
        """Commits. False when this sequence is there already."""
        return self._store.create(self.url(manifest.sequence), manifest.to_json())

    def _known(self, after: int, attempt: str | None) -> int | None:
        """The sequence that the first one behind `after` has to follow on."""
        found = next(self._sequences(after - 1), None)
        if found != after and found is not None and attempt is None:
            previous = self.read(found).previous
            if previous is None or previous < after:
                return previous
        if found != after:
            raise JobError(f"{self.url(after)}, which was read before, is missing in the commit log; {REMEDY}")
        if attempt is not None and (its := self.read(after).attempt) != attempt:
            raise JobError(f"{self.url(after)} is of attempt {its}, and was of attempt {attempt} when it was read before: the commit log was cut and went on another way")
        return after

    def _check_chain(self, manifest: Manifest, before: int | None) -> None:
        previous = manifest.previous
        if manifest.version == 1:
            # Such a manifest does not say it: a log that was rebuilt began above zero, and had no gap behind.
            previous = None if before is None else manifest.sequence - 1
        if previous == before:
            return
        if before is None or (previous is not None and previous > before):
            raise JobError(f"{self.url(previous or 0)} is missing in the commit log: {manifest.sequence} follows on it and not on {before}; {REMEDY}")
        raise JobError(
            f"{self.url(manifest.sequence)} follows on {previous} and not on {before}, which is there too: two logs are mixed in {self._location}; move the objects of one of them away"
        )

    def _page(self, after: int) -> tuple[int | None, bool]:
        """The last sequence of one listing above `after`, and whether none is above it."""
        found = list(islice(self._sequences(after), _PAGE))
        return (found[-1] if found else None), len(found) < _PAGE

    def _sequences(self, after: int) -> Iterator[int]:
        """Those above `after`, in order, from the objects' names."""
        return (sequence for sequence, _ in self._objects(after))

    def _objects(self, after: int) -> Iterator[tuple[int, StoredObject]]:
        """Manifests above the sequence `after`, in order, as they are listed."""
        for found in self._store.list(f"{self._location}/", start_after=self.url(after) if after >= 0 else None):
            name = found.url.removeprefix(f"{self._location}/")
            if _NAME.fullmatch(name):
                yield int(name.removesuffix(".json")), found
                continue
            if name.startswith("_"):
                continue
            if found.url not in self._strays:
                self._strays.add(found.url)
                say("ignored an object in the commit log's folder that is no manifest", object=found.url)
            if name > "9":
                return  # no manifest comes after it


REMEDY = "start the streaming job, which writes it again from the files of its batch, or restore it from a backup"
