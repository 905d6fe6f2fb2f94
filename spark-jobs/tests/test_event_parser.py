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

import contract
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
    "numbers at the ends of their ranges": f"[A] - X user={'9' * 20} {TIME} bytes={2**40 - 1} latency_ms={2**31 - 1}",
    "too many bytes": f"[A] - X user=1 {TIME} bytes={2**40}",
    "too long a time to serve": f"[A] - X user=1 {TIME} latency_ms={2**31}",
    "a user of 21 digits": f"[A] - X user={'0' * 21} {TIME}",
    "usual, and a user of 21 digits": USUAL.replace("14185", "1" * 21),
    "usual, and too many bytes": USUAL.replace("5120", str(2**40)),
    "usual, and bytes that overflow": USUAL.replace("5120", str(2**64)),
    "usual, and too long a time to serve": USUAL.replace("ms=37", f"ms={2**31}"),
    "bytes below 0": f"[A] - X user=1 {TIME} bytes=-1",
    "a negative 0": f"[A] - X user=1 {TIME} bytes=-0 latency_ms=-000",
    "bytes of one dash": f"[A] - X user=1 {TIME} bytes=-",
    "leading zeros": f"[A] - X user=007 {TIME} bytes={'0' * 1500}7 latency_ms=007",
    "a number of 1,500 digits": f"[A] - X user=1 {TIME} bytes={'9' * 1500}",
    "Unicode's line ends and spaces": f"[A] - X\u2029 user=1\u0085 GET /a\u2028b\u0085 API_CALL\x0b {TIME} session=\u3000",
    "Unicode's line end after the time": f"[A] - X user=1 {TIME}\u2028",
    "a byte order mark": "\ufeff" + USUAL,
    "NUL in every token": f"[A] - X user=1\x00 GET /a\x00 API_CALL {TIME} session=\x00",
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
            *("2026-01-15T00:00Z", "2026-01-15T00:00+09:00", "2026-01-15T00:00+09", "2026-01-15T00:00:00.5+09", "2026-01-15T00:00:00.123456-0930"),
            *("2026-01-15", "2026-01-15 00:00:00", "T00:00:00", "now", "2026-1-15T00:00:00", "+2026-01-15T00:00:00", "20260115T000000"),
            *("2026-02-29T00:00:00", "2024-02-29T00:00:00", "2026-13-01T00:00:00", "2026-01-15T24:00:00", "2026-01-15T23:60:00", "2026-01-15T23:59:60"),
            *("1969-12-31T23:59:59.999999", "1970-01-01T00:00:00", "1970-01-01T00:00:00+01:00", "2105-12-31T23:59:59.999999Z", "2106-01-01T00:00:00"),
            *("1970-01-01T23:59:59.999999Z", "1970-01-02T00:00:00Z", "1970-01-02T00:30:00+01:00", "2105-12-31T23:59:59-01:00", "2106-01-01T00:59:59+01:00"),
            *("0000-02-29T00:00:00", "0001-02-29T00:00:00", "1900-02-29T00:00:00", "2000-02-29T00:00:00", "9999-12-31T23:59:59-18:00"),
            *("0000-01-01T00:00:00", "9999-12-31T23:59:59", "2026-01-15T00:00:00UTC", "2026-01-15T00:00:00[UTC]"),
        )
    },
}

