"""Kafka records as the rows of bronze, silver and quarantine that the contract states."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import contract
from event_parser import base64_line, parse

# Printable ASCII but the quote and the backslash: stands in a JSON string as it is. A class that lists its
# characters is one table look-up in java.util.regex.
_PLAIN = "".join(rf"\x{code:02x}" for code in range(0x20, 0x7F) if chr(code) not in '"\\')


def records(kafka: DataFrame) -> DataFrame:
    """The columns of Kafka's source that the layers keep: value, topic, partition, offset, kafka_timestamp."""
    return kafka.select("value", "topic", "partition", "offset", F.col("timestamp").alias("kafka_timestamp"))


def bronze_lines(records: DataFrame) -> DataFrame:
    """One column `line`: the record as a line of JSON. The topic is the name of its folder.

    Written as text by hand: most values need no escape, and then a line is a concatenation, which costs a third
    of what the JSON writer takes. The others go through to_json.
    """
    text = F.col("value").cast("string")
    decoded = F.decode("value", "UTF-8")
    is_text = decoded.cast("binary") == F.col("value")
    value = (
        F.when(text.rlike(rf"\A[{_PLAIN}]*+\z"), F.concat(F.lit(',"value":"'), text, F.lit('"}')))
        .when(F.col("value").isNull(), F.lit("}"))
        .when(is_text, F.concat(F.lit(","), F.substring(F.to_json(F.struct(decoded.alias("value"))), 2, 2**31 - 1)))
        .otherwise(F.concat(F.lit(',"value_base64":"'), base64_line(F.col("value")), F.lit('"}')))
    )
    return records.select(
        F.concat(
            F.lit('{"partition":'),
            F.col("partition").cast("string"),
            F.lit(',"offset":'),
            F.col("offset").cast("string"),
            F.lit(',"kafka_timestamp":"'),
            _iso_millis(F.col("kafka_timestamp")),
            F.lit('"'),
            value,
        ).alias("line")
    )


def _iso_millis(timestamp: Column) -> Column:
    """`2026-01-15T00:00:00.007Z` by arithmetic: date_format and a cast to text take many times as long."""
    of_day = F.pmod(F.unix_millis(timestamp), F.lit(86_400_000))
    hours, minutes = F.floor(of_day / 3_600_000), F.floor(of_day / 60_000) % 60
    clock = (F.lit(1_000_000_000) + hours * 10_000_000 + minutes * 100_000 + of_day % 60_000).cast("string")
    date = (F.year(timestamp) * 10_000 + F.month(timestamp) * 100 + F.dayofmonth(timestamp)).cast("string")

    def digits(number: Column, start: int, length: int) -> Column:
        return F.substring(number, start, length)

    return F.concat(
        *(digits(date, 1, 4), F.lit("-"), digits(date, 5, 2), F.lit("-"), digits(date, 7, 2), F.lit("T")),
        *(digits(clock, 2, 2), F.lit(":"), digits(clock, 4, 2), F.lit(":"), digits(clock, 6, 2), F.lit("."), digits(clock, 8, 3), F.lit("Z")),
    )


def parsed_records(records: DataFrame, time_zone: str) -> DataFrame:
    """Every record with its event's fields, or the reason of its quarantine (see event_parser.parse)."""
    return parse(records, time_zone)


def silver_rows(parsed: DataFrame) -> DataFrame:
    """The contract's silver columns of the records that parse."""
    rows = parsed.where(F.col("reason").isNull()).withColumns(
        {
            "raw_json": F.col("text"),
            "year": F.year("event_time"),
            "month": F.month("event_time"),
            "day": F.dayofmonth("event_time"),
            "hour": F.hour("event_time"),
        }
    )
    return rows.select(*contract.SILVER_COLUMNS)


def quarantine_rows(parsed: DataFrame) -> DataFrame:
    """The contract's quarantine columns of the records that do not parse."""
    return parsed.where(F.col("reason").isNotNull()).withColumn("value", F.col("text")).select(*contract.QUARANTINE_COLUMNS)
