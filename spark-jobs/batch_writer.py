"""Writes one batch of Kafka records to the three layers, each file at its final place in a folder of this attempt.

`batch=<sequence, 20 digits>-<attempt>` is the last folder of every path, below bronze's topic and silver's hour. Spark
chooses the names of files itself; the folder is what finds all files of an attempt, and only them, by listing.
"""

from __future__ import annotations

import base64
import math
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial, reduce
from itertools import takewhile
from statistics import median_low
from typing import Any

from pyspark import InheritableThread, SparkContext
from pyspark.sql import Column, DataFrame, DataFrameWriter, Observation, SparkSession
from pyspark.sql import functions as F

import contract
from job_log import JobError
from kafka_records import KafkaRecord
from layers import bronze_rows, is_kafka_time, parsed_records, quarantine_columns, quarantine_rows, records_in_memory, silver_columns, silver_rows
from object_store import ObjectStore, StoredObject
from poison import Poison, Trial, isolated
from session import ZSTD_CODEC

# About 60 MB of lines: one file a layer and hour in quiet times, a file a core and more while a backlog drains.
ROWS_PER_FILE = 250_000
# So many quarantined records of a task, and none that is longer, travel through the driver. That bounds its memory.
FEW = 1_000
_SHORT_VALUE = 16_384
_HOUR_SECONDS = 3600
# Each hour of event time in a batch is a file of every task, some thirty requests. So hours have files of their own from two
# before the batch's first record on; what is further off is gathered in one file a task.
OWN_HOURS = 12
_HOURS_BEFORE = 2
# What Hive, and so Spark, names a folder of a partition column that is null.
_NULL = "__HIVE_DEFAULT_PARTITION__"

_ZSTD_LEVEL = {"parquet.compression.codec.zstd.level": "1"}
_FEW_VALUES = ("topic", "partition", "http_method", "status", "event_type", "action_type")
# Parquet's codec compresses lines as well: a plain zstd stream. Hadoop's own zstd needs a native library that the image
# lacks, and its gzip always compresses at level 6, which takes five times as long.
BRONZE = {"compression": ZSTD_CODEC, **_ZSTD_LEVEL, "ignoreNullFields": "true"}
_PARQUET = {
    "compression": "zstd",
    **_ZSTD_LEVEL,
    # A writer buffers a row group, and a task has up to spark.sql.maxConcurrentOutputFileWriters of them.
    "parquet.block.size": str(32 * 1024 * 1024),
    # Columns of many distinct values: hashing each one for a dictionary costs more than zstd needs for the repeats.
    **{f"parquet.enable.dictionary#{name}": "false" for name in contract.SILVER_COLUMNS if name not in _FEW_VALUES},
}


@dataclass(frozen=True)
class Locations:
    """s3a:// URLs of the layers' folders, without a slash at the end."""

    bronze: str
    silver: str
    quarantine: str


@dataclass(frozen=True)
class WrittenBatch:
    """The files of one attempt by layer, and how many rows they hold."""

    files: dict[str, list[StoredObject]]
    rows: dict[str, int]
    hours: range = range(0)
    """Since 1970, those that had files of their own in silver."""

    @property
    def layers(self) -> tuple[list[StoredObject], list[StoredObject], list[StoredObject]]:
        return self.files["bronze"], self.files["silver"], self.files["quarantine"]


REPROCESSED = re.compile(r"/batch=(\d{20})-r[0-9a-f]{11}/")
"""In the path of files that batches were parsed again into: the batch, and an attempt whose name begins with r as no other does."""


def own_hours(timestamps_ms: Sequence[int]) -> range:
    """The hours since 1970 that get files of their own in a batch whose partitions begin with these Kafka timestamps."""
    first = median_low([one for one in timestamps_ms if is_kafka_time(one)] or [0])
    hour = first // (_HOUR_SECONDS * 1000)
    return range(hour - _HOURS_BEFORE, hour - _HOURS_BEFORE + OWN_HOURS)


