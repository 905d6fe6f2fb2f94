"""Kafka records as the rows of bronze, silver and quarantine that the contract states."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import contract
from event_parser import base64_line, parse, valid_text
from kafka_records import KafkaRecord

# A Kafka timestamp is any 64-bit number. Outside of these days it is no time of the contract's.
FIRST_KAFKA_TIME, END_OF_KAFKA_TIME = datetime(1970, 1, 2, tzinfo=timezone.utc), datetime(2106, 1, 1, tzinfo=timezone.utc)
UNREADABLE_KAFKA_TIMESTAMP = "unreadable_kafka_timestamp"
# What Spark's Kafka source gives as it is: times from here on, up to the microseconds that 64 bits hold.
_FIRST_UNMOVED, _LAST_MILLIS = datetime(1900, 1, 1, tzinfo=timezone.utc), (2**63 - 1) // 1000


def is_kafka_time(timestamp_ms: int) -> bool:
    """Whether Kafka's timestamp is one that `kafka_timestamp` can hold."""
    return _millis(FIRST_KAFKA_TIME) <= timestamp_ms < _millis(END_OF_KAFKA_TIME)


def ends_sparks_source(timestamp_ms: int) -> bool:
    """Whether a pass over a record with this Kafka timestamp fails (see _odd_millis)."""
    return timestamp_ms < _millis(_FIRST_UNMOVED) or timestamp_ms > _LAST_MILLIS


def records(kafka: DataFrame) -> DataFrame:
    """The columns of Kafka's source that the layers keep: value, topic, partition, offset, kafka_timestamp."""
    return kafka.select("value", "topic", "partition", "offset", F.col("timestamp").alias("kafka_timestamp"))


_IN_MEMORY = "value BINARY, topic STRING, partition INT, offset BIGINT, timestamp BIGINT, slice BIGINT"


def records_in_memory(spark: SparkSession, topic: str, some: Sequence[KafkaRecord], slices: int = 1) -> DataFrame:
    """The same columns of records that the driver has, whose timestamps are times of the contract's.

    Record n is in partition n modulo `slices` of the frame, whatever is asked of it.
    """
    keys = _keys_by_partition(spark, slices)
    rows = [(one.value, topic, one.partition, one.offset, one.timestamp_ms, keys[place % slices]) for place, one in enumerate(some)]
    given = spark.createDataFrame(rows, _IN_MEMORY).repartition(slices, "slice")
    return records(given.withColumn("timestamp", F.timestamp_millis("timestamp")))


def _keys_by_partition(spark: SparkSession, partitions: int) -> list[int]:
    """For each of so many partitions a number whose row repartition() brings there: it takes the hash, as below."""
    if partitions == 1:
        return [0]
    numbers = spark.range(100 * partitions).select("id", F.pmod(F.hash("id"), F.lit(partitions)).alias("partition"))
    found = {row["partition"]: row["id"] for row in numbers.collect()}
    return [found[partition] for partition in range(partitions)]


def bronze_rows(records: DataFrame) -> DataFrame:
    """A record as bronze's line of JSON has it: `partition`, `offset`, `kafka_timestamp` (ISO 8601, milliseconds, UTC) or
    `kafka_timestamp_ms`, and of `value` and `value_base64` the one that is not null, or neither. The topic is the name of
    the line's folder.
    """
    for step in _bronze_steps():
        records = records.select(*step)
    return records


# Built once, as event_parser's steps are.
@cache
def _bronze_steps() -> tuple[list[Column], ...]:
    place = [F.col("partition"), F.col("offset")]
    time, value, text = (F.col(name) for name in ("kafka_timestamp", "value", "text"))
    times = [F.when(_is_readable(time), _iso_millis(time)).alias("kafka_timestamp"), _odd_millis(time).alias("kafka_timestamp_ms")]
    made = [time, F.col("kafka_timestamp_ms")]
    return (
        [*place, *times, value, F.decode(value, "UTF-8").alias("decoded")],
        [*place, *made, value, valid_text(F.col("decoded"), value).alias("text")],
        [*place, *made, text.alias("value"), F.when(text.isNull(), base64_line(value)).alias("value_base64")],
    )


def _is_readable(timestamp: Column) -> Column:
    return (timestamp >= _instant(FIRST_KAFKA_TIME)) & (timestamp < _instant(END_OF_KAFKA_TIME))


