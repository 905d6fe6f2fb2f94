"""A lost commit log, rebuilt from what the files themselves say.

All of it becomes ONE manifest: so the rebuilt log appears at once or not at all, and a crash on the way cannot leave
a log that knows half of the files. Its sequence is higher than any in a file's path, so that a reader which has
seen the lost manifests takes it for new; which silver files are loaded already is the reader's own ledger to know.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from batch_writer import Locations
from commit_log import Manifest, OffsetRange
from job_log import JobError
from object_store import ObjectStore, StoredObject

_BATCH = re.compile(r"/batch=(\d{20})-([0-9a-f]{12})/[^/]+\Z")
_SHOWN = 5
LAYERS = ("bronze", "silver", "quarantine")


@dataclass
class _Attempt:
    """The files of one attempt at one batch."""

    sequence: int
    files: dict[str, list[StoredObject]] = field(default_factory=lambda: {layer: [] for layer in LAYERS})
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LAYERS, 0))
    offsets: dict[int, OffsetRange] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return self.rows["bronze"] == self.rows["silver"] + self.rows["quarantine"]


def rebuilt_manifest(spark: SparkSession, store: ObjectStore, locations: Locations, topic: str, attempt: str) -> tuple[Manifest, list[str]] | None:
    """The manifest of everything stored, and the URLs of files of a batch that was never complete; None when bronze
    is empty.

    Raises JobError, naming files, when the files do not tell one history: offsets twice, offsets missing between
    two batches, or a batch before the last whose silver and quarantine do not hold what its bronze holds.
    """
    folders = {"bronze": f"{locations.bronze}/topic={topic}/", "silver": f"{locations.silver}/", "quarantine": f"{locations.quarantine}/"}
    found = {layer: list(store.list(folder)) for layer, folder in folders.items()}
    if not found["bronze"]:
        return None
    attempts = _attempts(found)
    _count_bronze(spark, attempts)
    _count_parquet(spark, attempts)
    highest = max(one.sequence for one in attempts)
    incomplete = [one for one in attempts if not one.is_complete]
    if broken := [one for one in incomplete if one.sequence < highest]:
        raise _refusal("are of batches whose silver and quarantine do not hold what their bronze holds", broken)
    kept = sorted((one for one in attempts if one.is_complete), key=lambda one: one.sequence)
    offsets = _joined_offsets(kept)
    files = {layer: [file for one in kept for file in one.files[layer]] for layer in LAYERS}
    rows = {layer: sum(one.rows[layer] for one in kept) for layer in LAYERS}
    manifest = Manifest(highest + 1, attempt, topic, offsets, files["bronze"], files["silver"], files["quarantine"], rows, kind="rebuilt")
    return manifest, [file.url for one in incomplete for files_ in one.files.values() for file in files_]


def _attempts(found: dict[str, list[StoredObject]]) -> list[_Attempt]:
    attempts: dict[tuple[int, str], _Attempt] = {}
    strange = []
    for layer, files in found.items():
        for file in files:
            if "/__magic/" in file.url:  # a task's notes on uploads that were never completed
                continue
            match = _BATCH.search(file.url)
            if match is None:
                strange.append(file.url)
                continue
            key = int(match[1]), match[2]
            attempts.setdefault(key, _Attempt(key[0])).files[layer].append(file)
    if strange:
        raise JobError(f"the commit log is lost and cannot be rebuilt: {_some(strange)} were not written by this job; move them away")
    return list(attempts.values())


def _count_bronze(spark: SparkSession, attempts: list[_Attempt]) -> None:
    attempt_of = {file.url: one for one in attempts for file in one.files["bronze"]}
    if not attempt_of:
        return
    lines = spark.read.schema("partition INT, offset BIGINT").json(list(attempt_of))
    spans = lines.groupBy(F.input_file_name().alias("file"), "partition").agg(F.min("offset").alias("first"), F.max("offset").alias("last"), F.count(F.lit(1)).alias("rows"))
    by_attempt: dict[int, dict[int, list[tuple[int, int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in spans.collect():
        one = attempt_of[row["file"]]
        by_attempt[id(one)][row["partition"]].append((row["first"], row["last"], row["rows"]))
        one.rows["bronze"] += row["rows"]
    for one in attempts:
        for partition, pieces in by_attempt[id(one)].items():
            first, last = min(piece[0] for piece in pieces), max(piece[1] for piece in pieces)
            if sum(piece[2] for piece in pieces) != last - first + 1:
                raise _refusal(f"hold not every offset of partition {partition} from {first} to {last} once", [one])
            one.offsets[partition] = OffsetRange(first, last + 1)


def _count_parquet(spark: SparkSession, attempts: list[_Attempt]) -> None:
    for layer in ("silver", "quarantine"):
        attempt_of = {file.url: one for one in attempts for file in one.files[layer]}
        if attempt_of:
            rows = spark.read.schema("offset BIGINT").parquet(*attempt_of).groupBy(F.input_file_name().alias("file")).count()
            for row in rows.collect():
                attempt_of[row["file"]].rows[layer] += row["count"]


def _joined_offsets(attempts: list[_Attempt]) -> dict[int, OffsetRange]:
    joined: dict[int, OffsetRange] = {}
    for one in attempts:
        for partition, range_ in one.offsets.items():
            before = joined.get(partition)
            if before is not None and range_.from_ != before.until:
                problem = "hold offsets that earlier files hold too" if range_.from_ < before.until else "follow on offsets that no file holds"
                raise _refusal(f"{problem} (partition {partition}: stored to {before.until}, then from {range_.from_})", [one])
            joined[partition] = OffsetRange(before.from_ if before else range_.from_, range_.until)
    return joined


def _refusal(problem: str, attempts: list[_Attempt]) -> JobError:
    files = [file.url for one in attempts for file in one.files["bronze"]] or [file.url for one in attempts for files in one.files.values() for file in files]
    return JobError(
        f"the commit log is lost and cannot be rebuilt: {_some(files)} {problem}; "
        "restore the commit log from a backup, or move away every file of these batches from bronze, silver and quarantine"
    )


def _some(urls: Iterable[str]) -> str:
    every = sorted(urls)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