# JSON's own oddities, each in an event that is whole without it.
HEAD = '"event_type":"A","event_time":"2026-01-15T00:00:00"'
SESSIONS = (
    *("true", "false", "null", "{}", '{"a":1}', "[1]", "[]", "1e5", "1.10", "1E400", "12", "-0", "-12", '"true"', '"12"', '"1.10"', '"{}"', '"~"', '"~a"', '""', '" "', '"a b"'),
    *(
        r'"\ud800"',
        r'"\udc00"',
        r'"\ud83d\ude00"',
        r'"\uD83D\uDE00"',
        r'"\ude00\ud83d"',
        r'"\ud83d\ud83d\ude00"',
        r'"\\ud800"',
        r'"\u0041\\"',
        r'"\""',
        r'"\u0000"',
        r'"\u2028"',
        '"\\u\u01300041"',
        '"\\u004\u0141"',
    ),
)
NUMBERS = (
    *("0", "-0", "-1", "007", "5120", "1.0", "1.", ".5", "+1", "1e5", "1E+2", "1e", "0x1", "NaN", "Infinity", "-Infinity", "-", "--1", "1 2", "nullx", "True", "'1'"),
    *('"5120"', '"-0"', '"-1"', '"007"', '"1e5"', '"1.0"', '"1099511627775"', '"1099511627776"', "1099511627775", "1099511627776", "9223372036854775808"),
    *("9" * 1000, "9" * 1001, "-" + "9" * 1000, "-" + "9" * 1001, "9" * 1500, "1." + "5" * 999, "1." + "5" * 1000, "1e" + "0" * 999, "1e-" + "0" * 999, "1e" + "0" * 1000),
)
OTHERS = (
    *("[" * 999 + "]" * 999, "[" * 1000 + "]" * 1000, "[" * 5000 + "]" * 5000, '{"a":' * 999 + "1" + "}" * 999, '{"a":' * 1000 + "1" + "}" * 1000),
    *("[1,]", "[,1]", "[1 2]", '{"a":1,}', "{,}", '{"a"}', "{1:2}", '"a" "b"', '"\t"', '"\x01"', '"\x7f"', '"\u2028"', r'"\x"', r'"\u12g4"', r'"\/"', r'"\ud800"'),
    *(r'{"\ud800":1}', '{"event_type":"B"}', "[{}]", '[[],{"a":{}}]', "{", "[", '"', "\\", "//", "/**/1"),
)
BEHIND = (" \r\n\t ", " x}", "}", "{}", ' {"a":1}', ',{"a":1}', "],[{}", ',"end":""}', ',"end":""}{}', '"}', "\x00}", "\x00", "//}", "\ufeff}", "\u2028")


def shown(text: str) -> str:
    return text if len(text) < 40 else f"{text[:8]}… of {len(text)}"


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
    **{f"a session of {text}": f'{{{HEAD},"session_id":{text}}}' for text in SESSIONS},
    **{f"bytes of {shown(text)}": f'{{{HEAD},"bytes":{text}}}' for text in NUMBERS},
    **{f"another field of {shown(text)}": f'{{{HEAD},"other":{text}}}' for text in (*OTHERS, *NUMBERS)},
    **{f"behind the object {text!r}": f"{{{HEAD}}}{text}" for text in BEHIND},
    **{f"before the object {text!r}": f"{text}{{{HEAD}}}" for text in ("\ufeff", "\x00", "\x0b", "\u2028", "\xa0", "x", "{", '"', "[")},
    **{f"in place of an object {text}": text for text in ("{ }", "{{}", "{}}", "{}{}", '{"}', '{"a}', '{\\"a":1}', '{,"a":1}', '{"a"}', "{1:2}", '{"a":1 "b":2}')},
    **{f"twice, then {text}": f'{{{HEAD},"event_type":{text}}}' for text in ("null", "{}", '"B"', "true", '"b"')},
    "a name with an escape": HEAD.join("{}").replace("event_type", "event\\u005ftype"),
    "names as the parser marks them": f'{{"~event_type":"B","end":"","malformed":"x",{HEAD}}}',
    "a comma too many": f"{{{HEAD},}}",
    "escapes": json.dumps({**EVENT, "endpoint": "/größe/한국"}),
}
EVENT_JSON = json.dumps(EVENT).encode()
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
    "as long as a value may be": USUAL.encode().rjust(2**20, b"x"),
    "a byte longer": USUAL.encode().rjust(2**20 + 1, b"x"),
    "JSON as long as a value may be": EVENT_JSON + b" " * (2**20 - len(EVENT_JSON)),
    "JSON a byte longer": EVENT_JSON + b" " * (2**20 - len(EVENT_JSON) + 1),
    "too long and no UTF-8": b"\xff" * (2**20 + 1),
    "a megabyte of backslashes in JSON": b'{"a":"' + b"\\" * 2**19 + f'",{HEAD}}}'.encode(),
    "100,000 members": b"{" + b'"a":1,' * 100_000 + f"{HEAD}}}".encode(),
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
    assert reasons == {
        *("null_value", "too_long", "not_utf8", "malformed_json", "no_event", "no_time"),
        *("unreadable_time", "time_out_of_range", "number_out_of_range"),
    }
    assert sum(isinstance(result, dict) for result in results.values()) > 150


