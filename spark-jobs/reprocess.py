"""A day parsed again from bronze with the code of now, and swapped in by one commit; bronze stays as it is.

The day's records are those of the silver files of its hours, of the files of many hours that hold an event of it, and of
the quarantine files that hold a record whose Kafka timestamp is of it. All records of these files are parsed again, of
other days too where they share a file, because a file is replaced whole. What is replaced stays in the store until it
expires: a reader that is behind still reads it.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import chain

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import contract
from batch_writer import BatchWriter, WrittenBatch, new_attempt
from commit_log import CommitLog, Manifest, OffsetRange
from job_log import JobError, described, say
from kafka_records import KafkaRecord
from object_store import ObjectStore
from poison import Poison, may_be_a_record

_HOUR = re.compile(r"/year=(\d+)/month=(\d+)/day=(\d+)/hour=\d+/")
_LAYERS = ("silver", "quarantine")
# Of a quarantined record that ended whatever read it: the name of an error begins with a capital letter.
_ERROR = r"^[A-Z]"
_FEW_POISON = 1_000


@dataclass
class Lake:
    """What the commit log says that there is."""

    last: Manifest
    files: dict[str, dict[str, str]] = field(default_factory=lambda: {layer: {} for layer in _LAYERS})
    """By layer: a file's URL, and when it was committed."""
    bronze: dict[int, list[tuple[OffsetRange, tuple[str, ...]]]] = field(default_factory=dict)
    """By partition: ranges of offsets in order, and the files that hold them."""

    def add(self, manifest: Manifest) -> None:
        for layer, urls in (manifest.replaces or {}).items():
            for url in urls:
                self.files[layer].pop(url, None)
        for layer in _LAYERS:
            self.files[layer].update((file.url, manifest.committed_at) for file in getattr(manifest, layer))
        files = tuple(file.url for file in manifest.bronze)
        for partition, range_ in manifest.offsets.items():
            if files and range_.until > range_.from_:
                self.bronze.setdefault(partition, []).append((range_, files))
        self.last = manifest

    def bronze_of(self, spans: Iterable[tuple[int, int, int]]) -> set[str]:
        """The bronze files of (partition, first offset, last offset)."""
        found: set[str] = set()
        for partition, first, last in spans:
            ranges = self.bronze.get(partition, [])
            begins = [range_.from_ for range_, _ in ranges]
            for range_, files in ranges[max(0, bisect_right(begins, first) - 1) : bisect_right(begins, last)]:
                if range_.until > first:
                    found.update(files)
        return found


