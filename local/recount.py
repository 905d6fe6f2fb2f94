"""Gold, counted again: the five metrics tables from parsed events, in plain Python that shares nothing with the jobs.

It follows the contract's words (contract/lakehouse.odcs.yaml): one pass that keeps every value, then one look at each group.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

Value = str | int | float | None
Key = tuple[Value, ...]
Table = dict[Key, dict[str, "Value | Between"]]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NUMBER = re.compile(r"[0-9]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

KEYS = {
    "metrics_server_health_minutely": ("minute",),
    "metrics_operational_hourly": ("hour", "endpoint", "method"),
    "metrics_business_daily": ("date", "metric_kind", "event_type", "action_type", "dropoff_event_type", "dropoff_action_type"),
    "metrics_funnel_daily": ("date", "funnel"),
    "metrics_data_quality_hourly": ("hour",),
}
"""The columns that tell the rows of each table apart."""


class Between(NamedTuple):
    """A percentile's allowed range: the values around its rank, and 1 % more on either side."""

    lowest: float
    highest: float


class Row(NamedTuple):
    """One event with where it came from; times in microseconds since 1970, UTC."""

    partition: int
    offset: int
    kafka_us: int
    event_us: int
    event_type: str | None
    action_type: str | None
    user_id: str | None
    session_id: str | None
    http_method: str | None
    endpoint: str | None
    is_failed: bool
    bytes: int | None


