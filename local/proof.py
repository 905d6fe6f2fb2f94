"""The proof that nothing is lost, nothing is double and gold counts right, from what is stored alone.

Each step returns what it finds wrong as sentences; none means that it holds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from local.clickhouse import READER, ClickHouse
from local.committed import Commit, files
from local.kafka import Kafka
from local.object_store import ObjectStore, path_of
from local.recount import Row, differences, recount
from local.reference_parser import Parse

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SHOWN = 5
_HOUR = ("year", "month", "day", "hour")
_NULL = "__HIVE_DEFAULT_PARTITION__"


class Record(NamedTuple):
    """A Kafka record, as the broker or as bronze holds it."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


@dataclass
class Proof:
    """The counts of a checked lake, and every sentence about what is wrong with it."""

    records: int = 0
    bronze: int = 0
    silver: int = 0
    quarantine: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.reasons.items()))
        lines = [
            f"acknowledged records {self.records:,} = bronze {self.bronze:,}",
            f"bronze {self.bronze:,} = silver {self.silver:,} + quarantine {self.quarantine:,}" + (f" ({reasons})" if reasons else ""),
            "gold = a recount from bronze, in all five tables",
        ]
        return "\n".join(f"  proved: {line}" for line in lines) if not self.wrong else "\n".join(f"  WRONG: {line}" for line in self.wrong)


def prove(
    kafka: Kafka,
    topic: str,
    object_store: ObjectStore,
    commits: list[Commit],
    clickhouse: ClickHouse,
    database: str,
    parse: Parse,
    business_time_zone: str = "UTC",
) -> Proof:
    """Reads the topic, the three layers and the five tables, and compares each with the one before.

    `parse` gives an event's silver columns, or the reason why it has none; event_time is in microseconds since 1970, UTC.
    """
    proof = Proof()
    records = {(record.partition, record.offset): record for record in topic_records(kafka, topic)}
    proof.records = len(records)
    bronze = compare_bronze(proof, records, bronze_records(object_store, files(commits, "bronze")))
    rows = compare_silver_and_quarantine(proof, object_store, commits, bronze, parse)
    proof.wrong += tables_differ(clickhouse, database, rows, business_time_zone)
    return proof


