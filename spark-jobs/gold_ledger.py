"""What is loaded into which generation of a day: the ledger that makes replays and rebuilds exact.

A day's states belong to a generation. Nobody reads a generation above the highest published one. Every load of a file
carries the file's own deduplication token, so whoever loads a file into a generation first, loads it once.

A rebuild announces a new generation, then reads the commit log, loads every file of the day, publishes. The gold job
reads the announcements after it has learnt of a file and loads it into the current generation and into those being
built. So a file that was committed before the rebuild read the log is loaded by the rebuild, one that was committed
later is loaded by the gold job, and one that both load is loaded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clickhouse import ClickHouse, literal

# The day of a ledger row that stands for every day of a file.
WHOLE_FILE = "1970-01-01"


@dataclass(frozen=True)
class Generations:
    """current: day (ISO) → the generation that is read; a day without one is at 0. building: (day, generation)."""

    current: dict[str, int]
    building: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Target:
    """Which rows of a file go into which generation, as ClickHouse expressions over {day}, the day of a row."""

    rows: str
    generation: str


def read_generations(clickhouse: ClickHouse) -> Generations:
    """The generations of every rebuilt day."""
    table = f"{clickhouse.database}.gold_generations"
    current = clickhouse.rows(f"SELECT day, max(generation) FROM {table} WHERE published = 1 GROUP BY day")
    of_day = {day: int(generation) for day, generation in current}
    announced = clickhouse.rows(f"SELECT DISTINCT day, generation FROM {table} ORDER BY day, generation")
    building = tuple((day, int(generation)) for day, generation in announced if int(generation) > of_day.get(day, 0))
    return Generations(of_day, building)


def announce(clickhouse: ClickHouse, day: str) -> int:
    """Begins a generation of a day; returns its number."""
    table = f"{clickhouse.database}.gold_generations"
    newest = clickhouse.rows(f"SELECT max(generation) FROM {table} WHERE day = {literal(day)}")[0][0]
    _write_generation(clickhouse, day, int(newest) + 1, 0)
    return int(newest) + 1


def publish(clickhouse: ClickHouse, day: str, generation: int) -> None:
    """Lets a generation be read, in all tables at once. A lower one that is published later stays hidden."""
    _write_generation(clickhouse, day, generation, 1)


def _write_generation(clickhouse: ClickHouse, day: str, generation: int, published: int) -> None:
    table = f"{clickhouse.database}.gold_generations"
    clickhouse.execute(f"INSERT INTO {table} VALUES ({literal(day)}, {generation}, {published}, now64(3))", settings={"async_insert": "0"})


def loaded(clickhouse: ClickHouse, files: Sequence[str]) -> dict[str, set[tuple[str, int]]]:
    """File → the (day, generation) that the ledger has of it; files that it does not know are left out."""
    if not files:
        return {}
    names = ", ".join(literal(file) for file in files)
    found: dict[str, set[tuple[str, int]]] = {}
    for file, day, generation in clickhouse.rows(f"SELECT file, day, generation FROM {clickhouse.database}.gold_loads WHERE file IN ({names})"):
        found.setdefault(file, set()).add((day, int(generation)))
    return found


def note(clickhouse: ClickHouse, files: Iterable[str], day: str = WHOLE_FILE, generation: int = 0) -> None:
    """Writes into the ledger that all states of these files are in."""
    rows = ", ".join(f"({literal(file)}, {literal(day)}, {generation}, now64(3))" for file in files)
    if rows:
        clickhouse.execute(f"INSERT INTO {clickhouse.database}.gold_loads VALUES {rows}", settings={"async_insert": "0"})


def targets(generations: Generations, done: set[tuple[str, int]]) -> list[Target]:
    """Where the rows of a file go that the ledger does not know as a whole; done: what a rebuild has loaded of it."""
    here = [day for day, generation in generations.current.items() if (day, generation) in done]
    rebuilt = sorted(generations.current.items())
    rows = f"toDate({{day}}) NOT IN ({', '.join(literal(day) for day in here)})" if here else "true"
    days, numbers = ", ".join(f"toDate({literal(day)})" for day, _ in rebuilt), ", ".join(str(number) for _, number in rebuilt)
    generation = f"transform(toDate({{day}}), [{days}], [{numbers}], 0)" if rebuilt else "0"
    return [Target(rows, generation), *(day_target(day, number) for day, number in generations.building if (day, number) not in done)]


def day_target(day: str, generation: int) -> Target:
    """The rows of one day, into one generation."""
    return Target(f"toDate({{day}}) = {literal(day)}", str(generation))