class Reprocess:
    """One day of one topic."""

    def __init__(self, spark: SparkSession, store: ObjectStore, log: CommitLog, writer: BatchWriter, topic: str) -> None:
        self._spark = spark
        self._store = store
        self._log = log
        self._writer = writer
        self._topic = topic

    def run(self, day: date) -> None:
        """Raises JobError when the day cannot be parsed from bronze; nothing has changed then."""
        began = time.monotonic()
        lake = self._lake()
        files = {"silver": self._silver_files(lake, day), "quarantine": self._quarantine_files(lake, day)}
        if not files["silver"] and not files["quarantine"]:
            say("nothing of this day is in the lake", day=day)
            return
        former = self._places(files)
        rows = former.count()
        records = self._records(lake, former)
        poison = self._poison(records, files["quarantine"])
        sound = records
        if poison:
            places = self._spark.createDataFrame([(one.record.partition, one.record.offset) for one in poison], "partition INT, offset BIGINT")
            sound = records.join(F.broadcast(places), ["partition", "offset"], "left_anti").select(records.columns)
        first = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) // 3600
        attempt = new_attempt(of_reprocess=True)
        name = f"{lake.last.sequence + 1:020d}-{attempt}"
        try:
            written = self._writer.write(sound, rows, name, range(first, first + 24), poison, with_bronze=False)
        except Exception as failure:
            if not may_be_a_record(failure):
                raise
            raise JobError(f"--date {day}: a record that was read before breaks the parser now ({described(failure)}); nothing has changed, mend the parser") from None
        stored = written.rows["silver"] + written.rows["quarantine"]
        if stored != rows:
            self._writer.delete(written)
            raise JobError(f"--date {day}: silver and quarantine hold {rows} records and bronze has {stored} of them; nothing has changed, restore bronze's files")
        manifest = self._commit(lake, files, written, attempt)
        seconds = f"{time.monotonic() - began:.2f}"
        replaced = {layer: len(urls) for layer, urls in files.items()}
        say(
            "reprocessed",
            day=day,
            sequence=manifest.sequence,
            silver=written.rows["silver"],
            quarantine=written.rows["quarantine"],
            replaced_files=sum(replaced.values()),
            seconds=seconds,
        )

    def _lake(self) -> Lake:
        manifests = self._log.manifests()
        lake = Lake(next(manifests))
        for manifest in chain([lake.last], manifests):
            lake.add(manifest)
        return lake

    def _silver_files(self, lake: Lake, day: date) -> list[str]:
        of_day, of_many_hours = [], []
        for url in lake.files["silver"]:
            hour = _HOUR.search(url)
            if hour is None:
                of_many_hours.append(url)
            elif (int(hour[1]), int(hour[2]), int(hour[3])) == (day.year, day.month, day.day):
                of_day.append(url)
        self._check_there(of_day, "silver")
        return of_day + self._holding(of_many_hours, "event_time", day)

    def _quarantine_files(self, lake: Lake, day: date) -> list[str]:
        # A record is committed after it was sent, but for a clock that is a day ahead.
        earliest = (day - timedelta(days=1)).isoformat()
        return self._holding([url for url, committed_at in lake.files["quarantine"].items() if committed_at >= earliest], "kafka_timestamp", day)

    def _holding(self, urls: Sequence[str], column: str, day: date) -> list[str]:
        """Those of the files that hold a row whose time is of this UTC day; files that have expired hold none."""
        there = self._there(urls)
        if not there:
            return []
        times = self._spark.read.schema(f"`{column}` TIMESTAMP").parquet(*there)
        is_of_day = (F.col(column) >= F.lit(f"{day}").cast("timestamp")) & (F.col(column) < F.lit(f"{day + timedelta(days=1)}").cast("timestamp"))
        found = {row["file"] for row in times.where(is_of_day).select(F.input_file_name().alias("file")).distinct().collect()}
        return [url for url in there if url in found]

    def _there(self, urls: Sequence[str]) -> list[str]:
        folders = {url.rsplit("/batch=", 1)[0] for url in urls}
        there = {file.url for folder in folders for file in self._store.list(f"{folder}/")}
        return [url for url in urls if url in there]

    def _check_there(self, urls: Sequence[str], layer: str) -> None:
        there = set(self._there(urls))
        if missing := sorted(url for url in urls if url not in there):
            raise JobError(f"{missing[0]} ({len(missing)} files of {layer}) is not there any more; a day can be parsed again while bronze and silver have all of it")

    def _places(self, files: Mapping[str, Sequence[str]]) -> DataFrame:
        """partition, offset and file of every record of the files."""
        every = [url for urls in files.values() for url in urls]
        return self._spark.read.schema("partition INT, offset BIGINT").parquet(*every).withColumn("file", F.input_file_name())

    def _records(self, lake: Lake, former: DataFrame) -> DataFrame:
        """These records, out of bronze: the columns of layers.records, and kafka_timestamp_ms."""
        spans = former.groupBy("file", "partition").agg(F.min("offset").alias("first"), F.max("offset").alias("last")).collect()
        bronze = sorted(lake.bronze_of((row["partition"], row["first"], row["last"]) for row in spans))
        self._check_there(bronze, "bronze")
        fields = ", ".join(field for name, field in zip(contract.BRONZE_COLUMNS, contract.BRONZE_FIELDS, strict=True) if name != "topic")
        value = F.coalesce(F.encode("value", "UTF-8"), F.unbase64("value_base64")).alias("value")
        every = self._spark.read.schema(fields.replace(" NOT NULL", "")).json(bronze)
        rows = every.select(value, F.lit(self._topic).alias("topic"), "partition", "offset", "kafka_timestamp", "kafka_timestamp_ms")
        return rows.join(former.select("partition", "offset"), ["partition", "offset"], "left_semi").select(rows.columns)

    def _poison(self, records: DataFrame, quarantine: Sequence[str]) -> list[Poison]:
        """Of the records that ended whatever read them, those that still do."""
        if not quarantine:
            return []
        rows = self._spark.read.schema("partition INT, offset BIGINT, reason STRING").parquet(*quarantine)
        places = rows.where(F.col("reason").rlike(_ERROR)).select("partition", "offset")
        found = records.join(F.broadcast(places), ["partition", "offset"], "left_semi").select("value", "partition", "offset", F.unix_millis("kafka_timestamp").alias("ms"))
        few = found.limit(_FEW_POISON + 1).collect()
        if len(few) > _FEW_POISON:
            raise JobError(
                f"more than {_FEW_POISON} records of this day were quarantined with the name of an error; mend the parser for one of them, and give a day with fewer first"
            )
        kept = [KafkaRecord(row["partition"], row["offset"], row["ms"], None if row["value"] is None else bytes(row["value"])) for row in few]
        return self._writer.readable(self._spark, kept)[1]

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
                    raise JobError(f"{self._log.url(manifest.sequence)} has replaced files of this day meanwhile; nothing of this run is committed, start it again")
            last = lake.last
            offsets = {partition: OffsetRange(until, until) for partition, until in last.until.items()}
            manifest = Manifest(
                last.sequence + 1,
                attempt,
                self._topic,
                offsets,
                [],
                silver,
                quarantine,
                written.rows,
                last.topic_id,
                last.sequence,
                "reprocess",
                {layer: list(urls) for layer, urls in files.items()},
            )
            if self._log.create(manifest):
                return manifest