def new_attempt(of_reprocess: bool = False) -> str:
    """A name that no other attempt has."""
    name = uuid.uuid4().hex
    return f"r{name[:11]}" if of_reprocess else name[:12]


class BatchWriter:
    """Writes the batches of one topic."""

    def __init__(self, store: ObjectStore, locations: Locations, topic: str, time_zone: str) -> None:
        self._store = store
        self._locations = locations
        self._topic = topic
        self._time_zone = time_zone

    def write(self, records: DataFrame, rows_expected: int, name: str, hours: range, poison: Sequence[Poison] = ()) -> WrittenBatch:
        """Writes the records (see layers.records), and poison, into the folders `batch=name`.

        Kafka is read once for bronze and once for silver, side by side. The rows that silver leaves out come back to
        the driver when they are few, else they are read and parsed again; they are written while bronze still is.
        Of silver, `hours` have files of their own. What has failed leaves files that delete_other_attempts finds.
        """
        records = records.coalesce(_tasks(rows_expected))
        stored = Observation()
        seen = Observation()
        parsed = parsed_records(records, self._time_zone)
        is_short = F.length(F.coalesce("text", "value_base64", F.lit(""))) <= _SHORT_VALUE
        collected = F.when((F.col("place") < FEW) & is_short, _quarantine_line(parsed.columns))
        # Null for what is quarantined, and for what is gathered with other hours.
        own_hour = F.when(F.col("reason").isNull() & _is_one_of(hours, _hour_number()), _hour_number())
        # Beside counting, the observation keeps the optimizer from pushing the filter below it, where the parser's
        # expressions would be repeated inside the condition.
        observed = parsed.withColumns({"place": _place_among_quarantined(), "own_hour": own_hour}).observe(
            seen,
            F.count(F.lit(1)).alias("rows"),
            F.count("reason").alias("quarantined"),
            F.array_join(F.collect_set("own_hour").cast("array<string>"), ",").alias("hours"),
            F.array_join(F.collect_list(collected), "\n").alias("quarantine_lines"),
        )
        silver = silver_rows(observed).withColumn("batch", F.lit(name))
        counted: dict[str, object] = {}

        def write_silver_and_quarantine() -> None:
            _writer(silver, _PARQUET).partitionBy(*contract.SILVER_PARTITIONS, "batch").parquet(self._locations.silver)
            counted.update(seen.get)
            quarantined = int(str(counted["quarantined"]))
            kept = [line for line in str(counted["quarantine_lines"]).split("\n") if line]
            if quarantined + len(poison) > 0:
                self._write_quarantine(kept if len(kept) == quarantined else None, parsed, poison, name)

        def write_bronze() -> None:
            raw = bronze_rows(records).observe(stored, F.count(F.lit(1)).alias("rows"))
            if poison:
                raw = raw.unionByName(_poison_rows(records.sparkSession, self._topic, poison).select(*_as_bronze(raw.columns)))
            _writer(raw, BRONZE).json(f"{self._bronze_folder()}/batch={name}")

        # Silver first: its tasks take longest, and long ones after short ones leave cores idle.
        _side_by_side(write_silver_and_quarantine, write_bronze)
        return replace(self._written(name, stored.get, counted, len(poison)), hours=hours)

    def write_again(self, records: DataFrame, rows_expected: int, attempt: str, batches: Sequence[int], poison: Mapping[str, Sequence[Poison]]) -> WrittenBatch:
        """Writes silver and quarantine of `batches` once more, of records as bronze has them.

        `records` have a column `batch` besides, the last folder of what is written of them; poison is by that name. Of a
        record, the hours that lie to its Kafka timestamp as those of a batch's own files do to its first record have own files.
        """
        records = records.coalesce(_tasks(rows_expected))
        seen = Observation()
        parsed = parsed_records(records, self._time_zone)
        from_first = _hour_number() - F.expr(f"unix_millis(kafka_timestamp) div {_HOUR_SECONDS * 1000}")
        own_hour = F.when(F.col("reason").isNull() & from_first.between(-_HOURS_BEFORE, OWN_HOURS - _HOURS_BEFORE - 1), _hour_number())
        observed = parsed.withColumn("own_hour", own_hour).observe(
            seen, F.count(F.lit(1)).alias("rows"), F.count("reason").alias("quarantined"), F.array_join(F.collect_set("own_hour").cast("array<string>"), ",").alias("hours")
        )
        _writer(silver_rows(observed, "batch"), _PARQUET).partitionBy(*contract.SILVER_PARTITIONS, "batch").parquet(self._locations.silver)
        rows, quarantined = int(seen.get["rows"]), int(seen.get["quarantined"])
        # The observation that keeps the filter where it is; nobody reads it.
        parts = [quarantine_rows(parsed.observe(Observation(), F.count(F.lit(1)).alias("rows")), "batch")] if quarantined > 0 else []
        for name, some in poison.items():
            of_batch = _poison_rows(records.sparkSession, self._topic, some).select(*contract.QUARANTINE_COLUMNS, F.lit(name).alias("batch"))
            parts.append(of_batch)
        if parts:
            _writer(reduce(DataFrame.unionByName, parts), _PARQUET).partitionBy("batch").parquet(self._locations.quarantine)
        hours = sorted(int(hour) for hour in str(seen.get["hours"]).split(",") if hour)
        folders = [*(self._hour_folder(hour) for hour in hours), self._folder_of_many_hours()]
        first, last = f"/batch={min(batches):020d}-", f"/batch={max(batches):020d}-~"
        files: dict[str, list[StoredObject]] = {layer: [] for layer in ("bronze", "silver", "quarantine")}
        for layer, folder in (*(("silver", folder) for folder in folders), ("quarantine", self._locations.quarantine)):
            listed = self._store.list(f"{folder}/batch=", start_after=f"{folder}{first}")
            files[layer] += [file for file in takewhile(lambda file, end=f"{folder}{last}": file.url < end, listed) if f"-{attempt}/" in file.url]  # type: ignore[misc]
        poisoned = sum(len(some) for some in poison.values())
        counts = {"bronze": 0, "silver": rows - quarantined, "quarantine": quarantined + poisoned}
        if lost := [layer for layer, count in counts.items() if (count > 0) != bool(files[layer])]:
            raise JobError(f"attempt {attempt} has {counts} rows and the listing shows {len(files[lost[0]])} files of {lost[0]}; nothing is committed, start it again")
        return WrittenBatch(files, counts)

    def readable(self, spark: SparkSession, some: Sequence[KafkaRecord]) -> tuple[list[KafkaRecord], list[Poison]]:
        """Splits records into those of which write() can compute the rows, and the others."""
        sound, failing = isolated(some, partial(self._trial, spark))
        return sound, [Poison(record, reason) for record, reason in failing]

    def _trial(self, spark: SparkSession, some: Sequence[KafkaRecord], slices: int) -> Trial[KafkaRecord]:
        """Computes what write() would store of records, slice by slice, and stores nothing: planned once for all slices."""
        records = records_in_memory(spark, self._topic, some, slices)
        # Without the observation the plan would repeat the parser's expressions: see write().
        parsed = parsed_records(records, self._time_zone).observe(Observation(), F.count(F.lit(1)).alias("rows"))
        stored = parsed.select(F.xxhash64(*silver_columns(), *quarantine_columns(parsed.columns)))
        raw = bronze_rows(records)
        passes = [rows._jdf.toJavaRDD() for rows in (stored, raw.select(F.xxhash64(*raw.columns)))]
        gateway: Any = spark.sparkContext._gateway

        def try_(numbers: Sequence[int]) -> None:
            wanted = gateway.new_array(gateway.jvm.int, len(numbers))
            for place, number in enumerate(numbers):
                wanted[place] = number
            for rows in passes:
                rows.collectPartitions(wanted)

        return [list(some[number::slices]) for number in range(slices)], try_

    def _written(self, name: str, stored: dict[str, int], seen: dict[str, object], poisoned: int) -> WrittenBatch:
        rows, quarantined = int(str(seen["rows"])), int(str(seen["quarantined"]))
        if stored["rows"] != rows:
            raise JobError(f"bronze got {stored['rows']} rows and silver's pass saw {rows} of the same offsets; nothing is committed, start the job again")
        hours = sorted(int(hour) for hour in str(seen["hours"]).split(",") if hour)
        folders = [*(self._hour_folder(hour) for hour in hours), self._folder_of_many_hours()]
        files = {
            "bronze": list(self._store.list(f"{self._bronze_folder()}/batch={name}/")),
            "silver": [file for folder in folders for file in self._store.list(f"{folder}/batch={name}/")],
            "quarantine": list(self._store.list(f"{self._locations.quarantine}/batch={name}/")),
        }
        counts = {"bronze": rows + poisoned, "silver": rows - quarantined, "quarantine": quarantined + poisoned}
        # Spark writes a file of no rows where all records of the offsets were aborted.
        for layer, count in counts.items():
            if count == 0:
                self._store.delete(file.url for file in files[layer])
                files[layer] = []
        if lost := [layer for layer, count in counts.items() if (count > 0) != bool(files[layer])]:
            raise JobError(f"batch {name} has {counts} rows and the listing shows {len(files[lost[0]])} files of {lost[0]}; nothing is committed, start the job again")
        return WrittenBatch(files, counts)

    def _write_quarantine(self, lines: list[str] | None, parsed: DataFrame, poison: Sequence[Poison], name: str) -> None:
        """From their JSON lines, or when those are not all there, by parsing the batch once more."""
        spark = parsed.sparkSession
        if lines is None:
            # The observation that keeps the filter where it is; nobody reads it.
            rows = quarantine_rows(parsed.observe(Observation(), F.count(F.lit(1)).alias("rows")))
        else:
            texts = spark.createDataFrame([(line,) for line in lines], "line STRING").coalesce(1)
            rows = texts.select(F.from_json("line", _QUARANTINE_LINE).alias("row")).select("row.*")
            rows = rows.withColumn("kafka_timestamp", F.timestamp_millis("kafka_timestamp")).select(*contract.QUARANTINE_COLUMNS)
        if poison:
            rows = rows.unionByName(_poison_rows(spark, self._topic, poison).select(*contract.QUARANTINE_COLUMNS))
        _writer(rows, _PARQUET).parquet(f"{self._locations.quarantine}/batch={name}")

    def _bronze_folder(self) -> str:
        return f"{self._locations.bronze}/topic={self._topic}"

    def _hour_folder(self, hour: int) -> str:
        """The folder of an hour, counted since 1970."""
        time = datetime.fromtimestamp(hour * _HOUR_SECONDS, timezone.utc)
        return f"{self._locations.silver}/year={time.year}/month={time.month}/day={time.day}/hour={time.hour}"

    def _folder_of_many_hours(self) -> str:
        return "/".join([self._locations.silver, *(f"{column}={_NULL}" for column in contract.SILVER_PARTITIONS)])

    def delete(self, batch: WrittenBatch) -> None:
        """Removes the files of an attempt that is not going to be committed."""
        self._store.delete(file.url for files in batch.files.values() for file in files)

    def delete_other_attempts(self, sequence: int, attempt: str, hours: range) -> int:
        """Removes the files of a committed sequence that another attempt left behind; gives their number.

        Not those of batches that are being parsed again. Safe once this sequence is committed: no other attempt can commit it any more.
        The other began at the same record, so it had the same hours of silver: a listing for each of them, however many files silver has.
        """
        ours, all_attempts = f"/batch={sequence:020d}-{attempt}/", f"/batch={sequence:020d}-"
        parents = (self._bronze_folder(), self._locations.quarantine, self._folder_of_many_hours(), *(self._hour_folder(hour) for hour in hours))
        folders = (*(f"{parent}{all_attempts}" for parent in parents), f"{self._locations.silver}/__magic/")
        stale = [file.url for folder in folders for file in self._store.list(folder) if ours not in file.url and not REPROCESSED.search(file.url)]
        self._store.delete(stale)
        return len(stale)