def topic_records(kafka: Kafka, topic: str) -> Iterator[Record]:
    """Every committed record of a topic up to its end, partition by partition."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "proof", "enable.auto.commit": False, "check.crcs": True, "log_level": 0}
    # The end is that of what is committed: offsets of aborted records and of a transaction's markers are no records.
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error"})
    try:
        for partition in kafka.end_offsets(topic):
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            is_at_end = False
            while not is_at_end:
                # It waits for as many as it is asked for, until the time is over, or to the end.
                for message in consumer.consume(10_000, timeout=1):
                    error, offset = message.error(), message.offset()
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        is_at_end = True
                    elif error is not None or offset is None:
                        raise RuntimeError(f"partition {partition} of {topic} could not be read: {error}")
                    else:
                        yield Record(partition, offset, message.timestamp()[1], message.value())
    finally:
        consumer.close()


def bronze_records(object_store: ObjectStore, urls: Iterable[str]) -> Iterator[Record]:
    """Every row of bronze's files."""
    store = object_store.files()
    for url in urls:
        with store.open_input_stream(path_of(url), compression="zstd") as stream:
            for line in bytes(stream.read()).splitlines():
                row = json.loads(line)
                encoded, text = row.get("value_base64"), row.get("value")
                value = base64.b64decode(encoded) if encoded is not None else text.encode() if text is not None else None
                odd, time = row.get("kafka_timestamp_ms"), row.get("kafka_timestamp")
                if (odd is None) == (time is None) or (odd is not None and _is_readable(odd)):
                    raise ValueError(f"{url}: partition {row['partition']}, offset {row['offset']} has kafka_timestamp {time!r} and kafka_timestamp_ms {odd!r}")
                yield Record(row["partition"], row["offset"], micros(time) // 1000 if odd is None else odd, value)


def compare_bronze(proof: Proof, records: dict[tuple[int, int], Record], bronze: Iterable[Record]) -> dict[tuple[int, int], Record]:
    """Counts bronze and notes what differs from the topic's records, by (partition, offset); returns bronze the same way."""
    found: dict[tuple[int, int], Record] = {}
    double, changed, strange = [], [], []
    for record in bronze:
        place = record.partition, record.offset
        if place in found:
            double.append(place)
        found[place] = record
        if place not in records:
            strange.append(place)
        elif records[place] != record:
            changed.append(place)
    proof.bronze = len(found)
    proof.wrong += _sentence("records are twice in bronze", double) + _sentence("records are changed in bronze", changed)
    proof.wrong += _sentence("rows of bronze are no record of the topic", strange) + _sentence("records are not in bronze", records.keys() - found.keys())
    return found


def compare_silver_and_quarantine(
    proof: Proof,
    object_store: ObjectStore,
    commits: list[Commit],
    bronze: dict[tuple[int, int], Record],
    parse: Parse,
) -> list[Row]:
    """Counts silver and quarantine and notes what is not as bronze and the parser say; returns bronze's events."""
    seen: set[tuple[int, int]] = set()
    double, unparsed = [], []
    unlike: list[str] = []
    parsed: list[Row] = []
    for row in parquet_rows(object_store, files(commits, "silver")):
        place = int(row["partition"]), int(row["offset"])
        if place in seen:
            double.append(place)
        seen.add(place)
        proof.silver += 1
        expected = _expected(bronze.get(place), parse)
        if isinstance(expected, str):
            unparsed.append(place)
            continue
        expected |= _derived(int(str(expected["event_time"])), bronze[place])
        if all(row.get(column) is None for column in _HOUR):
            # A file of many hours.
            expected = {column: value for column, value in expected.items() if column not in _HOUR}
        unlike += [f"{place} {column}: {row.get(column)!r} instead of {value!r}" for column, value in expected.items() if row.get(column) != value]
    for row in parquet_rows(object_store, files(commits, "quarantine")):
        place = int(row["partition"]), int(row["offset"])
        if place in seen:
            double.append(place)
        seen.add(place)
        proof.quarantine += 1
        reason = str(row["reason"])
        proof.reasons[reason] = proof.reasons.get(reason, 0) + 1
        expected = _expected(bronze.get(place), parse)
        if expected != reason:
            unlike.append(f"{place} is in quarantine as {reason!r} instead of {expected if isinstance(expected, str) else 'in silver'!r}")
    proof.wrong += _sentence("records are twice in silver or quarantine", double) + _sentence("rows of silver should be in quarantine", unparsed)
    proof.wrong += _sentence("records of bronze are neither in silver nor in quarantine", bronze.keys() - seen)
    proof.wrong += _sentence("values of silver or quarantine differ from bronze's", unlike)
    for record in bronze.values():
        event = _expected(record, parse)
        if not isinstance(event, str):
            parsed.append(_row(record, event))
    return parsed


def _expected(record: Record | None, parse: Parse) -> dict[str, object] | str:
    """Silver's columns of a record, or the reason of its quarantine."""
    if record is None:
        return "no record"
    return parse(record.value) if _is_readable(record.timestamp_ms) else "unreadable_kafka_timestamp"


def _is_readable(timestamp_ms: int) -> bool:
    """Whether a Kafka timestamp is from 1970-01-02 to 2105-12-31."""
    return 86_400_000 <= timestamp_ms < 4_291_747_200_000


def _derived(event_us: int, record: Record) -> dict[str, object]:
    """The columns of silver that follow from the record's place and the event's time."""
    moment = _EPOCH + timedelta(microseconds=event_us)
    return {
        "event_time": event_us,
        "kafka_timestamp": record.timestamp_ms * 1000,
        "raw_json": (record.value or b"").decode(),
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "hour": moment.hour,
    }


def _row(record: Record, event: dict[str, object]) -> Row:
    def text(name: str) -> str | None:
        return None if event[name] is None else str(event[name])

    size = event["bytes"]
    return Row(
        partition=record.partition,
        offset=record.offset,
        kafka_us=record.timestamp_ms * 1000,
        event_us=int(str(event["event_time"])),
        event_type=text("event_type"),
        action_type=text("action_type"),
        user_id=text("user_id"),
        session_id=text("session_id"),
        http_method=text("http_method"),
        endpoint=text("endpoint"),
        is_failed=event["status"] == "FAILED",
        bytes=None if size is None else int(str(size)),
    )


def parquet_rows(object_store: ObjectStore, urls: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Every row of Parquet files, with the columns that are in the path; times are microseconds since 1970, UTC."""
    store = object_store.files()
    for url in urls:
        table = pq.read_table(path_of(url), filesystem=store, partitioning=None)
        for position, column in enumerate(table.schema):
            if pa.types.is_timestamp(column.type):
                values = table.column(position).cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
                table = table.set_column(position, column.name, values)
        in_path = {name: unquote(value) for name, value in (part.split("=", 1) for part in url.split("/") if "=" in part)}
        constants = {name: int(value) if value.isdigit() else None if value == _NULL else value for name, value in in_path.items()}
        for row in table.to_pylist():
            yield {**constants, **row}


def tables_differ(clickhouse: ClickHouse, database: str, rows: Iterable[Row], business_time_zone: str) -> list[str]:
    """What the five tables get wrong, compared with a recount of the rows."""
    wrong = []
    for name, expected in recount(rows, business_time_zone).items():
        wrong += differences(name, expected, clickhouse.query(f"SELECT * FROM {database}.{name}", user=READER))
    return wrong[:_SHOWN] + ([f"and {len(wrong) - _SHOWN} more differences in the tables"] if len(wrong) > _SHOWN else [])


def micros(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time; one without a zone is in UTC."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _sentence(what: str, places: Iterable[object]) -> list[str]:
    every = sorted(places, key=str)
    return [f"{len(every):,} {what}, e.g. {', '.join(map(str, every[:_SHOWN]))}"] if every else []
