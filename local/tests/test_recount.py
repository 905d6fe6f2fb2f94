"""The oracle itself: small days counted by hand, and the differences that it has to find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.recount import Between, Row, Table, differences, normalized, recount

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE  # 1970-01-02T00:00:00Z in microseconds


def row(offset: int = 0, at: int = 0, action: str | None = "MAIN", user: str | None = "7", **other: object) -> Row:
    defaults = {
        "partition": 0,
        "offset": offset,
        "kafka_us": DAY + at + 2_000_000,
        "event_us": DAY + at,
        "event_type": "USER_ACTIVITY",
        "action_type": action,
        "user_id": user,
        "session_id": "s1",
        "http_method": "GET",
        "endpoint": "/main",
        "is_failed": False,
        "bytes": 100,
    }
    return Row(**{**defaults, **other})  # type: ignore[arg-type]


def test_a_minute_counts_requests_errors_bytes_and_distinct_people() -> None:
    rows = [
        row(0, 0),
        row(1, 1, user="8", session_id="s2", is_failed=True, bytes=None),
        row(2, 2, user=None, session_id=None, kafka_us=DAY + 2 + 5_000_000),
        row(3, 59_999_999, bytes=50),
        row(4, MINUTE),
    ]

    table = recount(rows)["metrics_server_health_minutely"]

    assert table["1970-01-02 00:00:00",] == {
        "total_requests": 4,
        "error_requests": 1,
        "error_rate": 0.25,
        "total_bytes": 250,
        "unique_users": 2,
        "unique_sessions": 2,
        "avg_delay_seconds": 2.75,
    }
    assert table["1970-01-02 00:01:00",]["total_requests"] == 1


def test_an_hour_of_an_endpoint_has_the_bytes_that_are_there() -> None:
    rows = [row(number, number, endpoint=f"/Store/{number}/", bytes=number * 10) for number in range(1, 101)] + [row(200, endpoint="/store/1", bytes=None)]

    table = recount(rows)["metrics_operational_hourly"]

    hour = table["1970-01-02 00:00:00", "/store/:id", "GET"]
    assert (hour["request_count"], hour["total_bytes"], hour["avg_response_bytes"]) == (101, 50_500, 505.0)
    assert hour["p50_bytes"] == Between(500 * 0.99, 510 * 1.01)
    assert hour["p99_bytes"] == Between(990 * 0.99, 1000 * 1.01)


def test_an_hour_without_bytes_has_no_percentile() -> None:
    hour = recount([row(bytes=None, endpoint=None, http_method=None)])["metrics_operational_hourly"]["1970-01-02 00:00:00", None, None]

    assert hour["avg_response_bytes"] is None
    assert hour["p95_bytes"] is None


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, None),
        ("/main", "/main"),
        ("/", "/"),
        ("/Store/17/", "/store/:id"),
        ("/store/category", "/store/category"),
        ("/store/123abc", "/store/123abc"),
        ("/store/550E8400-e29b-41d4-a716-446655440000/reviews/9", "/store/:id/reviews/:id"),
        ("/search?q=17", "/search"),
        ("/search/?q=17", "/search"),
        ("///", "/"),
        ("//store//17//", "//store//:id"),
        ("/store/17\u2028", "/store/17\u2028"),
        ("/store/17\u0085", "/store/17\u0085"),
        ("/A/\u2028", "/a/\u2028"),
        ("/A\u2028/", "/a\u2028"),
        ("/STORE/\u0130/\u212a", "/store/\u0130/\u212a"),
        ("/" * 64_000 + "X", "/" * 64_000 + "x"),
    ],
)
def test_endpoints_lose_what_tells_one_item_from_another(endpoint: str | None, expected: str | None) -> None:
    assert normalized(endpoint) == expected


def test_a_day_ends_for_each_user_with_the_last_event_by_time_then_partition_then_offset() -> None:
    rows = [
        row(5, 10, action="ORDER"),
        row(9, 9, action="MAIN"),
        row(6, 10, action="SEARCH"),
        row(1, 10, action="ITEM", partition=1),
        row(0, 3, action="MAIN", user="8", session_id=None),
        row(0, 4, action="MAIN", user=None),
    ]

    table = recount(rows)["metrics_business_daily"]

    endings = {key[5]: value for key, value in table.items() if key[1] == "DROPOFF"}
    assert endings == {
        "ITEM": {"event_count": 1, "unique_users": 1, "unique_sessions": 1},
        "MAIN": {"event_count": 1, "unique_users": 1, "unique_sessions": 0},
    }
    assert table["1970-01-02", "ACTION", "USER_ACTIVITY", "MAIN", None, None] == {"event_count": 3, "unique_users": 2, "unique_sessions": 1}


@pytest.mark.parametrize(
    ("walk", "reached"),
    [
        ([("MAIN", 1), ("CART_ADD", 2), ("ORDER", 3)], (1, 1, 1)),
        ([("MAIN", 5), ("CART_ADD", 5), ("ORDER", 5)], (1, 1, 1)),
        ([("ORDER", 1), ("CART_ADD", 2), ("MAIN", 3)], (1, 0, 0)),
        ([("CART_ADD", 1), ("MAIN", 2), ("ORDER", 3)], (1, 0, 0)),
        ([("MAIN", 1), ("ORDER", 2), ("CART_ADD", 3)], (1, 1, 0)),
        ([("CART_ADD", 1), ("MAIN", 2), ("CART_ADD", 3), ("ORDER", 4), ("CART_ADD", 5)], (1, 1, 1)),
        ([("CART_ADD", 1), ("ORDER", 2)], (0, 0, 0)),
        ([("SEARCH", 1)], (0, 0, 0)),
    ],
)
def test_the_funnel_is_ordered(walk: list[tuple[str, int]], reached: tuple[int, int, int]) -> None:
    rows = [row(offset, at, action=action) for offset, (action, at) in enumerate(walk)]

    funnel = recount(rows)["metrics_funnel_daily"]["1970-01-02", "F1_MAIN_CART_ADD_ORDER"]

    assert (funnel["main_users"], funnel["cart_add_users"], funnel["order_users"]) == reached
    assert funnel["conv_main_to_order"] == (reached[2] / reached[0] if reached[0] else None)


def test_a_funnel_does_not_go_on_after_midnight_of_the_business_day() -> None:
    later = 30 * DAY  # within the times that the tables count as they are
    rows = [row(0, later - MINUTE), row(1, later + MINUTE, action="CART_ADD"), row(2, later + 2 * MINUTE, action="ORDER")]

    in_utc = recount(rows)["metrics_funnel_daily"]
    in_seoul = recount(rows, "Asia/Seoul")["metrics_funnel_daily"]

    assert {key[0]: tuple(value.values())[:3] for key, value in in_utc.items()} == {"1970-01-31": (1, 0, 0), "1970-02-01": (0, 0, 0)}
    assert {key[0]: tuple(value.values())[:3] for key, value in in_seoul.items()} == {"1970-02-01": (1, 1, 1)}


def test_data_quality_counts_events_that_lack_a_field() -> None:
    rows = [row(0), row(1, user=None), row(2, endpoint=None, http_method=None), row(3, action=None, session_id=None, bytes=None)]

    hour = recount(rows)["metrics_data_quality_hourly"]["1970-01-02 00:00:00",]

    assert hour == {"total_records": 4, "records_with_null": 2, "avg_delay_seconds": 2.0}


@given(st.permutations([row(number, number * MINUTE, action=action) for number, action in enumerate(["MAIN", "ITEM", "CART_ADD", "ORDER", "MAIN"])]))
def test_the_order_of_the_events_does_not_matter(rows: list[Row]) -> None:
    assert recount(rows) == recount(sorted(rows))


NAME = "metrics_data_quality_hourly"
EXPECTED: Table = {("1970-01-02 00:00:00",): {"total_records": 4, "records_with_null": 2, "avg_delay_seconds": 2.0}}
STORED: dict[str, str | int | float | None] = {"hour": "1970-01-02 00:00:00", "total_records": 4, "records_with_null": 2, "avg_delay_seconds": 2.0}


def test_equal_tables_do_not_differ() -> None:
    assert differences(NAME, EXPECTED, [dict(STORED)]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "lacks the row"),
        ([STORED, STORED], "two rows of"),
        ([STORED, {**STORED, "hour": "1970-01-02 01:00:00"}], "that no event asks for"),
        ([{**STORED, "total_records": 5}], "total_records is 5, a recount gives 4"),
        ([{**STORED, "avg_delay_seconds": 2.001}], "avg_delay_seconds is 2.001"),
        ([{**STORED, "records_with_null": None}], "records_with_null is None"),
        ([{"hour": STORED["hour"], "total_records": 4, "avg_delay_seconds": 2.0}], "has the columns"),
    ],
)
def test_a_difference_is_found_and_named(rows: list[dict[str, str | int | float | None]], said: str) -> None:
    found = differences(NAME, EXPECTED, [dict(one) for one in rows])

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(("value", "agrees"), [(99.0, True), (101.0, True), (98.9, False), (101.1, False), (None, False)])
def test_a_percentile_may_be_one_percent_off(value: float | None, agrees: bool) -> None:
    expected: Table = {("h", "/main", "GET"): {"p50_bytes": Between(99.0, 101.0)}}

    found = differences("metrics_operational_hourly", expected, [{"hour": "h", "endpoint": "/main", "method": "GET", "p50_bytes": value}])

    assert (found == []) == agrees
