"""What a silver file's URL says: the hour of its events, and so the days that it can hold."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_HOUR = re.compile(r"/year=(-?\d+)/month=(\d+)/day=(\d+)/hour=(\d+)/", re.ASCII)

# Gold counts an event outside of these as one at the nearest of them, see SILVER_IN_RANGE.
_FIRST = datetime(1970, 1, 2, tzinfo=timezone.utc)
_LAST = datetime(2105, 12, 31, 23, tzinfo=timezone.utc)


def hour_of(file: str) -> datetime | None:
    """The UTC hour of all of a file's events; None when the URL does not say."""
    found = _HOUR.search(file)
    if found is None:
        return None
    year, month, day, hour = (int(text) for text in found.groups())
    if not _FIRST.year <= year <= _LAST.year:
        return _FIRST if year < _FIRST.year else _LAST
    try:
        return min(max(datetime(year, month, day, hour, tzinfo=timezone.utc), _FIRST), _LAST)
    except ValueError:
        return None


def days_of(file: str, business_time_zone: str) -> set[str] | None:
    """The UTC days and business days (ISO) that a file can hold; None when the URL does not say."""
    hour = hour_of(file)
    if hour is None:
        return None
    zone = ZoneInfo(business_time_zone)
    moments = [hour, hour + timedelta(minutes=59, seconds=59)]
    return {moment.date().isoformat() for moment in (*moments, *(one.astimezone(zone) for one in moments))}
