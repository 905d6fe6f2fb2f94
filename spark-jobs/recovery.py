"""Manifests that are lost, written again from the files of their batches.

Each batch gets its own manifest back, with its sequence and its attempt: so a reader that has seen the lost one goes on
behind it, a driver that still works on the batch cannot commit it too, and a crash on the way leaves a shorter log that
the next start completes. Every folder is listed once, every file is read once, the driver holds their names alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from batch_writer import Locations
from commit_log import LAYERS, CommitLog, Manifest, OffsetRange
from job_log import JobError, say
from object_store import ObjectStore, StoredObject
from reprocess import copies, of_readable

_BATCH = re.compile(r"/batch=(\d{20})-([0-9a-f]{12})/[^/]+\Z")
_IN_PATH = r"/batch=(\d{20}-[0-9a-f]{12})/"
_CHUNK = 200  # batches whose files are counted together
_SHOWN = 5
# Stands for the attempt in a manifest of what was accepted as lost; it has no files.
LOST_ATTEMPT = "0" * 12


@dataclass(frozen=True)
class _Span:
    """Of one partition: how many records, their first and last offset, and the sum of the offsets."""

    rows: int
    first: int
    last: int
    sum: int

    @property
    def is_gapless(self) -> bool:
        return self.rows == self.last - self.first + 1

    def with_(self, other: _Span) -> _Span:
        return _Span(self.rows + other.rows, min(self.first, other.first), max(self.last, other.last), self.sum + other.sum)


@dataclass
class _Attempt:
    """The files of one attempt at one batch, and what they hold: bronze, and silver with quarantine."""

    sequence: int
    name: str
    files: dict[str, list[StoredObject]] = field(default_factory=lambda: {layer: [] for layer in LAYERS})
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LAYERS, 0))
    raw: dict[int, _Span] = field(default_factory=dict)
    derived: dict[int, _Span] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return bool(self.raw) and self.raw == self.derived and self.rows["bronze"] == self.rows["silver"] + self.rows["quarantine"]

    def holds_all(self, until: Mapping[int, int], next_: Mapping[int, int]) -> bool:
        """Whether bronze has every offset between two batches, so that silver and quarantine can be computed from it."""
        reaches = all(span.last + 1 == next_.get(partition, 0) for partition, span in self.raw.items())
        return bool(self.raw) and self.follows(until) and reaches and all(p in self.raw for p, offset in next_.items() if offset > until.get(p, 0))

    def without_derived(self) -> _Attempt:
        """Bronze alone."""
        alone = _Attempt(self.sequence, self.name, raw=self.raw)
        alone.files["bronze"], alone.rows["bronze"] = self.files["bronze"], self.rows["bronze"]
        return alone

    def follows(self, until: Mapping[int, int]) -> bool:
        """Whether it holds every offset from where the batch before it ended, so that it cannot be cut in the middle."""
        return all(span.is_gapless and span.first == until.get(partition, span.first) for partition, span in self.raw.items())


class Recovery:
    """Brings a commit log in order before a batch is committed to it."""

    def __init__(self, spark: SparkSession, store: ObjectStore, log: CommitLog, locations: Locations, topic: str, topic_id: str | None, accepted: Collection[int]) -> None:
        """`accepted` are sequences of batches that are gone for good, and may be."""
        self._spark = spark
        self._store = store
        self._log = log
        self._locations = locations
        self._topic = topic
        self._topic_id = topic_id
        self._accepted = accepted
        self._copies: dict[int, list[Manifest]] = {}

    def restored(self, last: Manifest | None) -> Manifest | None:
        """The log's last manifest, after those that are lost have been written again; None when nothing is stored.

        `last` is the last one before. A manifest is lost when a later one names it or bronze has files of its batch.

        Raises JobError, naming files, when a batch's files do not tell what its manifest said.
        """
        oldest = next(self._bronze_sequences(-1), None)
        self._copies = self._copies_of_reprocesses()
        if last is not None:
            self._fill_holes(oldest)
        after = last.sequence if last else -1
        tail = sorted({*self._bronze_sequences(after), *(sequence for sequence in (*self._accepted, *self._copies) if sequence > after)})
        return self._restore(last, tail, None) if tail else last

    def _bronze_sequences(self, after: int) -> Iterator[int]:
        folder = f"{self._locations.bronze}/topic={self._topic}/"
        for file in self._store.list(folder, start_after=f"{folder}batch={after:020d}-~" if after >= 0 else None):
            if match := _BATCH.search(file.url):
                yield int(match[1])

    def _copies_of_reprocesses(self) -> dict[int, list[Manifest]]:
        """By sequence. One that is torn was never followed by its manifest, or is lost like it."""
        found: dict[int, list[Manifest]] = {}
        for one in self._store.list(copies(self._locations)):
            try:
                manifest = Manifest.from_json(self._store.find(one.url) or b"")
            except ValueError:
                continue
            if manifest.kind == "reprocess" and manifest.topic == self._topic:
                found.setdefault(manifest.sequence, []).append(manifest)
        return found

    def _fill_holes(self, oldest: int | None) -> None:
        """What has expired from bronze cannot be written again, and is a hole to whoever reads the log from its start."""
        since = min([*self._accepted, *([] if oldest is None else [oldest])], default=None)
        if since is None:
            return
        for before, missing, behind in self._log.holes(since):
            self._restore(None if before is None else self._log.read(before), missing, self._log.read(behind))

    def _restore(self, before: Manifest | None, sequences: Sequence[int], behind: Manifest | None) -> Manifest | None:
        """Writes the manifests of sequences in order; gives the last one there is then before `behind`, or at all."""
        attempts = self._attempts(sequences)
        for chunk in _chunks(sequences, _CHUNK):
            self._count([one for sequence in chunk for one in attempts[sequence]])
        for sequence, following in zip(sequences, [*sequences[1:], None], strict=True):
            next_: dict[int, int] = {}
            if behind is not None and behind.previous == sequence:
                next_ = {p: range_.from_ for p, range_ in behind.offsets.items()}
            elif following == sequence + 1 and (copy := self._copies.get(following)):
                next_ = {p: range_.from_ for p, range_ in copy[0].offsets.items()}
            elif sequence in self._accepted and following == sequence + 1:
                next_ = {p: span.first for one in attempts[following] if one.is_complete for p, span in one.raw.items()}
            may_be_cut = behind is None and following is None
            before = self._restore_one(sequence, attempts[sequence], before, next_, may_be_cut) or before
        return before

    def _restore_one(self, sequence: int, attempts: list[_Attempt], before: Manifest | None, next_: Mapping[int, int], may_be_cut: bool) -> Manifest | None:
        """Between the manifest before it and the offsets where the next batch begins, as far as those are known."""
        until = before.until if before else {}
        following = before.sequence if before else None
        again = [one for one in self._copies.get(sequence, ()) if one.previous == following]
        complete = [one for one in attempts if one.is_complete and all(span.first >= until.get(p, 0) and span.last < next_.get(p, span.last + 1) for p, span in one.raw.items())]
        if may_be_cut:
            # A crash leaves such files too, and a batch that was cut may lack records in its middle: it is read again.
            complete = [one for one in complete if one.follows(until)]
            if not complete and len(again) == 1:
                return self._restore_reprocess(again[0], until)
            if not complete:
                for one in attempts:
                    self._check_no_batch_is_missing(sequence, one, before)
                return None
        if not complete and len(again) == 1:
            return self._restore_reprocess(again[0], until)
        raw_alone = [one for one in attempts if not complete and one.holds_all(until, next_)]
        if len(complete) != 1 and sequence not in self._accepted:
            if before is None and sequence > 0:
                say("left out a batch of which files are gone, as those before it", sequence=sequence)
                return None
            if not complete and not attempts and next_ and all(offset == until.get(p, 0) for p, offset in next_.items()):
                raise self._refusal_of_reprocess(sequence)
            raise self._refusal(sequence, attempts, len(complete), len(raw_alone) == 1)
        one = complete[0] if len(complete) == 1 else raw_alone[0].without_derived() if len(raw_alone) == 1 else _Attempt(sequence, LOST_ATTEMPT)
        # Up to the next batch where that is known: offsets between are of aborted records, or of the batch that is lost.
        ends = {**{p: span.last + 1 for p, span in one.raw.items()}, **next_}
        self._check_no_batch_is_missing(sequence, one, before)
        offsets = {p: OffsetRange(until.get(p, ends[p] if p not in one.raw else one.raw[p].first), max(ends.get(p, 0), until.get(p, 0))) for p in sorted({*until, *ends})}
        topic_id = self._topic_id if before is None else before.topic_id
        manifest = Manifest(
            sequence,
            one.name,
            self._topic,
            offsets,
            one.files["bronze"],
            one.files["silver"],
            one.files["quarantine"],
            one.rows,
            topic_id,
            before.sequence if before else None,
            "rebuilt",
        )
        self._create(manifest)
        what = (
            "rebuilt a manifest from the files of its batch"
            if one.derived
            else "accepted that silver and quarantine of a batch are lost"
            if one.raw
            else "accepted that a batch is lost"
        )
        say(what, sequence=sequence, attempt=one.name, rows=one.rows["bronze"], files=sum(len(files) for files in one.files.values()))
        return manifest

    def _create(self, manifest: Manifest) -> None:
        if not self._log.create(manifest):
            raise JobError(f"{self._log.url(manifest.sequence)} is there already, from another writer; only one streaming job may run on a commit log, stop one of them")

    def _restore_reprocess(self, copy: Manifest, until: Mapping[int, int]) -> Manifest:
        """By the copy of its manifest: all its files were there before that was written."""
        manifest = replace(copy, offsets={p: OffsetRange(offset, offset) for p, offset in until.items()})
        self._create(manifest)
        say("restored the manifest of a reprocess from its copy", sequence=manifest.sequence, attempt=manifest.attempt)
        return manifest

    def _check_no_batch_is_missing(self, sequence: int, one: _Attempt, before: Manifest | None) -> None:
        """Offsets may be missing between two batches in a row, of aborted records; not where a batch is missing too."""
        if before is None or before.sequence == sequence - 1:
            return
        gaps = {p: (before.until[p], span.first) for p, span in one.raw.items() if p in before.until and span.first > before.until[p]}
        if gaps:
            raise self._refusal(sequence - 1, [], 0)

    def _attempts(self, sequences: Sequence[int]) -> dict[int, list[_Attempt]]:
        """All there are, by sequence."""
        first, behind = f"batch={sequences[0]:020d}-", f"batch={sequences[-1]:020d}-~"
        attempts: dict[int, dict[str, _Attempt]] = {sequence: {} for sequence in sequences}
        for layer, folder in (
            ("bronze", f"{self._locations.bronze}/topic={self._topic}/"),
            ("quarantine", f"{self._locations.quarantine}/"),
            ("silver", f"{self._locations.silver}/"),
        ):
            # Silver's folders are hours: its files of a batch are found by looking at all.
            for file in self._store.list(folder, start_after=None if layer == "silver" else f"{folder}{first}"):
                if layer != "silver" and file.url > f"{folder}{behind}":
                    break
                match = None if "/__magic/" in file.url else _BATCH.search(file.url)
                if match is not None and (of_batch := attempts.get(int(match[1]))) is not None:
                    of_batch.setdefault(match[2], _Attempt(int(match[1]), match[2])).files[layer].append(file)
        return {sequence: list(of_batch.values()) for sequence, of_batch in attempts.items()}

    def _count(self, attempts: list[_Attempt]) -> None:
        by_name = {f"{one.sequence:020d}-{one.name}": one for one in attempts}
        for layer in LAYERS:
            urls = [file.url for one in attempts for file in one.files[layer]]
            if not urls:
                continue
            # What cannot be read holds nothing.
            rows, unreadable = of_readable(urls, partial(self._spans, layer))
            for url in unreadable:
                say("a file cannot be read", file=url)
            for row in rows:
                one = by_name[row["batch"]]
                one.rows[layer] += row["rows"]
                if row["first"] is None:
                    continue  # a row that is none of ours: rows do not add up
                spans = one.raw if layer == "bronze" else one.derived
                span = _Span(row["rows"], row["first"], row["last"], row["sum"])
                spans[row["partition"]] = span if row["partition"] not in spans else spans[row["partition"]].with_(span)

    def _spans(self, layer: str, urls: Sequence[str]) -> list[Row]:
        reader = self._spark.read.schema("partition INT, offset BIGINT")
        records = reader.json(list(urls)) if layer == "bronze" else reader.parquet(*urls)
        batch = F.regexp_extract(F.input_file_name(), _IN_PATH, 1).alias("batch")
        found = (F.count(F.lit(1)).alias("rows"), F.min("offset").alias("first"), F.max("offset").alias("last"), F.sum("offset").alias("sum"))
        return records.groupBy(batch, "partition").agg(*found).collect()

    def _refusal_of_reprocess(self, sequence: int) -> JobError:
        return JobError(
            f"{self._log.url(sequence)} is lost and cannot be rebuilt: it held no offsets, so it was of a reprocess, and {copies(self._locations)} has no copy of it; restore it from a backup, "
            f"or start the job once with --accept-lost {sequence}, and then parse the days or batches again that it was for (--date, --batch): until then they are as before it"
        )

    def _refusal(self, sequence: int, attempts: list[_Attempt], complete: int, has_bronze: bool = False) -> JobError:
        files = [file.url for one in attempts for layer in LAYERS for file in one.files[layer]]
        if complete > 1:
            why = f"two attempts at it are complete ({_some(files)}); move the files of one of them away"
        elif files:
            why = f"bronze does not hold what silver and quarantine hold ({_some(files)})"
        else:
            why = "none of its files is there"
        way = (
            f"--accept-lost {sequence}, which keeps bronze, and then compute silver and quarantine from it with --batch {sequence}"
            if has_bronze
            else f"--accept-lost {sequence} to go on without the batch"
        )
        return JobError(f"{self._log.url(sequence)} is lost and cannot be rebuilt: {why}; restore it from a backup, or start the job once with {way}")


def _chunks(sequences: Sequence[int], size: int) -> Iterator[list[int]]:
    left = iter(sequences)
    while chunk := list(islice(left, size)):
        yield chunk


def _some(urls: Iterable[str]) -> str:
    every = sorted(urls)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
