"""What gold notes in ClickHouse beside the states: loads, generations of rebuilt days, positions, what is gone.

A day's states belong to a generation. Nobody reads a generation above the highest published one. A file's rows carry
the file's identity, so whoever loads it into a generation, and how often, it counts there once.

A rebuild announces a new generation, then reads the commit log, loads every file of the day, publishes. The gold job
reads the announcements after it has learnt of a file and loads it into the current generation and into those being
built. So a file that was committed before the rebuild read the log is loaded by the rebuild, one that was committed
later is loaded by the gold job, and one that both load counts once.

The ledger of loads is a cache: without it files are loaded again, and nothing counts twice. So are the other lists: what
is replaced is what the commit log's manifests say, and the list of it is asked first because the log is long.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from business_day import BusinessDay
from clickhouse import ClickHouse, literal
from contract_clickhouse import TABLES
from job_log import JobError

# The day of a ledger row that stands for every day of a file.
WHOLE_FILE = "1970-01-01"

# A statement names at most that many files: ClickHouse refuses one of more than 256 KiB (max_query_size).
_FILES_A_STATEMENT = 1_000

One = TypeVar("One")


def load_id(file: str) -> str:
    """The identity of a silver file, as a UUID: 128 bits of its URL's SHA-256."""
    return str(uuid.UUID(bytes=hashlib.sha256(file.encode()).digest()[:16]))


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


@dataclass(frozen=True)
class Position:
    """The last manifest that is folded: its sequence, and the attempt that tells it from one of another log."""

    sequence: int
    attempt: str


def agreed_business_day(clickhouse: ClickHouse, own: BusinessDay) -> BusinessDay:
    """The business day that the tables are filled under, `own` when nobody has filled them. Raises JobError when it is another."""
    found = clickhouse.rows(f"SELECT zone, since, offsets FROM {clickhouse.database}.gold_business_day ORDER BY noted_at, zone LIMIT 1")
    if not found:
        return own
    zone, since, offsets = found[0]
    noted = BusinessDay(zone, tuple(json.loads(since)), tuple(json.loads(offsets)))
    if zone != own.zone and not noted.has_rules_of(own):
        raise JobError(
            f"the tables of {clickhouse.database} are filled by business days of {zone}, --business-time-zone is {own.zone}; "
            f"give --business-time-zone {zone}, or fill a new database: schema_job.py --database NAME, then gold_job.py run --database NAME --business-time-zone {own.zone}"
        )
    return noted


def is_business_day_noted(clickhouse: ClickHouse) -> bool:
    """Whether it is written under which business day the tables are filled."""
    return bool(clickhouse.rows(f"SELECT zone FROM {clickhouse.database}.gold_business_day LIMIT 1"))


def note_business_day(clickhouse: ClickHouse, day: BusinessDay) -> None:
    """Writes under which business day the tables are filled, before they first are. Raises JobError when that is another."""
    noted = agreed_business_day(clickhouse, day)
    if noted is day:
        _insert(clickhouse, "gold_business_day", [f"({literal(day.zone)}, {list(day.since)}, {list(day.offsets)}, now64(3))"])
        noted = agreed_business_day(clickhouse, day)
    if not noted.has_rules_of(day):
        raise JobError(f"another job fills the tables of {clickhouse.database} by other offsets of {day.zone}; start the job again, which then takes them")


def read_generations(clickhouse: ClickHouse) -> Generations:
    """The generations of every rebuilt day."""
    table = f"{clickhouse.database}.gold_generations"
    current = clickhouse.rows(f"SELECT day, max(generation) FROM {table} WHERE published = 1 GROUP BY day")
    of_day = {day: int(generation) for day, generation in current}
    announced = clickhouse.rows(f"SELECT DISTINCT day, generation FROM {table} ORDER BY day, generation")
    building = tuple((day, int(generation)) for day, generation in announced if int(generation) > of_day.get(day, 0))
    return Generations(of_day, building)


