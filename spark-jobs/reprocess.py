"""Batches parsed again from bronze with the code of now, and swapped in by one commit; bronze stays as it is.

A batch is taken whole: all its records are read from bronze, all its files of silver and quarantine are replaced. So which
record is in which file is known without reading any of them, and a file that is lost or damaged is mended like any other.
A day's batches are those with a silver file of its hours, those with a file of many hours that holds an event of it, and
those with a quarantined record whose Kafka timestamp is of it; a file that cannot be read may hold either. What is replaced
stays in the store until it expires: a reader that is behind still reads it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain

from py4j.protocol import Py4JJavaError
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

import contract
from batch_writer import REPROCESSED, BatchWriter, Locations, WrittenBatch, new_attempt
from commit_log import CommitLog, Manifest, OffsetRange
from job_log import JobError, described, is_of_the_network, say
from kafka_records import KafkaRecord
from object_store import ObjectStore, StoredObject
from poison import Poison, may_be_a_record

_HOUR = re.compile(r"/year=(\d+)/month=(\d+)/day=(\d+)/hour=\d+/")
_LAYERS = ("silver", "quarantine")
# Of a quarantined record that ended whatever read it: the name of an error begins with a capital letter.
_ERROR = r"^[A-Z]"
_FEW_POISON = 1_000
_SHOWN = 20


def copies(locations: Locations) -> str:
    """Where copies of the manifests of reprocesses are: their files do not tell what they replace."""
    return f"{locations.silver}/_reprocess/"


def copy_url(locations: Locations, manifest: Manifest) -> str:
    """The copy of a reprocess's manifest, which is there before the manifest is."""
    return f"{copies(locations)}{manifest.sequence:020d}-{manifest.attempt}.json"


@dataclass(frozen=True)
class LakeFile:
    """A file of silver or quarantine. `batches`: those that its records are of."""

    object: StoredObject
    committed_at: str
    batches: frozenset[int]


@dataclass
class Lake:
    """What the commit log says that there is."""

    last: Manifest
    files: dict[str, dict[str, LakeFile]] = field(default_factory=lambda: {layer: {} for layer in _LAYERS})
    """By layer and URL."""
    bronze: dict[int, tuple[tuple[StoredObject, ...], int]] = field(default_factory=dict)
    """By batch: its files of bronze, and their rows."""
    reprocesses: dict[int, set[int]] = field(default_factory=dict)
    """By the sequence of a reprocess: the batches that it has parsed again."""

    def add(self, manifest: Manifest) -> None:
        replaced = [self.files[layer].pop(url, None) for layer, urls in (manifest.replaces or {}).items() for url in urls]
        again = frozenset(batch for file in replaced if file is not None for batch in file.batches)
        if manifest.kind != "reprocess" and manifest.bronze:
            self.bronze[manifest.sequence] = (tuple(manifest.bronze), manifest.rows["bronze"])
        for layer in _LAYERS:
            for file in getattr(manifest, layer):
                batches = frozenset([manifest.sequence]) if manifest.kind != "reprocess" else self._batch_of(file.url, again)
                self.files[layer][file.url] = LakeFile(file, manifest.committed_at, batches)
                if manifest.kind == "reprocess":
                    self.reprocesses.setdefault(manifest.sequence, set()).update(batches)
        self.last = manifest

    def _batch_of(self, url: str, replaced: frozenset[int]) -> frozenset[int]:
        """The batch that the path of a reprocess's file names. Earlier versions wrote the number of the reprocess: then it may be of all that was replaced."""
        of_path = REPROCESSED.search(url)
        return frozenset([int(of_path[1])]) if of_path is not None and int(of_path[1]) in self.bronze else replaced

    def whole(self, batches: Collection[int]) -> tuple[list[int], dict[str, list[str]]]:
        """The batches, with those that share a file with them, and all their files by layer."""
        wanted = set(batches)
        while True:
            files = {layer: [url for url, file in self.files[layer].items() if not wanted.isdisjoint(file.batches)] for layer in _LAYERS}
            more = {batch for layer in _LAYERS for url in files[layer] for batch in self.files[layer][url].batches}
            if more <= wanted:
                return sorted(wanted), files
            wanted |= more


