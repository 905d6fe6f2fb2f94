"""The grammar of the contract, case by case, for the parser that the streaming job is compared with."""

from __future__ import annotations

import pytest
from hypothesis import given
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
        (b"[A] X time=2026-01-15T00:00:00 bytes=9223372036854775808", "bytes", None),
        (b"[A] X time=2026-01-15T09:00:00+09:00", "event_time", SECOND * 1_000_000),
        (b"[A] X time=2026-01-15T00:00:00.5Z", "event_time", SECOND * 1_000_000 + 500_000),
        (b'{"event_type": "A", "event_time": "2026-01-15T00:00:00", "user_id": "7", "bytes": 3}', "bytes", 3),
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
        (b"[A] X time=2106-01-01T00:00:00", "unreadable_time"),
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