def _odd_millis(timestamp: Column) -> Column:
    """Kafka's number where it is no time of the contract's, else null.

    Before 1900 Spark's Kafka source moves a timestamp to another calendar, and past 2^63 microseconds it fails. Neither
    gives the number back: both end the pass, and the record is read by the plain client.
    """
    is_moved = timestamp < _instant(_FIRST_UNMOVED)
    moved = F.raise_error(F.lit(UNREADABLE_KAFKA_TIMESTAMP)).cast("bigint")
    return F.when(~_is_readable(timestamp), F.when(is_moved, moved).otherwise(F.unix_millis(timestamp)))


def _instant(time: datetime) -> Column:
    return F.timestamp_millis(F.lit(_millis(time)))


def _millis(time: datetime) -> int:
    return round(time.timestamp()) * 1000


def _iso_millis(timestamp: Column) -> Column:
    """`2026-01-15T00:00:00.007Z`, put together from tables: formatting each record's time took as long as its fetch."""
    of_day = F.pmod(F.unix_millis(timestamp), F.lit(86_400_000)).cast("int")

    def piece(number: Column, form: str, count: int) -> Column:
        # One literal that is split while the query is planned.
        return F.get(F.split(F.lit(",".join(form.format(value) for value in range(count))), ","), number)

    return F.concat(
        F.year(timestamp).cast("string"),
        piece(F.month(timestamp), "-{:02d}", 13),
        piece(F.dayofmonth(timestamp), "-{:02d}", 32),
        piece(F.floor(of_day / 3_600_000).cast("int"), "T{:02d}", 24),
        piece(F.floor(of_day / 60_000).cast("int") % 60, ":{:02d}", 60),
        piece(F.floor(of_day / 1000).cast("int") % 60, ":{:02d}", 60),
        piece(of_day % 1000, ".{:03d}Z", 1000),
    )


def parsed_records(records: DataFrame, time_zone: str) -> DataFrame:
    """Every record with its event's fields, or the reason of its quarantine (see event_parser.parse)."""
    parsed = parse(records, time_zone)
    kept = [F.col(name) for name in parsed.columns if name != "reason"]
    # A record of bronze whose timestamp is no time has none.
    is_readable = F.coalesce(_is_readable(F.col("kafka_timestamp")), F.lit(False))
    return parsed.select(*kept, F.when(is_readable, F.col("reason")).otherwise(UNREADABLE_KAFKA_TIMESTAMP).alias("reason"))


def silver_rows(parsed: DataFrame, *also: str) -> DataFrame:
    """The contract's silver columns, and `also`, of the records that parse.

    `own_hour` is the event's hour since 1970 where it has files of its own, and null where it is gathered with others:
    then the columns of the path are null.
    """
    return parsed.where(F.col("reason").isNull()).select(*_silver_columns_of_path(), *also)


@cache
def _silver_columns_of_path() -> list[Column]:
    has_own = F.col("own_hour").isNotNull()
    made = dict(zip(contract.SILVER_COLUMNS, silver_columns(), strict=True))
    return [F.when(has_own, column).alias(name) if name in contract.SILVER_PARTITIONS else column for name, column in made.items()]


@cache
def silver_columns() -> list[Column]:
    """The contract's silver columns of one parsed record, its own hour in the columns of the path."""
    made = {"raw_json": F.col("text"), "year": F.year("event_time"), "month": F.month("event_time"), "day": F.dayofmonth("event_time"), "hour": F.hour("event_time")}
    return [made.get(name, F.col(name)).alias(name) for name in contract.SILVER_COLUMNS]


def quarantine_rows(parsed: DataFrame, *also: str) -> DataFrame:
    """The contract's quarantine columns, and `also`, of the records that do not parse."""
    return parsed.where(F.col("reason").isNotNull()).select(*quarantine_columns(parsed.columns), *also)


def quarantine_columns(there: Sequence[str]) -> list[Column]:
    """The contract's quarantine columns of parsed records that have the columns `there`."""
    time = F.col("kafka_timestamp")
    made = {"kafka_timestamp": F.when(_is_readable(time), time), "value": F.col("text")}
    if "kafka_timestamp_ms" not in there:
        made["kafka_timestamp_ms"] = _odd_millis(time)
    return [made.get(name, F.col(name)).alias(name) for name in contract.QUARANTINE_COLUMNS]