# The time in milliseconds: to_json would write it in the session's format and lose what it does not show.
_QUARANTINE_LINE = ", ".join(field.replace("`kafka_timestamp` TIMESTAMP", "`kafka_timestamp` BIGINT") for field in contract.QUARANTINE_FIELDS).replace(" NOT NULL", "")


def _quarantine_line(there: Sequence[str]) -> Column:
    columns = dict(zip(contract.QUARANTINE_COLUMNS, quarantine_columns(there), strict=True))
    columns["kafka_timestamp"] = F.unix_millis(columns["kafka_timestamp"]).alias("kafka_timestamp")
    return F.to_json(F.struct(*columns.values()))


def _poison_rows(spark: SparkSession, topic: str, poison: Sequence[Poison]) -> DataFrame:
    """Quarantine's columns."""
    rows = []
    for one in poison:
        record = one.record
        try:
            text, encoded = None if record.value is None else record.value.decode(), None
        except UnicodeDecodeError:
            text, encoded = None, base64.b64encode(record.value or b"").decode()
        time, odd = (record.timestamp_ms, None) if is_kafka_time(record.timestamp_ms) else (None, record.timestamp_ms)
        rows.append((topic, record.partition, record.offset, time, odd, text, encoded, one.reason))
    given = spark.createDataFrame(rows, _QUARANTINE_LINE).coalesce(1)
    return given.withColumn("kafka_timestamp", F.timestamp_millis("kafka_timestamp"))