_TIMES = (86_400_000_000, int(datetime(2106, 1, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000 - 1)
_BYTES = (0, 2**40 - 1)


def in_range(row: Row) -> Row:
    """The event as the tables count it: a time or a size outside of the range is the nearest inside."""
    return row._replace(
        kafka_us=min(max(row.kafka_us, _TIMES[0]), _TIMES[1]),
        event_us=min(max(row.event_us, _TIMES[0]), _TIMES[1]),
        bytes=None if row.bytes is None else min(max(row.bytes, _BYTES[0]), _BYTES[1]),
    )


def normalized(endpoint: str | None) -> str | None:
    """The endpoint as the tables hold it."""
    if endpoint is None:
        return None
    path = re.sub("[A-Z]", lambda letter: letter[0].lower(), endpoint.split("?")[0])
    segments = [":id" if _NUMBER.fullmatch(segment) or _UUID.fullmatch(segment) else segment for segment in path.split("/")]
    joined = "/".join(segments)
    return joined.rstrip("/") or "/" if joined else None


def recount(rows: Iterable[Row], business_time_zone: str = "UTC") -> dict[str, Table]:
    """Table name → key → the other columns. Times and dates are texts as ClickHouse prints them."""
    minutes: dict[str, list[Row]] = defaultdict(list)
    hours: dict[str, list[Row]] = defaultdict(list)
    requests: dict[Key, list[Row]] = defaultdict(list)
    actions: dict[Key, list[Row]] = defaultdict(list)
    users: dict[tuple[str, str], list[Row]] = defaultdict(list)
    zone = ZoneInfo(business_time_zone)
    for row in map(in_range, rows):
        moment = _EPOCH + timedelta(microseconds=row.event_us)
        hour = moment.strftime("%Y-%m-%d %H:00:00")
        date = moment.astimezone(zone).strftime("%Y-%m-%d")
        minutes[moment.strftime("%Y-%m-%d %H:%M:00")].append(row)
        hours[hour].append(row)
        requests[hour, normalized(row.endpoint), row.http_method].append(row)
        actions[date, row.event_type, row.action_type].append(row)
        if row.user_id is not None:
            users[date, row.user_id].append(row)
    return {
        "metrics_server_health_minutely": {(minute,): _server_health(group) for minute, group in minutes.items()},
        "metrics_operational_hourly": {key: _operational(group) for key, group in requests.items()},
        "metrics_business_daily": _business(actions, users),
        "metrics_funnel_daily": _funnel(users),
        "metrics_data_quality_hourly": {(hour,): _quality(group) for hour, group in hours.items()},
    }


def _distinct(values: Iterable[str | None]) -> int:
    return len({value for value in values if value is not None})


def _average_delay(rows: list[Row]) -> float:
    return sum(row.kafka_us - row.event_us for row in rows) / len(rows) / 1e6


def _server_health(rows: list[Row]) -> dict[str, Value | Between]:
    failed = sum(row.is_failed for row in rows)
    return {
        "total_requests": len(rows),
        "error_requests": failed,
        "error_rate": failed / len(rows),
        "total_bytes": sum(row.bytes or 0 for row in rows),
        "unique_users": _distinct(row.user_id for row in rows),
        "unique_sessions": _distinct(row.session_id for row in rows),
        "avg_delay_seconds": _average_delay(rows),
    }


def _operational(rows: list[Row]) -> dict[str, Value | Between]:
    failed = sum(row.is_failed for row in rows)
    sizes = sorted(row.bytes for row in rows if row.bytes is not None)
    return {
        "request_count": len(rows),
        "total_bytes": sum(sizes),
        "avg_response_bytes": sum(sizes) / len(sizes) if sizes else None,
        "error_count": failed,
        "error_rate": failed / len(rows),
        "unique_users": _distinct(row.user_id for row in rows),
        "p50_bytes": _percentile(sizes, 0.50),
        "p95_bytes": _percentile(sizes, 0.95),
        "p99_bytes": _percentile(sizes, 0.99),
    }


def _percentile(ordered: list[int], share: float) -> Between | None:
    if not ordered:
        return None
    rank = share * (len(ordered) - 1)
    return Between(ordered[math.floor(rank)] * 0.99, ordered[math.ceil(rank)] * 1.01)


def _business(actions: dict[Key, list[Row]], users: dict[tuple[str, str], list[Row]]) -> Table:
    table: Table = {}
    for (date, event_type, action_type), rows in actions.items():
        table[date, "ACTION", event_type, action_type, None, None] = {
            "event_count": len(rows),
            "unique_users": _distinct(row.user_id for row in rows),
            "unique_sessions": _distinct(row.session_id for row in rows),
        }
    endings: dict[Key, list[Row]] = defaultdict(list)
    for (date, _), rows in users.items():
        last = max(rows, key=lambda row: (row.event_us, row.partition, row.offset))
        endings[date, last.event_type, last.action_type].append(last)
    for (date, event_type, action_type), rows in endings.items():
        table[date, "DROPOFF", None, None, event_type, action_type] = {
            "event_count": len(rows),
            "unique_users": len(rows),
            "unique_sessions": _distinct(row.session_id for row in rows),
        }
    return table


def _funnel(users: dict[tuple[str, str], list[Row]]) -> Table:
    reached: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for (date, _), rows in users.items():
        step = 0
        # Events of one instant count as ordered, so the funnel's own order decides among them.
        order = {"MAIN": 0, "CART_ADD": 1, "ORDER": 2}
        for _, place in sorted((row.event_us, order[row.action_type]) for row in rows if row.action_type in order):
            if place == step:
                step += 1
        for place in range(step):
            reached[date][place] += 1
        reached[date]  # a day whose users did none of it has a row of zeros
    return {
        (date, "F1_MAIN_CART_ADD_ORDER"): {
            "main_users": main,
            "cart_add_users": cart,
            "order_users": order,
            "conv_main_to_order": order / main if main else None,
        }
        for date, (main, cart, order) in reached.items()
    }


def _quality(rows: list[Row]) -> dict[str, Value | Between]:
    missing = sum(None in (row.user_id, row.event_type, row.endpoint, row.http_method) for row in rows)
    return {"total_records": len(rows), "records_with_null": missing, "avg_delay_seconds": _average_delay(rows)}


def differences(name: str, expected: Table, rows: Iterable[dict[str, Value]]) -> list[str]:
    """What a table's rows (column → value, as read from ClickHouse) get wrong, one sentence each."""
    found: Table = {}
    wrong: list[str] = []
    for row in rows:
        key = tuple(row[column] for column in KEYS[name])
        if key in found:
            wrong.append(f"{name} has two rows of {key}")
        found[key] = {column: value for column, value in row.items() if column not in KEYS[name]}
    wrong += [f"{name} lacks the row of {key}" for key in expected.keys() - found.keys()]
    wrong += [f"{name} has a row of {key} that no event asks for" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        if expected[key].keys() != found[key].keys():
            wrong.append(f"{name} has the columns {sorted(found[key])} instead of {sorted(expected[key])}")
            break
        for column, value in expected[key].items():
            if not _agrees(value, found[key][column]):
                wrong.append(f"{name} {key}: {column} is {found[key][column]!r}, a recount gives {value!r}")
    return sorted(wrong)


def _agrees(expected: Value | Between, found: Value | Between) -> bool:
    if isinstance(expected, Between):
        return isinstance(found, int | float) and expected.lowest <= found <= expected.highest
    if isinstance(expected, float) and isinstance(found, int | float):
        return math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-9)
    return expected == found