def restore_generations(clickhouse: ClickHouse) -> list[str]:
    """Publishes what the state tables hold of days whose generations are not noted, the list of them being lost; gives the days.

    Of a day of which they hold several, nobody can say which was read: all are, and the audit finds what counts twice.
    """
    known = f"SELECT day, generation FROM {clickhouse.database}.gold_generations"
    lost = f"SELECT DISTINCT day FROM ({_held(clickhouse, 'WHERE generation > 0')}) WHERE (day, generation) NOT IN ({known})"
    found = clickhouse.rows(
        f"SELECT day, groupUniqArray(generation) AS held FROM ({_held(clickhouse, '')}) WHERE day IN ({lost}) GROUP BY day HAVING length(held) = 1 ORDER BY day"
    )
    for day, held in found:
        _write_generation(clickhouse, day, json.loads(held)[0], 1)
    return [day for day, _ in found]


def _held(clickhouse: ClickHouse, where: str) -> str:
    """The (day, generation) of all rows of states that a condition holds of, as a SELECT."""
    return " UNION ALL ".join(f"SELECT DISTINCT {table.day} AS day, generation FROM {clickhouse.database}.{table.name} {where}" for table in TABLES if table.day is not None)


def announce(clickhouse: ClickHouse, day: str) -> int:
    """Begins a generation of a day; returns its number, which is above that of every row there is of the day."""
    # The list of generations may be lost: what the other tables hold is then still told apart from what is built.
    ledgers = [f"SELECT day, generation FROM {clickhouse.database}.{table}" for table in ("gold_generations", "gold_loads")]
    everywhere = " UNION ALL ".join([_held(clickhouse, ""), *ledgers])
    newest = int(clickhouse.rows(f"SELECT max(generation) FROM ({everywhere}) WHERE day = {literal(day)}")[0][0])
    _write_generation(clickhouse, day, newest + 1, 0)
    return newest + 1


def publish(clickhouse: ClickHouse, day: str, generation: int) -> None:
    """Lets a generation be read, in all tables at once. A lower one that is published later stays hidden."""
    _write_generation(clickhouse, day, generation, 1)


def _write_generation(clickhouse: ClickHouse, day: str, generation: int, published: int) -> None:
    _insert(clickhouse, "gold_generations", [f"({literal(day)}, {generation}, {published}, now64(3))"])


def loaded(clickhouse: ClickHouse, files: Sequence[str]) -> dict[str, set[tuple[str, int]]]:
    """File → the (day, generation) that the ledger has of it; files that it does not know are left out."""
    found: dict[str, set[tuple[str, int]]] = {}
    of_load = {load_id(file): file for file in files}
    for loads in in_chunks(list(of_load)):
        for load, day, generation in clickhouse.rows(f"SELECT load, day, generation FROM {clickhouse.database}.gold_loads WHERE load IN ({texts(loads)})"):
            found.setdefault(of_load[load], set()).add((day, int(generation)))
    return found


def note(clickhouse: ClickHouse, files: Iterable[str], day: str = WHOLE_FILE, generation: int = 0) -> None:
    """Writes into the ledger that all states of these files are in."""
    _insert(clickhouse, "gold_loads", [f"({literal(load_id(file))}, {literal(day)}, {generation}, {literal(file)}, now64(3))" for file in files])


def position(clickhouse: ClickHouse, commits: str) -> Position | None:
    """How far a commit log is folded; None when nothing is."""
    found = clickhouse.rows(f"SELECT sequence, attempt FROM {clickhouse.database}.gold_positions FINAL WHERE commits = {literal(commits)}")
    return Position(int(found[0][0]), found[0][1]) if found else None


def logs(clickhouse: ClickHouse) -> list[str]:
    """The commit logs that are folded into this database."""
    return [commits for (commits,) in clickhouse.rows(f"SELECT DISTINCT commits FROM {clickhouse.database}.gold_positions")]


