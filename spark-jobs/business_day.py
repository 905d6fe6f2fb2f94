"""The business day: the offsets of its time zone, looked up once and then the same for both engines and every rebuild.

A zone's rules change with the time zone database, of which the driver, the JVM and ClickHouse each have their own. They
also differ on clocks that go back across midnight: there ClickHouse gives an instant another day than Java does. So no
engine is asked for a date: each adds the offset that stands here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

# Gold counts an event outside of these as one at the nearest of them, see SILVER_IN_RANGE.
FIRST = datetime(1970, 1, 2, tzinfo=timezone.utc)
END = datetime(2106, 1, 1, tzinfo=timezone.utc)

_DAY_SECONDS = 86_400
# No zone of the database has changed its clock twice within six days; a test looks at all of them.
_STEP_SECONDS = 2 * _DAY_SECONDS


@dataclass(frozen=True)
class BusinessDay:
    """A zone's offsets from UTC in seconds, each from a second since 1970 on; the first is that of FIRST."""

    zone: str
    since: tuple[int, ...]
    offsets: tuple[int, ...]

    def has_rules_of(self, other: BusinessDay) -> bool:
        """Whether both give every event the same day."""
        return (self.since, self.offsets) == (other.since, other.offsets)

    def days(self, first: int, last: int) -> set[str]:
        """The days (ISO) that the seconds from first to last are on."""
        changes = self.since[self._place(first) + 1 : self._place(last) + 1]
        moments = [first, last, *(moment for change in changes for moment in (change - 1, change))]
        return {self._day(moment) for moment in moments}

    def offset_us(self, micros: str, first: int, last: int) -> str:
        """The offset in microseconds as an expression over one of microseconds since 1970, right for the seconds from first to last.

        It reads alike in Spark and in ClickHouse, and compares as often as the number of changes has binary digits.
        """
        places = range(self._place(first), self._place(last) + 1)
        return self._search(micros, places)

    def _search(self, micros: str, places: Sequence[int]) -> str:
        if len(places) == 1:
            return f"CAST({self.offsets[places[0]] * 1_000_000} AS BIGINT)"
        middle = len(places) // 2
        before, after = self._search(micros, places[:middle]), self._search(micros, places[middle:])
        return f"(CASE WHEN {micros} < {self.since[places[middle]] * 1_000_000} THEN {before} ELSE {after} END)"

    def _place(self, second: int) -> int:
        return max(bisect_right(self.since, second) - 1, 0)

    def _day(self, second: int) -> str:
        return (date(1970, 1, 1) + timedelta(days=(second + self.offsets[self._place(second)]) // _DAY_SECONDS)).isoformat()


def business_day(zone: str) -> BusinessDay:
    """The offsets of a zone of the machine's time zone database, from FIRST until END."""
    # Without a database of zones there is still this one.
    rules = timezone.utc if zone == "UTC" else ZoneInfo(zone)

    def offset(second: int) -> int:
        found = datetime.fromtimestamp(second, rules).utcoffset()
        return 0 if found is None else int(found.total_seconds())

    first, end = int(FIRST.timestamp()), int(END.timestamp())
    since, offsets = [first], [offset(first)]
    for start in range(first, end, _STEP_SECONDS):
        last = min(start + _STEP_SECONDS, end - 1)
        if (after := offset(last)) == offsets[-1]:
            continue
        same = start
        while last - same > 1:
            middle = (same + last) // 2
            same, last = (middle, last) if offset(middle) == offsets[-1] else (same, middle)
        since.append(last)
        offsets.append(after)
    return BusinessDay(zone, tuple(since), tuple(offsets))
