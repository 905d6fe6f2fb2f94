"""The proof finds every way in which a layer can be wrong, and nothing in a layer that is right."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.committed import Commit, parse_manifest
from local.events import Traffic, events
from local.lake import Lake
from local.object_store import path_of
from local.proof import Proof, Record, bronze_records, compare_bronze, compare_silver_and_quarantine
from local.reference_parser import reference_parser

PARSE = reference_parser("UTC")
RECORDS = [Record(number % 3, number // 3, event.timestamp_ms, event.value) for number, event in enumerate(events(Traffic(hostile_share=0.3), 0, 300))]
BY_PLACE = {(record.partition, record.offset): record for record in RECORDS}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Rows = list[dict[str, Any]]


def layers() -> tuple[Rows, Rows]:
    """Silver and quarantine as they should be."""
    silver: Rows = []
    quarantine: Rows = []
    for record in RECORDS:
        place: dict[str, Any] = {"partition": record.partition, "offset": record.offset, "kafka_timestamp": EPOCH + timedelta(milliseconds=record.timestamp_ms)}
        event = PARSE(record.value)
        if isinstance(event, str):
            quarantine.append({**place, "reason": event})
        else:
            time = EPOCH + timedelta(microseconds=int(str(event["event_time"])))
            dates = {"year": time.year, "month": time.month, "day": time.day, "hour": time.hour}
            silver.append({**event, **place, **dates, "event_time": time, "raw_json": (record.value or b"").decode()})
    return silver, quarantine


def stored(lake: Lake, silver: Rows, quarantine: Rows) -> Commit:
    """Writes the layers as one commit."""
    files = {}
    for layer, rows in (("silver", silver), ("quarantine", quarantine)):
        url = f"s3a://{lake.prefix}silver/{layer}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path_of(url), filesystem=lake.object_store.files())
        files[layer] = (url,)
    return Commit(0, "events", {}, {**files, "bronze": ()}, {})


def test_a_right_lake_is_proved(lake: Lake) -> None:
    proof = Proof()

    rows = compare_silver_and_quarantine(proof, lake.object_store, [stored(lake, *layers())], BY_PLACE, PARSE)

    assert proof.wrong == []
    assert proof.silver + proof.quarantine == len(RECORDS)
    assert proof.silver == len(rows)
    assert set(proof.reasons) >= {"null_value", "not_utf8", "no_event", "no_time", "unreadable_time"}


def lose_a_row(silver: Rows, quarantine: Rows) -> None:
    silver.pop()


def double_a_row(silver: Rows, quarantine: Rows) -> None:
    silver.append(silver[0])


def keep_in_both(silver: Rows, quarantine: Rows) -> None:
    row = silver[0]
    quarantine.append({"partition": row["partition"], "offset": row["offset"], "kafka_timestamp": row["kafka_timestamp"], "reason": "no_event"})


def change_a_value(silver: Rows, quarantine: Rows) -> None:
    silver[3]["user_id"] = "2026"


def change_a_time(silver: Rows, quarantine: Rows) -> None:
    silver[3]["event_time"] += timedelta(microseconds=1)


def change_a_reason(silver: Rows, quarantine: Rows) -> None:
    quarantine[0]["reason"] = "bad_luck"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose_a_row, "1 records of bronze are neither in silver nor in quarantine"),
        (double_a_row, "1 records are twice in silver or quarantine"),
        (keep_in_both, "1 records are twice in silver or quarantine"),
        (change_a_value, "user_id: '2026' instead of"),
        (change_a_time, "event_time: "),
        (change_a_reason, "is in quarantine as 'bad_luck' instead of"),
    ],
)
def test_a_damaged_silver_or_quarantine_is_found(lake: Lake, damage: Callable[[Rows, Rows], None], said: str) -> None:
    silver, quarantine = layers()
    damage(silver, quarantine)
    proof = Proof()

    compare_silver_and_quarantine(proof, lake.object_store, [stored(lake, silver, quarantine)], BY_PLACE, PARSE)

    assert said in "\n".join(proof.wrong)


def test_bronze_in_another_order_is_as_good() -> None:
    proof = Proof()

    compare_bronze(proof, BY_PLACE, random.Random(1).sample(RECORDS, len(RECORDS)))

    assert proof.wrong == []
    assert proof.bronze == len(RECORDS)


@pytest.mark.parametrize(
    ("bronze", "said"),
    [
        (RECORDS[1:], "1 records are not in bronze"),
        ([*RECORDS, RECORDS[5]], "1 records are twice in bronze"),
        ([RECORDS[0]._replace(value=b"other"), *RECORDS[1:]], "1 records are changed in bronze"),
        ([RECORDS[0]._replace(timestamp_ms=1), *RECORDS[1:]], "1 records are changed in bronze"),
        ([*RECORDS, Record(9, 9, 0, None)], "1 rows of bronze are no record of the topic"),
    ],
)
def test_a_damaged_bronze_is_found(bronze: list[Record], said: str) -> None:
    proof = Proof()

    compare_bronze(proof, BY_PLACE, bronze)

    assert len(proof.wrong) == 1
    assert proof.wrong[0].startswith(said)


def test_bronze_is_read_byte_by_byte(lake: Lake) -> None:
    values = [b"line", None, b"", b"\xff\xfe", "한국어 \u2028 \r".encode()]
    lines = []
    for offset, value in enumerate(values):
        row: dict[str, Any] = {"topic": "events", "partition": 0, "offset": offset, "kafka_timestamp": "2026-01-15T00:00:00.007Z"}
        try:
            row |= {} if value is None else {"value": value.decode()}
        except UnicodeDecodeError:
            row["value_base64"] = base64.b64encode(value or b"").decode()
        lines.append(json.dumps(row, ensure_ascii=False))
    url = f"{lake.bronze}part.json.zstd"
    with lake.object_store.files().open_output_stream(path_of(url), compression="zstd") as output:
        output.write("\n".join(lines).encode())

    read = list(bronze_records(lake.object_store, [url]))

    assert [record.value for record in read] == values
    assert read[0].timestamp_ms == 1_768_435_200_007


def test_a_manifest_is_read() -> None:
    text = (
        b'{"version":1,"sequence":42,"topic":"t","offsets":{"0":{"from":5,"until":9}},"bronze":[{"path":"s3a://b/x","bytes":1}],'
        b'"silver":[{"path":"s3a://s/y","bytes":2}],"quarantine":[],"rows":{"bronze":4,"silver":4,"quarantine":0},"committed_at":"2026-01-15T00:00:00Z"}'
    )

    commit = parse_manifest(text)

    assert (commit.sequence, commit.offsets, commit.files["bronze"], commit.rows["silver"]) == (42, {0: (5, 9)}, ("s3a://b/x",), 4)