def note_position(clickhouse: ClickHouse, commits: str, at: Position) -> None:
    """Writes that a commit log is folded up to there."""
    _insert(clickhouse, "gold_positions", [f"({literal(commits)}, {at.sequence}, {literal(at.attempt)}, now64(3))"])


def replaced(clickhouse: ClickHouse, files: Sequence[str]) -> dict[str, set[int]]:
    """File → the sequences of the manifests that are noted to replace it; files of which nothing is noted are left out."""
    of_load = {load_id(file): file for file in files}
    found: dict[str, set[int]] = {}
    for loads in in_chunks(list(of_load)):
        for load, sequence in clickhouse.rows(f"SELECT DISTINCT load, sequence FROM {clickhouse.database}.gold_replaced_files WHERE load IN ({texts(loads)})"):
            found.setdefault(of_load[load], set()).add(int(sequence))
    return found


def note_replaced(clickhouse: ClickHouse, files: Iterable[str], sequence: int) -> None:
    """Writes that files count no more, by the manifest of that sequence."""
    _insert(clickhouse, "gold_replaced_files", [f"({literal(load_id(file))}, {literal(file)}, {sequence})" for file in files])


def expired(clickhouse: ClickHouse, files: Sequence[str]) -> set[str]:
    """Those of the files that are known to have left the lake before they were counted."""
    of_load = {load_id(file): file for file in files}
    found: set[str] = set()
    for loads in in_chunks(list(of_load)):
        found.update(of_load[load] for (load,) in clickhouse.rows(f"SELECT DISTINCT load FROM {clickhouse.database}.gold_expired_files WHERE load IN ({texts(loads)})"))
    return found


def note_expired(clickhouse: ClickHouse, file: str, days: Iterable[str]) -> None:
    """Marks the days of a file as incomplete."""
    _insert(clickhouse, "gold_expired_files", [f"({literal(day)}, {literal(load_id(file))}, {literal(file)}, now64(3))" for day in days])


def targets(generations: Generations, done: set[tuple[str, int]], days: set[str] | None) -> list[Target]:
    """Where the rows of a file go that the ledger does not know as a whole.

    done: what a rebuild has loaded of it. days: those that the file can hold, None when any.
    """
    rebuilt = sorted((day, generation) for day, generation in generations.current.items() if days is None or day in days)
    here = [day for day, generation in rebuilt if (day, generation) in done]
    rows = f"toDate({{day}}) NOT IN ({texts(here)})" if here else "true"
    of_days, numbers = ", ".join(f"toDate({literal(day)})" for day, _ in rebuilt), ", ".join(str(number) for _, number in rebuilt)
    generation = f"transform(toDate({{day}}), [{of_days}], [{numbers}], 0)" if rebuilt else "0"
    building = [(day, number) for day, number in generations.building if (day, number) not in done and (days is None or day in days)]
    return [Target(rows, generation), *(day_target(day, number) for day, number in building)]


def day_target(day: str, generation: int) -> Target:
    """The rows of one day, into one generation."""
    return Target(f"toDate({{day}}) = {literal(day)}", str(generation))


def in_chunks(all_: Sequence[One], size: int = _FILES_A_STATEMENT) -> Iterator[Sequence[One]]:
    """Parts of at most that many, in order."""
    return (all_[start : start + size] for start in range(0, len(all_), size))


def texts(values: Iterable[str]) -> str:
    """String literals, separated by commas."""
    return ", ".join(literal(value) for value in values)


def _insert(clickhouse: ClickHouse, table: str, rows: Sequence[str]) -> None:
    for some in in_chunks(rows):
        # Without deduplication: a block that equals an earlier one is still to be written.
        clickhouse.execute(f"INSERT INTO {clickhouse.database}.{table} VALUES {', '.join(some)}", settings={"async_insert": "0", "insert_deduplicate": "0"})
