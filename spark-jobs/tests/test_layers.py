"""Bronze's lines are JSON, one a record, and give back every byte."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import batch_writer
from layers import bronze_rows

_ODD = st.sampled_from([b'"', b"\\", b"\n", b"\r", b"\x00", b"\x1f", b"\x7f", b"/", "é".encode(), "\u2028".encode(), "😀".encode(), b"\xff", b"\xed\xa0\x80", b"plain"])
_VALUES = st.one_of(st.none(), st.binary(max_size=200), st.lists(_ODD, max_size=12).map(b"".join), st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
_FIRST_MS, _END_MS = 86_400_000, 4_291_747_200_000
"""From 1970-01-02, before 2106: what kafka_timestamp holds. Spark's own timestamps end at 2^63 microseconds."""
_TIMES = st.one_of(st.integers(_FIRST_MS, _END_MS - 1), st.integers(-2_208_988_800_000, 2**63 // 1000), st.sampled_from([-1, 0, _FIRST_MS - 1, _FIRST_MS, _END_MS - 1, _END_MS]))


def is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def written(records: DataFrame) -> Iterator[bytes]:
    """The lines that bronze's files hold."""
    with tempfile.TemporaryDirectory() as folder:
        bronze_rows(records).write.mode("append").options(**batch_writer.BRONZE).json(f"file://{folder}")
        for file in Path(folder).glob("*.json.zstd"):
            with pa.CompressedInputStream(file, "zstd") as lines:
                yield from bytes(lines.read()).removesuffix(b"\n").split(b"\n")


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(_VALUES, _TIMES), min_size=100, max_size=300))
def test_a_line_gives_back_the_record(spark: SparkSession, records: list[tuple[bytes | None, int]]) -> None:
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    rows = [(value, "t", place % 3, place, millis) for place, (value, millis) in enumerate(records)]
    frame = spark.createDataFrame(rows, "value BINARY, topic STRING, partition INT, offset BIGINT, millis BIGINT")
    lines = list(written(frame.withColumn("kafka_timestamp", F.timestamp_millis("millis"))))
    assert not any(b"\r" in line for line in lines)
    found = {row["offset"]: row for row in map(json.loads, lines)}
    assert len(found) == len(lines) == len(rows)
    for value, _, partition, offset, millis in rows:
        row = found[offset]
        text, encoded = row.get("value"), row.get("value_base64")
        assert row["partition"] == partition
        if _FIRST_MS <= millis < _END_MS:
            moment = datetime.fromisoformat(row["kafka_timestamp"].replace("Z", "+00:00"))
            assert round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds() * 1000) == millis
        assert row.get("kafka_timestamp_ms") == (None if _FIRST_MS <= millis < _END_MS else millis)
        assert ("kafka_timestamp" in row) == (_FIRST_MS <= millis < _END_MS)
        assert (base64.b64decode(encoded) if encoded is not None else None if text is None else text.encode()) == value
        assert (encoded is not None) == (value is not None and not is_utf8(value))
