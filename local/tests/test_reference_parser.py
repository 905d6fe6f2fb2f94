"""The grammar of the contract, case by case, for the parser that the streaming job is compared with."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.reference_parser import reference_parser

UTC, SEOUL = reference_parser("UTC"), reference_parser("Asia/Seoul")
SECOND = 1_768_435_200  # 2026-01-15T00:00:00Z
EXAMPLE = (
    "2026-01-15 00:00:00.007 INFO  [http-nio-8080-exec-1] c.e.was.ActivityLogger : [USER_ACTIVITY] - SEARCH user=14185 GET /search API_FINISH "
    "time=2026-01-15T00:00:00.007200 session=a91f bytes=5120 latency_ms=37"
)


def test_the_example_of_the_contract() -> None:
    assert UTC(EXAMPLE.encode()) == {
        "raw_json_clean": EXAMPLE[EXAMPLE.index("[USER_ACTIVITY]") :],
        "event_type": "USER_ACTIVITY",
        "action_type": "SEARCH",
        "user_id": "14185",
        "session_id": "a91f",
        "http_method": "GET",
        "endpoint": "/search",
        "status": "API_FINISH",
        "is_failed": False,
        "event_time": SECOND * 1_000_000 + 7_200,
        "bytes": 5120,
        "latency_ms": 37,
    }


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        (b"[A] X time=2026-01-15T00:00:00 user=5", "session_id", "5"),
        (b"[A] X time=2026-01-15T00:00:00 user=-", "user_id", None),
        (b"2026 user=2026 [A] X time=2026-01-15T00:00:00", "user_id", None),
        (b"[main] [x1] [A] X time=2026-01-15T00:00:00", "event_type", "A"),
        (b"[A] GET /x time=2026-01-15T00:00:00", "action_type", None),
        (b"[A] GET /x time=2026-01-15T00:00:00", "http_method", "GET"),
        (b"[A] - X FAILED time=2026-01-15T00:00:00\r\n", "is_failed", True),
        (b"[A] X time=2026-01-15T00:00:00 bytes=1099511627775", "bytes", 2**40 - 1),
        (b"[A] X time=2026-01-15T00:00:00 bytes=-0", "bytes", 0),
        (b"[A] X time=2026-01-15T00:00:00 bytes=1e3", "bytes", None),
        (b"[A] X time=2026-01-15T00:00:00 user=" + b"0" * 20, "user_id", "0" * 20),
        ("[A] X time=2026-01-15T00:00:00 /a\u2028\u0085".encode(), "endpoint", "/a\u2028\u0085"),
        (b"[A] X time=2026-01-15T09:00:00+09:00", "event_time", SECOND * 1_000_000),
        (b"[A] X time=2026-01-15T00:00:00.5Z", "event_time", SECOND * 1_000_000 + 500_000),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "user_id": "7", "bytes": 3}', "bytes", 3),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "session_id": true}', "session_id", None),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "session_id": 1.10}', "session_id", None),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "session_id": {"a": [1]}}', "session_id", None),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "session_id": -0}', "session_id", "0"),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "session_id": "\\ud83d\\ude00"}', "session_id", "😀"),
        (b'{"event_type": "B", "event_time": "2026-01-15T00:00:00", "event_type": "A"}', "event_type", "A"),
        (b'{"a": ' + b"[" * 999 + b"]" * 999 + b', "event_type": "A", "event_time": "2026-01-15T00:00:00"}', "event_type", "A"),
    ],
)
def test_a_column_of_an_event(value: bytes, column: str, expected: object) -> None:
    event = UTC(value)

    assert isinstance(event, dict)
    assert event[column] == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_value"),
        (b"", "no_event"),
        (b"\xff[A] X time=2026-01-15T00:00:00", "not_utf8"),
        (b"[main] GET /main time=2026-01-15T00:00:00", "no_event"),
        (b"[A] X", "no_time"),
        (b"time=2026-01-15T00:00:00 [A] X", "no_time"),
        (b"[A] X time=yesterday", "unreadable_time"),
        (b"[A] X time=2026-02-30T00:00:00", "unreadable_time"),
        (b"[A] X time=2026-01-15T00:00Z", "unreadable_time"),
        (b"[A] X time=2106-01-01T00:00:00", "time_out_of_range"),
        (b"[A] X time=1970-01-01T23:59:59.999999", "time_out_of_range"),
        (b"[A] X time=2026-01-15T00:00:00 bytes=1099511627776", "number_out_of_range"),
        (b"[A] X time=2026-01-15T00:00:00 bytes=" + b"9" * 10_000, "number_out_of_range"),
        (b"[A] X time=2026-01-15T00:00:00 latency_ms=-1", "number_out_of_range"),
        (b"[A] X time=2026-01-15T00:00:00 user=" + b"0" * 21, "number_out_of_range"),
        (b"[A] X time=2026-01-15T00:00:00 " + b"x" * 2**20, "too_long"),
        (b'{"event_type": "A", "session_id": "\\ud800"}', "malformed_json"),
        (b'{"event_type": "A"} x}', "malformed_json"),
        (b'{"event_type": "A"}{}', "malformed_json"),
        (b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}", "malformed_json"),
        (b'{"a": ' + b"[" * 500_000 + b"}", "malformed_json"),
        (b'{"a": ' + b"9" * 1001 + b"}", "malformed_json"),
        (b'\xef\xbb\xbf{"event_type": "A"}', "no_event"),
        (b'{"event_type": "A", }', "malformed_json"),
        (b'{"event_time": "2026-01-15T00:00:00"}', "no_event"),
    ],
)
def test_a_record_without_a_readable_event_has_a_reason(value: bytes | None, reason: str) -> None:
    assert UTC(value) == reason


def test_a_time_without_a_zone_is_in_the_configured_one() -> None:
    in_utc, in_seoul = UTC(EXAMPLE.encode()), SEOUL(EXAMPLE.encode())

    assert isinstance(in_utc, dict)
    assert isinstance(in_seoul, dict)
    assert int(str(in_utc["event_time"])) - int(str(in_seoul["event_time"])) == 9 * 3600 * 1_000_000


@given(st.binary())
def test_any_value_has_an_event_or_a_reason(value: bytes) -> None:
    assert isinstance(UTC(value), dict | str)


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(["other", "session_id"]), _JSON),
    st.booleans(),
    st.integers(0, 200),
    st.sampled_from([*'"{}[],:\\ 0-.e\x00\x1f', "\\u12", "true"]),
    st.integers(0, 2),
)
def test_json_is_what_the_standard_library_takes_for_it(fields: dict[str, object], ascii_only: bool, place: int, piece: str, taken: int) -> None:
    text = json.dumps({"event_time": "2026-01-15T00:00:00", "event_type": "A", **fields}, ensure_ascii=ascii_only)
    text = text[:place] + piece + text[place + taken :]
    try:
        wanted = json.loads(text, parse_constant=_refuse)
    except ValueError:
        wanted = None
    if text.startswith("{") and text.rstrip(" ").endswith("}") and "\\ud" not in text.lower():
        assert (UTC(text.encode()) == "malformed_json") == (wanted is None)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