# What the contract says of each, beside what the two parsers agree on.
DECIDED: dict[str, dict[str, object] | str] = {
    "line: numbers at the ends of their ranges": {"user_id": "9" * 20, "bytes": 2**40 - 1, "latency_ms": 2**31 - 1},
    "line: too many bytes": "number_out_of_range",
    "line: too long a time to serve": "number_out_of_range",
    "line: a user of 21 digits": "number_out_of_range",
    "line: usual, and bytes that overflow": "number_out_of_range",
    "line: bytes below 0": "number_out_of_range",
    "line: a negative 0": {"bytes": 0, "latency_ms": 0},
    "line: bytes of one dash": {"bytes": None},
    "line: leading zeros": {"user_id": "007", "bytes": 7, "latency_ms": 7},
    "line: time '1970-01-01T23:59:59.999999Z'": "time_out_of_range",
    "line: time '1970-01-02T00:00:00Z'": {"event_time": 86_400_000_000},
    "line: time '2105-12-31T23:59:59.999999Z'": {"event_time": 4_291_747_199_999_999},
    "line: time '2105-12-31T23:59:59-01:00'": "time_out_of_range",
    "line: time '2026-01-15T00:00Z'": "unreadable_time",
    "line: time '2000-02-29T00:00:00'": {"event_time": 951_782_400_000_000},
    "line: time '1900-02-29T00:00:00'": "unreadable_time",
    "JSON: a session of true": {"session_id": None},
    'JSON: a session of {"a":1}': {"session_id": None},
    "JSON: a session of [1]": {"session_id": None},
    "JSON: a session of 1e5": {"session_id": None},
    "JSON: a session of 1.10": {"session_id": None},
    "JSON: a session of 12": {"session_id": "12"},
    "JSON: a session of -0": {"session_id": "0"},
    'JSON: a session of "true"': {"session_id": "true"},
    'JSON: a session of "1.10"': {"session_id": "1.10"},
    'JSON: a session of "~a"': {"session_id": "~a"},
    r'JSON: a session of "\ud800"': "malformed_json",
    r'JSON: a session of "\\ud800"': {"session_id": r"\ud800"},
    r'JSON: a session of "\ud83d\ude00"': {"session_id": "😀"},
    "JSON: behind the object ' x}'": "malformed_json",
    "JSON: behind the object '}'": "malformed_json",
    "JSON: behind the object '{}'": "malformed_json",
    "JSON: behind the object ' \\r\\n\\t '": {"event_type": "A"},
    "JSON: before the object '\\ufeff'": "no_event",
    f"JSON: bytes of {shown('9' * 1000)}": "number_out_of_range",
    f"JSON: bytes of {shown('9' * 1500)}": "malformed_json",
    f"JSON: another field of {shown('9' * 1000)}": {"event_type": "A"},
    f"JSON: another field of {shown('9' * 1500)}": "malformed_json",
    f"JSON: another field of {shown('[' * 999 + ']' * 999)}": {"event_type": "A"},
    f"JSON: another field of {shown('[' * 1000 + ']' * 1000)}": "malformed_json",
    f"JSON: another field of {shown('[' * 5000 + ']' * 5000)}": "malformed_json",
    "JSON: bytes of 1.0": {"bytes": None},
    'JSON: bytes of "1099511627775"': {"bytes": 2**40 - 1},
    "JSON: bytes of 1099511627776": "number_out_of_range",
    'JSON: twice, then "B"': {"event_type": "B"},
    "JSON: twice, then null": "no_event",
    "JSON: names as the parser marks them": {"event_type": "A"},
    "bytes: as long as a value may be": {"user_id": "14185"},
    "bytes: a byte longer": "too_long",
    "bytes: too long and no UTF-8": "too_long",
}


@pytest.mark.parametrize("name", DECIDED)
def test_a_value_is_read_as_the_contract_decides(name: str, zone_and_results: tuple[str, dict[str, object]]) -> None:
    zone, results = zone_and_results
    result, decided = results[name], DECIDED[name]
    if isinstance(decided, dict) and "event_time" in decided and zone != "UTC" and not name.endswith("Z'"):
        decided = {"event_type": "A"}
    assert result == decided if isinstance(decided, str) else isinstance(result, dict) and decided.items() <= result.items()


def test_the_parser_makes_what_the_contract_asks_of_it(spark: SparkSession) -> None:
    made = parse(spark.createDataFrame([(b"",)], "value BINARY"), "UTC").columns

    assert set(contract.EVENT_FIELDS) <= set(made)
    beside_the_event = {"raw_json", "topic", "partition", "offset", "kafka_timestamp", "year", "month", "day", "hour"}
    assert set(contract.SILVER_COLUMNS) - beside_the_event <= set(made)


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
