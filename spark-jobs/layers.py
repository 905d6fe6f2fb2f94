"""Kafka records as the rows of bronze, silver and quarantine that the contract states."""

from __future__ import annotations

from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import contract
from event_parser import base64_line, parse

# Printable ASCII but the quote and the backslash: stands in a JSON string as it is. Listed, and repeated greedily, because
# that is a loop over a table in java.util.regex.
_PLAIN = "".join(rf"\x{code:02x}" for code in range(0x20, 0x7F) if chr(code) not in '"\\')


def records(kafka: DataFrame) -> DataFrame:
    """The columns of Kafka's source that the layers keep: value, topic, partition, offset, kafka_timestamp."""
    return kafka.select("value", "topic", "partition", "offset", F.col("timestamp").alias("kafka_timestamp"))


def bronze_lines(records: DataFrame) -> DataFrame:
    """One column `line`: the record as a line of JSON. The topic is the name of its folder.

    Written as text by hand: most values need no escape, and then a line is a concatenation, which costs a third
    of what the JSON writer takes. The others go through to_json.
    """
    return records.select(_bronze_line())


# Built once, as event_parser's steps are.
@cache
def _bronze_line() -> Column:
    text = F.col("value").cast("string")
    decoded = F.decode("value", "UTF-8")
    is_text = decoded.cast("binary") == F.col("value")
    value = (
        F.when(text.rlike(rf"\A[{_PLAIN}]*\z"), F.concat(F.lit(',"value":"'), text, F.lit('"}')))
        .when(F.col("value").isNull(), F.lit("}"))
        .when(is_text, F.concat(F.lit(","), F.substring(F.to_json(F.struct(decoded.alias("value"))), 2, 2**31 - 1)))
        .otherwise(F.concat(F.lit(',"value_base64":"'), base64_line(F.col("value")), F.lit('"}')))
    )
    return F.concat(
        F.lit('{"partition":'),
        F.col("partition").cast("string"),
        F.lit(',"offset":'),
        F.col("offset").cast("string"),
        F.lit(',"kafka_timestamp":"'),
        _iso_millis(F.col("kafka_timestamp")),
        F.lit('"'),
        value,
    ).alias("line")


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