def _as_bronze(columns: Sequence[str]) -> list[Column]:
    time = F.date_format("kafka_timestamp", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias("kafka_timestamp")
    return [time if name == "kafka_timestamp" else F.col(name) for name in columns]


def _hour_number() -> Column:
    return F.expr(f"unix_micros(event_time) div {_HOUR_SECONDS * 1_000_000}")


def _is_one_of(hours: range, hour: Column) -> Column:
    # An array is handed to the generated code, a number would be written into it: it would be compiled again each batch.
    return F.array_contains(F.lit(list(hours)).cast("array<bigint>"), hour)


def _place_among_quarantined() -> Column:
    """The number of quarantined rows that the task had before this one; FEW for other rows."""
    # Spark counts the rows for which it asks for the id. If it counted others too, rows would only be read once more.
    return F.when(F.col("reason").isNotNull(), F.monotonically_increasing_id().bitwiseAND(F.lit((1 << 33) - 1))).otherwise(F.lit(FEW))


def _tasks(rows: int) -> int:
    """How many tasks a layer is written by, which is its files an hour: each core gets the same number of them."""
    cores = SparkContext.getOrCreate().defaultParallelism
    files = max(1, math.ceil(rows / ROWS_PER_FILE))
    return files if files == 1 else cores * math.ceil(files / cores)


def _writer(rows: DataFrame, options: dict[str, str]) -> DataFrameWriter:
    return rows.write.mode("append").options(**options)


def _side_by_side(*actions: Callable[[], None]) -> None:
    """Runs the actions at once, each in a thread with this one's Spark properties; raises the first failure.

    Spark gives a free core to the job that began first, so each waits until a job of those before it has begun.
    """
    failures: list[BaseException] = []

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as failure:  # handed to the caller's thread
            failures.append(failure)

    jobs = SparkContext.getOrCreate().statusTracker()
    threads = [InheritableThread(target=guarded, args=(action,)) for action in actions]
    for place, thread in enumerate(threads):
        while len(jobs.getActiveJobsIds()) < place and all(begun.is_alive() for begun in threads[:place]):
            time.sleep(0.01)
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
