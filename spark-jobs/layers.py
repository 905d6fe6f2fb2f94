"""Kafka records as the rows of bronze, silver and quarantine that the contract states."""

from __future__ import annotations

from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import contract
from event_parser import base64_line, parse, valid_text


def records(kafka: DataFrame) -> DataFrame:
    """The columns of Kafka's source that the layers keep: value, topic, partition, offset, kafka_timestamp."""
    return kafka.select("value", "topic", "partition", "offset", F.col("timestamp").alias("kafka_timestamp"))


def bronze_rows(records: DataFrame) -> DataFrame:
    """A record as bronze's line of JSON has it: `partition`, `offset`, `kafka_timestamp` (ISO 8601, milliseconds, UTC),
    and of `value` and `value_base64` the one that is not null, or neither. The topic is the name of the line's folder.
    """
    for step in _bronze_steps():
        records = records.select(*step)
    return records


# Built once, as event_parser's steps are.
@cache
def _bronze_steps() -> tuple[list[Column], ...]:
    place = [F.col("partition"), F.col("offset")]
    time, value, text = (F.col(name) for name in ("kafka_timestamp", "value", "text"))
    return (
        [*place, _iso_millis(time).alias("kafka_timestamp"), value, F.decode(value, "UTF-8").alias("decoded")],
        [*place, time, value, valid_text(F.col("decoded"), value).alias("text")],
        [*place, time, text.alias("value"), F.when(text.isNull(), base64_line(value)).alias("value_base64")],
    )


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
    return parse(records, time_zone)


def silver_rows(parsed: DataFrame) -> DataFrame:
    """The contract's silver columns of the records that parse."""
    return parsed.where(F.col("reason").isNull()).select(*_silver_columns())


@cache
def _silver_columns() -> list[Column]:
    made = {"raw_json": F.col("text"), "year": F.year("event_time"), "month": F.month("event_time"), "day": F.dayofmonth("event_time"), "hour": F.hour("event_time")}
    return [made.get(name, F.col(name)).alias(name) for name in contract.SILVER_COLUMNS]


def quarantine_rows(parsed: DataFrame) -> DataFrame:
    """The contract's quarantine columns of the records that do not parse."""
    return parsed.where(F.col("reason").isNotNull()).withColumn("value", F.col("text")).select(*contract.QUARANTINE_COLUMNS)
