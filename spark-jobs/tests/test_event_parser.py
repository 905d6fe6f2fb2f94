"""The job's parser against the reference parser, which shares no code with it: a table of cases, then random lines."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from event_parser import parse
from local.reference_parser import reference_parser

COLUMNS = (
    "raw_json_clean",
    "event_type",
    "action_type",
    "user_id",
    "session_id",
    "http_method",
    "endpoint",
    "status",
    "is_failed",
    "event_time",
    "bytes",
    "latency_ms",
)
PREFIX = "2026-01-15 00:00:00.007 INFO  [http-nio-8080-exec-1] c.e.was.ActivityLogger : "
USUAL = "[USER_ACTIVITY] - SEARCH user=14185 GET /search API_FINISH time=2026-01-15T00:00:00.007200 session=a91f bytes=5120 latency_ms=37"
TIME = "time=2026-01-15T00:00:00"

# Each is one way to be unlike the usual line.
LINES = {
    "the contract's example": PREFIX + USUAL,
    "no prefix": USUAL,
    "an anonymous user": PREFIX + USUAL.replace("14185", "-"),
    "no session: the user": PREFIX + USUAL.replace(" session=a91f", ""),
    "no session, no user": PREFIX + USUAL.replace(" session=a91f", "").replace("14185", "-"),
    "a session of one dash": PREFIX + USUAL.replace("a91f", "-"),
    "an empty session": PREFIX + USUAL.replace("a91f", ""),
    "no bytes": PREFIX + USUAL.replace(" bytes=5120", ""),
    "no latency": PREFIX + USUAL.replace(" latency_ms=37", ""),
    "nothing optional": PREFIX + USUAL.partition(" session=")[0],
    "tokens in another order": f"[A] - X latency_ms=1 {TIME} bytes=2 FAILED session=s user=7 POST /cart",
    "a token twice, the first counts": f"[A] - X user=1 user=2 GET /a /b API_CALL FAILED {TIME} time=2027-01-01T00:00:00 session=s session=t bytes=1 bytes=2",
    "a first user that is none": f"[A] - X user=no user=2 {TIME}",
    "no dash": f"[A] X user=1 {TIME}",
    "no space after the bracket": f"[A]X user=1 {TIME}",
    "a dash that clings": f"[A] -X user=1 {TIME}",
    "two dashes": f"[A] - - X user=1 {TIME}",
    "no action": f"[A] - user=1 {TIME}",
    "no action, method first": f"[A] - GET /a user=1 {TIME}",
    "an action named like a method": f"[A] - DELETE user=1 DELETE /cart/1 {TIME}",
    "an action named like a status": f"[A] - FAILED user=1 GET /a API_CALL {TIME}",
    "an action in lower case": f"[A] - search user=1 GET /a API_CALL {TIME}",
    "an action with digits": f"[A] - V2_SEARCH user=1 GET /a API_CALL {TIME}",
    "a method without a path": f"[A] - X user=1 GET API_CALL {TIME}",
    "a path without a method": f"[A] - X user=1 /a API_CALL {TIME}",
    "a method in lower case": f"[A] - X user=1 get /a API_CALL {TIME}",
    "a status that is none": f"[A] - X user=1 GET /a API_RETRY {TIME}",
    "no status": f"[A] - X user=1 GET /a {TIME}",
    "a path with a query": f"[A] - X user=1 GET /a?q=[B]&user=9 API_CALL {TIME}",
    "a path with brackets": f"{PREFIX}[A] - X user=1 GET /a[0] API_CALL {TIME} session=s",
    "paths with ids": f"[A] - X user=1 GET /store/123e4567-e89b-12d3-a456-426614174000/17 API_CALL {TIME}",
    "an upper case bracket in the prefix": f"[INFO] {USUAL}",
    "two events": f"{USUAL} {USUAL}",
    "brackets that are no event": f"[a] [A1] [] [A B] [é] x[0] {USUAL}",
    "a bracket left open": f"[[A_B] - X user=1 {TIME}",
    "a year that looks like a user": f"user=2026 2026 time=2020-01-01T00:00:00 [A] - X {TIME}",
    "nothing from the prefix": f"user=1 GET /p FAILED session=p bytes=1 {TIME} [A] - X",
    "an overflowing number": f"[A] - X user=99999999999999999999 {TIME} bytes=9223372036854775808 latency_ms=9223372036854775807",
    "numbers that are none": f"[A] - X user=+1 {TIME} bytes=-1 latency_ms=1.5",
    "numbers with a letter": f"[A] - X user=1a {TIME} bytes=0x1 latency_ms=",
    "digits of another script": f"[A] - X user=١٢ {TIME} bytes=１",
    "CRLF": PREFIX + USUAL + "\r\n",
    "a tab": PREFIX + USUAL.replace(" user", "\tuser"),
    "a line break inside": PREFIX + USUAL.replace(" GET", "\nGET"),
    "two spaces": PREFIX + USUAL.replace(" GET", "  GET"),
    "a control character at the end": PREFIX + USUAL + "\x01",
    "a line separator after the action": f"[A] - X\u2028 user=1 GET /a API_CALL {TIME}",
    "a no-break space": f"[A] - X\u00a0user=1 {TIME}",
    "quotes and backslashes": f'"\\[A] - X user=1 GET /"a\\" API_CALL {TIME}',
    "words outside ASCII": f"Größe 한국 [A] - X user=1 GET /größe API_CALL {TIME} session=ß",
    "no event": "2026-01-15 INFO nothing happened " + TIME,
    "an empty line": "",
    "white space": " \t\r\n",
    "an event and no more": "[A]",
    "no time": "[A] - X user=1 GET /a API_CALL",
    "an empty time": "[A] - X time=",
    "a time of another key": "[A] - X downtime=2026-01-15T00:00:00",
    **{
        f"time {time!r}": f"[A] - X user=1 GET /a API_CALL time={time}"
        for time in (
            *("2026-01-15T00:00", "2026-01-15T00:00:00.1", "2026-01-15T00:00:00.123456", "2026-01-15T00:00:00.1234567", "2026-01-15T00:00:00."),
            *("2026-01-15T00:00:00Z", "2026-01-15T00:00:00z", "2026-01-15T00:00:00+09:00", "2026-01-15T00:00:00-0930", "2026-01-15T00:00:00+09"),
            *("2026-01-15T00:00:00+18:00", "2026-01-15T00:00:00+18:01", "2026-01-15T00:00:00-19:00", "2026-01-15T00:00:00+09:60", "2026-01-15T00:00+9"),
            *("2026-01-15", "2026-01-15 00:00:00", "T00:00:00", "now", "2026-1-15T00:00:00", "+2026-01-15T00:00:00", "20260115T000000"),
            *("2026-02-29T00:00:00", "2024-02-29T00:00:00", "2026-13-01T00:00:00", "2026-01-15T24:00:00", "2026-01-15T23:60:00", "2026-01-15T23:59:60"),
            *("1969-12-31T23:59:59.999999", "1970-01-01T00:00:00", "1970-01-01T00:00:00+01:00", "2105-12-31T23:59:59.999999Z", "2106-01-01T00:00:00"),
            *("0000-01-01T00:00:00", "9999-12-31T23:59:59", "2026-01-15T00:00:00UTC", "2026-01-15T00:00:00[UTC]"),
        )
    },
}

EVENT = {
    "event_type": "USER_ACTIVITY",
    "action_type": "SEARCH",
    "user_id": "14185",
    "session_id": "a91f",
    "http_method": "GET",
    "endpoint": "/search",
    "status": "API_FINISH",
    "event_time": "2026-01-15T00:00:00.007200",
    "bytes": 5120,
    "latency_ms": 37,
}
OBJECTS: dict[str, str] = {
    "every field": json.dumps(EVENT),
    "numbers as text": json.dumps({**EVENT, "user_id": 14185, "bytes": "5120"}),
    "nulls": json.dumps({name: None if name not in ("event_type", "event_time") else value for name, value in EVENT.items()}),
    "other fields": json.dumps({**EVENT, "more": {"event_type": ["[A]"]}}),
    "a field twice, the last counts": json.dumps(EVENT)[:-1] + ', "user_id": "2"}',
    "white space around": "\r\n\t " + json.dumps(EVENT) + " \n",
    "no event type": json.dumps({**EVENT, "event_type": None}),
    "an event type in lower case": json.dumps({**EVENT, "event_type": "activity"}),
    "no time": json.dumps({**EVENT, "event_time": None}),
    "an unreadable time": json.dumps({**EVENT, "event_time": "yesterday"}),
    "fields that are no tokens": json.dumps({**EVENT, "session_id": "a b", "endpoint": "search", "status": "DONE", "http_method": "get", "action_type": "a"}),
    "an empty object": "{}",
    "not closed": '{"event_type": "A"',
    "closed and malformed": '{"event_type": "A", }',
    "single quotes": "{'event_type': 'A'}",
    "a line in braces": "{" + USUAL + "}",
    "a line after a brace": "{x} " + USUAL,
    "words outside ASCII": json.dumps({**EVENT, "endpoint": "/größe/한국"}, ensure_ascii=False),
    "escapes": json.dumps({**EVENT, "endpoint": "/größe/한국"}),
}
BYTES: dict[str, bytes | None] = {
    "null": None,
    "a byte of no UTF-8": b"\xff" + USUAL.encode(),
    "an overlong encoding": b"\xc0\xaf" + USUAL.encode(),
    "a surrogate": b"\xed\xa0\x80" + USUAL.encode(),
    "a character cut off": USUAL.encode() + b"\xe2\x82",
    "a replacement character that was sent": ("\ufffd " + USUAL).encode(),
    "a zero byte": b"\x00" + USUAL.encode(),
    "one megabyte": (PREFIX + "x" * 1_000_000 + USUAL).encode(),
    "one megabyte of brackets": b"[" * 1_000_000 + USUAL.encode(),
    "one megabyte of spaces": USUAL.encode() + b" " * 1_000_000 + b"x",
}
CASES: dict[str, bytes | None] = {
    **{f"line: {name}": line.encode() for name, line in LINES.items()},
    **{f"JSON: {name}": text.encode() for name, text in OBJECTS.items()},
    **{f"bytes: {name}": value for name, value in BYTES.items()},
}


@pytest.fixture(scope="module", autouse=True)
def times_are_utc(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", "UTC")


def parsed(spark: SparkSession, values: Sequence[bytes | None], time_zone: str) -> list[dict[str, object] | str]:
    """Of each value: the columns of silver, or the reason of its quarantine."""
    records = spark.createDataFrame(list(enumerate(values)), "place INT, value BINARY").coalesce(2)
    rows = parse(records, time_zone).withColumn("event_time", F.unix_micros("event_time")).orderBy("place").collect()
    return [row["reason"] or {name: row[name] for name in COLUMNS} for row in rows]


@pytest.fixture(scope="module", params=["UTC", "Europe/Berlin"])
def zone_and_results(spark: SparkSession, request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return request.param, dict(zip(CASES, parsed(spark, list(CASES.values()), request.param), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_value_is_read_as_the_reference_parser_reads_it(name: str, zone_and_results: tuple[str, dict[str, object]]) -> None:
    zone, results = zone_and_results
    assert results[name] == reference_parser(zone)(CASES[name])


def test_the_table_has_every_reason_and_events(zone_and_results: tuple[str, dict[str, object]]) -> None:
    _, results = zone_and_results
    reasons = {result for result in results.values() if isinstance(result, str)}
    assert reasons == {"null_value", "not_utf8", "no_event", "no_time", "unreadable_time", "malformed_json"}
    assert sum(isinstance(result, dict) for result in results.values()) > 50


def test_hours_that_a_zone_has_twice_or_never_are_read_as_the_reference_parser_reads_them(spark: SparkSession) -> None:
    values: list[bytes | None] = [f"[A] - X time=2026-{day}T02:{minute:02d}:00".encode() for day in ("03-29", "10-25") for minute in range(0, 60, 7)]
    assert parsed(spark, values, "Europe/Berlin") == [reference_parser("Europe/Berlin")(value) for value in values]


@pytest.mark.parametrize("time_zone", ["UTC", "Europe/Berlin"])
def test_generated_methods_are_small_enough_to_be_compiled(spark: SparkSession, time_zone: str) -> None:
    records = spark.createDataFrame([(b"",)], "value BINARY")
    debug = spark._jvm.org.apache.spark.sql.execution.debug  # type: ignore[union-attr]
    code = debug.package.codegenString(parse(records, time_zone)._jdf.queryExecution().executedPlan())
    sizes = [int(size) for size in re.findall(r"maxMethodCodeSize:(\d+)", code)]
    # HotSpot's HugeMethodLimit: what is larger stays interpreted, some thirty times slower.
    assert 0 < max(sizes) < 8_000


# Lines made of pieces that mean something to a parser, mostly in the usual order, so that both ways through it are taken.
_WORDS = st.sampled_from(
    [
        *("[A]", "[USER_ACTIVITY]", "[a]", "[A1]", "[", "]", "-", "X", "CART_ADD", "GET", "POST", "/", "/a", "/a?b=c", "API_CALL", "FAILED", "="),
        *("user=", "user=1", "user=-", "user=x", "time=", "time=2026-01-15T00:00:00", "time=2026-01-15T00:00:00.123456Z", "time=x"),
        *("session=", "session=s", "session=-", "bytes=1", "bytes=x", "latency_ms=2", "2026", "{", "}", '"', "\\", "é", "\u2028", "\x00"),
    ]
)
_GAPS = st.sampled_from([" ", " ", " ", " ", "  ", "\t", "\r\n", "", " - "])
_SCRAMBLED = st.lists(st.tuples(_WORDS, _GAPS), max_size=20).map(lambda pieces: "".join(word + gap for word, gap in pieces))
_NEARLY_USUAL = st.builds(
    lambda at, length, piece: (PREFIX + USUAL)[:at] + piece + (PREFIX + USUAL)[at + length :],
    st.integers(0, len(PREFIX + USUAL)),
    st.integers(0, 12),
    st.one_of(_WORDS, _GAPS, st.text(max_size=3)),
)
_OBJECTS = st.dictionaries(
    st.sampled_from([*EVENT, "other"]), st.one_of(st.none(), st.integers(-5, 10**20), st.text(max_size=8), _WORDS, st.sampled_from(list(EVENT.values())))
).map(lambda fields: json.dumps({**fields, "event_type": fields.get("event_type", "A")}, ensure_ascii=False))
_TEXTS = st.one_of(_SCRAMBLED, _NEARLY_USUAL, _OBJECTS, st.text()).map(lambda text: text.encode("utf-8", "surrogatepass"))
_VALUES = st.one_of(st.none(), _TEXTS, _TEXTS, _TEXTS, st.binary(max_size=40))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_VALUES, min_size=200, max_size=400))
def test_random_and_hostile_values_are_read_as_the_reference_parser_reads_them(spark: SparkSession, values: list[bytes | None]) -> None:
    assert parsed(spark, values, "UTC") == [reference_parser("UTC")(value) for value in values]
