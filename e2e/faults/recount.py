"""The five metrics tables once more, from rows of silver in plain Python, by the words of the contract."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

Key = tuple[Any, ...]
Table = dict[Key, dict[str, Any]]
Row = Mapping[str, Any]
"""A row of silver; times in microseconds since 1970 UTC."""

KEYS: dict[str, tuple[str, ...]] = {
    "metrics_server_health_minutely": ("minute",),
    "metrics_operational_hourly": ("hour", "endpoint", "method"),
    "metrics_business_daily": ("date", "metric_kind", "event_type", "action_type", "dropoff_event_type", "dropoff_action_type"),
    "metrics_funnel_daily": ("date", "funnel"),
    "metrics_data_quality_hourly": ("hour",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_HEX = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")


def recount(rows: Iterable[Row], business_time_zone: str) -> dict[str, Table]:
    """Every table by its name: key → the other columns."""
    zone = ZoneInfo(business_time_zone)
    minutes: dict[int, list[Row]] = defaultdict(list)
    hours: dict[tuple[int, str | None, str | None], list[Row]] = defaultdict(list)
    actions: dict[tuple[str, str | None, str | None], list[Row]] = defaultdict(list)
    users: dict[tuple[str, str], list[Row]] = defaultdict(list)
    days: dict[int, str] = {}
    for row in rows:
        second = row["event_us"] // 1_000_000
        minute = second // 60 * 60
        minutes[minute].append(row)
        hours[second // 3600 * 3600, route(row["endpoint"]), row["http_method"]].append(row)
        if minute not in days:
            days[minute] = (_EPOCH + timedelta(seconds=minute)).astimezone(zone).strftime("%Y-%m-%d")
        day = days[minute]
        actions[day, row["event_type"], row["action_type"]].append(row)
        if row["user_id"]:
            users[day, row["user_id"]].append(row)
    return {
        "metrics_server_health_minutely": {(_moment(minute),): _server_health(found) for minute, found in minutes.items()},
        "metrics_operational_hourly": {(_moment(hour), endpoint, method): _operational(found) for (hour, endpoint, method), found in hours.items()},
        "metrics_business_daily": {
            **{(day, "ACTION", kind, action, None, None): _figures(found) for (day, kind, action), found in actions.items()},
            **_last_events(users),
        },
        "metrics_funnel_daily": _funnel(users),
        "metrics_data_quality_hourly": _data_quality(minutes),
    }


def route(endpoint: str | None) -> str | None:
    """The endpoint as the tables name it."""
    if endpoint is None:
        return None
    path = endpoint.split("?", 1)[0]
    path = "".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in path)
    path = "/".join(":id" if _is_id(segment) else segment for segment in path.split("/"))
    while len(path) > 1 and path.endswith("/"):
        cut = len(path)
        while cut > 1 and path[cut - 1] == "/":
            cut -= 1
        path = path[:cut]
    return path or None


def _is_id(segment: str) -> bool:
    if segment and all(one in _DIGITS for one in segment):
        return True
    parts = segment.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(one in _HEX for part in parts for one in part)


def _moment(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")


def _distinct(rows: Iterable[Row], column: str) -> int:
    return len({row[column] for row in rows if row[column]})


def _delay(rows: list[Row]) -> float:
    together: int = sum(row["kafka_us"] - row["event_us"] for row in rows)
    return together / len(rows) / 1e6


def _server_health(rows: list[Row]) -> dict[str, Any]:
    failed = sum(row["is_failed"] for row in rows)
    return {
        "total_requests": len(rows),
        "error_requests": failed,
        "error_rate": failed / len(rows),
        "total_bytes": sum(row["bytes"] or 0 for row in rows),
        "unique_users": _distinct(rows, "user_id"),
        "unique_sessions": _distinct(rows, "session_id"),
        "avg_delay_seconds": _delay(rows),
    }


def _operational(rows: list[Row]) -> dict[str, Any]:
    sizes = sorted(row["bytes"] for row in rows if row["bytes"] is not None)
    failed = sum(row["is_failed"] for row in rows)

    def percentile(hundredths: int) -> int | None:
        return sizes[math.ceil(hundredths * len(sizes) / 100) - 1] if sizes else None

    return {
        "request_count": len(rows),
        "total_bytes": sum(sizes),
        "avg_response_bytes": sum(sizes) / len(sizes) if sizes else None,
        "error_count": failed,
        "error_rate": failed / len(rows),
        "unique_users": _distinct(rows, "user_id"),
        "p50_bytes": percentile(50),
        "p95_bytes": percentile(95),
        "p99_bytes": percentile(99),
    }


def _figures(rows: list[Row]) -> dict[str, Any]:
    return {"event_count": len(rows), "unique_users": _distinct(rows, "user_id"), "unique_sessions": _distinct(rows, "session_id")}


def _last_events(users: Mapping[tuple[str, str], list[Row]]) -> Table:
    last: dict[Key, list[Row]] = defaultdict(list)
    for (day, _), rows in users.items():
        row = max(rows, key=lambda one: (one["event_us"], one["partition"], one["offset"]))
        last[day, "DROPOFF", None, None, row["event_type"], row["action_type"]].append(row)
    return {key: {"event_count": len(rows), "unique_users": len(rows), "unique_sessions": _distinct(rows, "session_id")} for key, rows in last.items()}


def _funnel(users: Mapping[tuple[str, str], list[Row]]) -> Table:
    counts: dict[Key, dict[str, Any]] = {}
    for (day, _), rows in users.items():
        figures = counts.setdefault((day, "F1_MAIN_CART_ADD_ORDER"), {"main_users": 0, "cart_add_users": 0, "order_users": 0})
        mains = [row["event_us"] for row in rows if row["action_type"] == "MAIN"]
        if not mains:
            continue
        added = [row["event_us"] for row in rows if row["action_type"] == "CART_ADD" and row["event_us"] >= min(mains)]
        figures["main_users"] += 1
        figures["cart_add_users"] += bool(added)
        figures["order_users"] += any(row["action_type"] == "ORDER" and row["event_us"] >= min(added) for row in rows) if added else 0
    for figures in counts.values():
        figures["conv_main_to_order"] = figures["order_users"] / figures["main_users"] if figures["main_users"] else None
    return counts


def _data_quality(minutes: Mapping[int, list[Row]]) -> Table:
    hours: dict[int, list[Row]] = defaultdict(list)
    for minute, rows in minutes.items():
        hours[minute // 3600 * 3600].extend(rows)
    return {
        (_moment(hour),): {
            "total_records": len(rows),
            "records_with_null": sum(any(row[name] is None for name in ("user_id", "event_type", "endpoint", "http_method")) for row in rows),
            "avg_delay_seconds": _delay(rows),
        }
        for hour, rows in hours.items()
    }


def differs(column: str, wanted: Any, found: Any) -> bool:
    """Whether a figure of a table is not what the recount says: percentiles may be off by 1 %."""
    if wanted is None or found is None or isinstance(wanted, str):
        return bool(wanted != found)
    if isinstance(found, str):  # JSON has a number of more than 64 bits in quotes
        found = int(found)
    if column.startswith("p") and column.endswith("_bytes"):
        return bool(abs(found - wanted) > 0.01 * wanted)
    if isinstance(wanted, float):
        return not math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(wanted != found)
