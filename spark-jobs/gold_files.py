"""What a silver file's URL says: the hour of its events, and so the days that it can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from business_day import END, FIRST, BusinessDay

_HOUR = re.compile(r"/year=(-?\d+)/month=(\d+)/day=(\d+)/hour=(\d+)/", re.ASCII)
_LAST = END - timedelta(hours=1)


def hour_of(file: str) -> datetime | None:
    """The UTC hour of all of a file's events; None when the URL does not say."""
    found = _HOUR.search(file)
    if found is None:
        return None
    year, month, day, hour = (int(text) for text in found.groups())
    if not FIRST.year <= year <= _LAST.year:
        return FIRST if year < FIRST.year else _LAST
    try:
        return min(max(datetime(year, month, day, hour, tzinfo=timezone.utc), FIRST), _LAST)
    except ValueError:
        return None


def days_of(file: str, day: BusinessDay) -> set[str] | None:
    """The UTC days and business days (ISO) that a file can hold; None when the URL does not say."""
    hour, business_days = hour_of(file), business_days_of(file, day)
    return None if hour is None or business_days is None else {hour.date().isoformat()} | business_days


def business_days_of(file: str, day: BusinessDay) -> set[str] | None:
    """The business days (ISO) that a file can hold; None when the URL does not say."""
    hour = hour_of(file)
    return None if hour is None else day.days(*_seconds(hour))


def seconds_of(files: Iterable[str]) -> tuple[int, int]:
    """The first and the last second since 1970 in which an event of these files can be."""
    hours = [hour_of(file) for file in files]
    known = [_seconds(hour) for hour in hours if hour is not None]
    if len(known) < len(hours) or not known:
        return int(FIRST.timestamp()), int(END.timestamp()) - 1
    return min(first for first, _ in known), max(last for _, last in known)


def _seconds(hour: datetime) -> tuple[int, int]:
    first = int(hour.timestamp())
    return first, first + 3599