class Reprocess:
    """Batches of one topic: those of a day, or those that are given."""

    def __init__(self, spark: SparkSession, store: ObjectStore, log: CommitLog, writer: BatchWriter, locations: Locations, topic: str) -> None:
        self._spark = spark
        self._store = store
        self._log = log
        self._writer = writer
        self._locations = locations
        self._topic = topic

    def day(self, day: date) -> None:
        """Raises JobError when the day cannot be parsed from bronze; nothing has changed then."""
        lake = self._lake()
        batches = self._of_day(lake, day)
        if not batches:
            say("nothing of this day is in the lake", day=day)
            return
        self._run(lake, batches, f"--date {day}")

    def batches(self, sequences: Sequence[int]) -> None:
        """Raises JobError when one is no batch of the log, or cannot be parsed from bronze; nothing has changed then."""
        lake = self._lake()
        batches: set[int] = set()
        for sequence in sequences:
            if sequence not in lake.bronze and not lake.reprocesses.get(sequence):
                is_there = sequence <= lake.last.sequence and self._store.find(self._log.url(sequence)) is not None
                why = "has no record in bronze" if is_there else f"is not in the commit log, whose last is {lake.last.sequence}"
                raise JobError(f"--batch {sequence} {why}; nothing has changed, give the sequence of a manifest that names a file to be mended")
            batches.update([sequence] if sequence in lake.bronze else lake.reprocesses[sequence])
        self._run(lake, batches, " ".join(f"--batch {sequence}" for sequence in sequences[:_SHOWN]))

    def _run(self, lake: Lake, some: Collection[int], what: str) -> None:
        began = time.monotonic()
        batches, files = lake.whole(some)
        self._check_bronze(lake, batches, what)
        rows = sum(lake.bronze[batch][1] for batch in batches)
        records = self._records(lake, batches)
        poison = self._poison(records, lake, files["quarantine"], what)
        sound = records
        if poison:
            places = self._spark.createDataFrame([(one.record.partition, one.record.offset) for some in poison.values() for one in some], "partition INT, offset BIGINT")
            sound = records.join(F.broadcast(places), ["partition", "offset"], "left_anti").select(records.columns)
        attempt = new_attempt(of_reprocess=True)
        named = sound.withColumn("batch", F.concat("batch", F.lit(f"-{attempt}")))
        try:
            written = self._writer.write_again(named, rows, attempt, batches, {f"{batch}-{attempt}": some for batch, some in poison.items()})
        except Exception as failure:
            if not may_be_a_record(failure):
                raise
            raise JobError(f"{what}: a record that was read before breaks the parser now ({described(failure)}); nothing has changed, mend the parser") from None
        stored = written.rows["silver"] + written.rows["quarantine"]
        if stored != rows:
            self._writer.delete(written)
            raise JobError(f"{what}: the commit log says that these batches have {rows} records and bronze has {stored} of them; nothing has changed, restore bronze's files")
        manifest = self._commit(lake, files, written, attempt)
        say(
            "reprocessed",
            what=f"'{what}'",
            sequence=manifest.sequence,
            batches=len(batches),
            silver=written.rows["silver"],
            quarantine=written.rows["quarantine"],
            replaced_files=sum(len(urls) for urls in files.values()),
            seconds=f"{time.monotonic() - began:.2f}",
        )

    def _lake(self) -> Lake:
        manifests = self._log.manifests()
        lake = Lake(next(manifests))
        for manifest in chain([lake.last], manifests):
            lake.add(manifest)
        return lake

    def _of_day(self, lake: Lake, day: date) -> set[int]:
        """The batches that a record of the day is in, or may be."""
        of_day, of_many_hours = [], []
        for url, file in lake.files["silver"].items():
            hour = _HOUR.search(url)
            if hour is None:
                of_many_hours.append(file)
            elif (int(hour[1]), int(hour[2]), int(hour[3])) == (day.year, day.month, day.day):
                of_day.append(file)
        # A record is committed after it was sent, but for a clock that is a day ahead.
        earliest = (day - timedelta(days=1)).isoformat()
        quarantine = [file for file in lake.files["quarantine"].values() if file.committed_at >= earliest]
        found = of_day + self._holding(lake, of_many_hours, "event_time", day) + self._holding(lake, quarantine, "kafka_timestamp", day)
        return {batch for file in found for batch in file.batches}

    def _holding(self, lake: Lake, files: Sequence[LakeFile], column: str, day: date) -> list[LakeFile]:
        """Those of the files that hold a row whose time is of this UTC day, or may: what cannot be read may hold anything.

        A file that is gone together with its batches' bronze has expired, and holds none.
        """
        there = {one.url: one.bytes for one in self._listed(file.object.url for file in files)}
        # One of no bytes would be no error to Spark, and one of another length is none that the job wrote.
        whole = [file for file in files if there.get(file.object.url) == file.object.bytes]
        damaged = [file for file in files if there.get(file.object.url) != file.object.bytes]
        bronze = {one.url for one in self._listed(one.url for file in damaged for batch in file.batches for one in lake.bronze.get(batch, ((), 0))[0])}
        is_there = [file for file in damaged if file.object.url in there or any(one.url in bronze for batch in file.batches for one in lake.bronze.get(batch, ((), 0))[0])]
        for file in is_there:
            say("a file is lost or damaged; its batch is parsed again", file=file.object.url)
        return is_there + self._with_row_of(whole, column, day)

    def _with_row_of(self, files: Sequence[LakeFile], column: str, day: date) -> list[LakeFile]:
        is_of_day = (F.col(column) >= F.lit(f"{day}").cast("timestamp")) & (F.col(column) < F.lit(f"{day + timedelta(days=1)}").cast("timestamp"))

        def read(urls: Sequence[str]) -> list[Row]:
            times = self._spark.read.schema(f"`{column}` TIMESTAMP").parquet(*urls)
            return times.where(is_of_day).select(F.input_file_name().alias("file")).distinct().collect()

        rows, unreadable = of_readable([file.object.url for file in files], read)
        for url in unreadable:
            say("a file cannot be read; its batch is parsed again", file=url)
        found = {row["file"] for row in rows} | set(unreadable)
        return [file for file in files if file.object.url in found]

    def _listed(self, urls: Iterable[str]) -> list[StoredObject]:
        """What is there of some folders of files."""
        folders = {url.rsplit("/batch=", 1)[0] for url in urls}
        return [one for folder in sorted(folders) for one in self._store.list(f"{folder}/batch=")]

    def _check_bronze(self, lake: Lake, batches: Sequence[int], what: str) -> None:
        if unknown := [batch for batch in batches if batch not in lake.bronze]:
            raise JobError(f"{what}: the commit log does not name bronze's files of batch {unknown[0]} any more ({len(unknown)} such batches); nothing has changed")
        every = [one.url for batch in batches for one in lake.bronze[batch][0]]
        there = {one.url for one in self._listed(every)}
        if missing := [url for url in every if url not in there]:
            raise JobError(
                f"{what}: {missing[0]} ({len(missing)} of {len(every)} files of bronze) is not there any more; nothing has changed, "
                "a batch can be parsed again while bronze has all of it: restore these files from a backup"
            )

    def _records(self, lake: Lake, batches: Sequence[int]) -> DataFrame:
        """All records of the batches, out of bronze: the columns of layers.records, kafka_timestamp_ms, and batch (20 digits)."""
        fields = ", ".join(field for name, field in zip(contract.BRONZE_COLUMNS, contract.BRONZE_FIELDS, strict=True) if name != "topic")
        value = F.coalesce(F.encode("value", "UTF-8"), F.unbase64("value_base64")).alias("value")
        every = self._spark.read.schema(fields.replace(" NOT NULL", "")).json([one.url for batch in batches for one in lake.bronze[batch][0]])
        batch = F.regexp_extract(F.input_file_name(), r"/batch=(\d{20})-", 1).alias("batch")
        return every.select(value, F.lit(self._topic).alias("topic"), "partition", "offset", "kafka_timestamp", "kafka_timestamp_ms", batch)

    def _poison(self, records: DataFrame, lake: Lake, quarantine: Sequence[str], what: str) -> dict[str, list[Poison]]:
        """Of the records that ended whatever read them, those that still do, by batch."""
        sizes = {one.url: one.bytes for one in self._listed(quarantine)}

        def read(urls: Sequence[str]) -> list[Row]:
            rows = self._spark.read.schema("partition INT, offset BIGINT, reason STRING").parquet(*urls)
            return rows.where(F.col("reason").rlike(_ERROR)).select("partition", "offset").limit(_FEW_POISON + 1).collect()

        # Those of a file that cannot be read are not known. Such a record breaks the pass, as one does that the parser of now breaks at.
        places, _ = of_readable([url for url in quarantine if sizes.get(url) == lake.files["quarantine"][url].object.bytes], read)
        if len(places) > _FEW_POISON:
            raise JobError(
                f"{what}: more than {_FEW_POISON} of its records were quarantined with the name of an error; mend the parser for one of them, and give fewer batches first"
            )
        if not places:
            return {}
        wanted = self._spark.createDataFrame(places, "partition INT, offset BIGINT")
        found = records.join(F.broadcast(wanted), ["partition", "offset"], "left_semi").select(
            "value", "partition", "offset", "batch", F.unix_millis("kafka_timestamp").alias("ms")
        )
        rows = found.collect()
        kept = [KafkaRecord(row["partition"], row["offset"], row["ms"], None if row["value"] is None else bytes(row["value"])) for row in rows]
        batch_of = {(row["partition"], row["offset"]): row["batch"] for row in rows}
        by_batch: dict[str, list[Poison]] = {}
        for one in self._writer.readable(self._spark, kept)[1]:
            by_batch.setdefault(batch_of[one.record.partition, one.record.offset], []).append(one)
        return by_batch

    def _commit(self, lake: Lake, files: Mapping[str, Sequence[str]], written: WrittenBatch, attempt: str) -> Manifest:
        """Under the next sequence that is free: the stream may commit meanwhile, another reprocess of these files may not."""
        replaced = {url for urls in files.values() for url in urls}
        _, silver, quarantine = written.layers
        while True:
            for manifest in self._log.manifests(after=lake.last.sequence):
                lake.last = manifest
                taken = {url for urls in (manifest.replaces or {}).values() for url in urls}
                if manifest.kind == "rebuilt" or taken & replaced:
                    self._writer.delete(written)
                    raise JobError(f"{self._log.url(manifest.sequence)} has replaced files of these batches meanwhile; nothing of this run is committed, start it again")
            last = lake.last
            offsets = {partition: OffsetRange(until, until) for partition, until in last.until.items()}
            replaces = {layer: list(urls) for layer, urls in files.items()}
            manifest = Manifest(last.sequence + 1, attempt, self._topic, offsets, [], silver, quarantine, written.rows, last.topic_id, last.sequence, "reprocess", replaces)
            # The copy first: from here on a start of the streaming job can finish this.
            self._store.put(copy_url(self._locations, manifest), manifest.to_json())
            if self._log.create(manifest):
                return manifest
            self._store.delete([copy_url(self._locations, manifest)])


def of_readable(urls: Sequence[str], read: Callable[[Sequence[str]], list[Row]]) -> tuple[list[Row], list[str]]:
    """What `read` gives of the files that can be read, and the others: halves of what fails are read alone."""
    rows: list[Row] = []
    unreadable: list[str] = []
    pending = [list(urls)] if urls else []
    while pending:
        some = pending.pop()
        try:
            rows += read(some)
            continue
        except (Py4JJavaError, CapturedException) as failure:
            if is_of_the_network(failure):
                raise
        if len(some) == 1:
            unreadable += some
        else:
            middle = len(some) // 2
            pending += [some[:middle], some[middle:]]
    return rows, unreadable
