"""Which loads the state tables hold whole: asked of the tables themselves, and compared with the commit log.

The rows of a load and day are one part, stored whole or not at all. So a load is whole when each table that counts all
events counts as many of it as the manifest's files have rows, and when the users' table names it for each day on which
it has known users.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import gold_ledger
from business_day import BusinessDay
from clickhouse import ClickHouse, literal
from commit_log import Manifest
from contract_gold import STATE_LOADS
from gold_files import days_of, hour_of
from gold_load import Loader

NO_LOAD = "00000000-0000-0000-0000-000000000000"

_HIDDEN = "SELECT day, generation FROM {database}.gold_hidden_generations"
# A minute of states at most per file of an hour, some more rows for endpoints: what one question reads stays small.
_FILES_A_QUESTION = 500


Checks = Mapping[tuple[str, str], int]
"""(table, column) → one number of what is kept of a file."""


def _same_in_two_tables() -> list[tuple[tuple[str, str], ...]]:
    """Columns of which each file gives the same in every table that has them, because they are made of the same expression."""
    by_expression: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for load in STATE_LOADS:
        made_of = {name: expression for name, expression, _ in load.partials}
        for column, _ in load.checks:
            by_expression[made_of[column]].append((load.table, column))
    return [tuple(columns) for columns in by_expression.values() if len(columns) > 1]


_SAME = _same_in_two_tables()


@dataclass
class Held:
    """What the tables hold of some files, in the generations that are read."""

    checks: Mapping[str, Checks]
    """By file; files of which no table holds anything are left out."""
    without_users: set[str] = field(default_factory=set)
    """Files whose users are not in for a day."""

    def of(self, table: str, file: str) -> int:
        """The events that a table counts of a file."""
        return self.checks.get(file, {}).get((table, _COUNT[table]), 0)

    def agrees(self, file: str) -> bool:
        """Whether every table counts the same of a file, and something, and adds up the same."""
        return file in self.checks and self.of(STATE_LOADS[0].table, file) > 0 and file not in self.without_users and self.contradiction(file) is None

    def contradiction(self, file: str, given: Checks | None = None) -> str | None:
        """Where two tables do not say the same of a file, or one says other than the file gives."""
        checks = self.checks.get(file, {})
        for columns in _SAME:
            if len({checks.get(column, 0) for column in columns}) > 1:
                return ", ".join(f"{table}.{column} is {checks.get((table, column), 0)}" for table, column in columns)
        for (table, column), number in (given or {}).items():
            if checks.get((table, column), 0) != number:
                return f"{table}.{column} is {checks.get((table, column), 0)}, the file gives {number}"
        return None


_COUNT = {load.table: load.count for load in STATE_LOADS if load.count is not None}


@dataclass(frozen=True)
class Difference:
    """One manifest whose files are not what the tables hold. `tables`: name → events held."""

    sequence: int
    files: tuple[str, ...]
    rows: int | None
    tables: Mapping[str, int]
    without_users: int
    contradiction: str | None = None
    """Of the first of the files, what is added up wrongly."""

    @property
    def is_too_much(self) -> bool:
        """Whether loading again cannot mend it: something counts that should not."""
        return self.rows is not None and any(count > self.rows for count in self.tables.values())

    def __str__(self) -> str:
        counts = ", ".join(f"{table} counts {count}" for table, count in self.tables.items())
        users = f", user_states lacks {self.without_users} of the files" if self.without_users else ""
        sums = f", {self.contradiction}" if self.contradiction else ""
        return (
            f"manifest {self.sequence}: {len(self.files)} silver files of {'?' if self.rows is None else self.rows} events, but {counts}{users}{sums}; the first is {self.files[0]}"
        )


def held(clickhouse: ClickHouse, files: Sequence[str], business_day: BusinessDay) -> Held:
    """Asks the tables what they hold of these files."""
    checks: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    known: set[tuple[str, str]] = set()
    marked: set[tuple[str, str]] = set()
    hidden = _HIDDEN.replace("{database}", clickhouse.database)
    for some in gold_ledger.in_chunks(files, _FILES_A_QUESTION):
        of_load = {gold_ledger.load_id(file): file for file in some}
        days = [days_of(file, business_day) for file in some]
        for load in STATE_LOADS:
            # The days are those of partitions, of which all others are not opened.
            bounds = [] if None in days else [min(min(of_file) for of_file in days if of_file), max(max(of_file) for of_file in days if of_file)]
            within = f" AND {load.day} BETWEEN {literal(bounds[0])} AND {literal(bounds[1])}" if bounds else ""
            where = f"load IN ({gold_ledger.texts(of_load)}){within} AND ({load.day}, generation) NOT IN ({hidden})"
            table = f"{clickhouse.database}.{load.table}"
            if load.count:
                numbers = ", ".join(expression.replace("{column}", column) for column, expression in load.checks)
                for one, *found in clickhouse.rows(f"SELECT load, {numbers} FROM {table} FINAL WHERE {where} GROUP BY load"):
                    checks[of_load[one]].update({(load.table, column): int(number) for (column, _), number in zip(load.checks, found, strict=True)})
            else:
                marked.update((of_load[one], day) for one, day in clickhouse.rows(f"SELECT DISTINCT load, {load.day} FROM {table} WHERE {where}"))
            if load.table == "action_states":
                known.update((of_load[one], day) for one, day in clickhouse.rows(f"SELECT DISTINCT load, {load.day} FROM {table} WHERE {where} AND known_events > 0"))
    return Held(checks, {file for file, _ in known - marked})


def checks_of_file(loader: Loader, file: str) -> Checks:
    """What a silver file gives, read by ClickHouse. Raises ClickHouseError."""
    checks: dict[tuple[str, str], int] = {}
    for load in STATE_LOADS:
        if load.checks:
            groups = loader.groups_of_file(load, file)
            numbers = ", ".join(expression.replace("{column}", f"{column}_state") for column, expression in load.checks)
            (found,) = loader.clickhouse.rows(f"SELECT {numbers} FROM (\n{groups}\n)")
            checks.update({(load.table, column): int(number) for (column, _), number in zip(load.checks, found, strict=True)})
    return checks


def loads_without_ledger(clickhouse: ClickHouse) -> dict[str, set[str]]:
    """Load → days of the rows that count, of loads that the ledger does not know."""
    return _loads(clickhouse, f"load NOT IN (SELECT load FROM {clickhouse.database}.gold_loads)")


def loads_of_the_ledger(clickhouse: ClickHouse) -> dict[str, set[str]]:
    """Load → days of the rows that count, of loads that the ledger knows."""
    return _loads(clickhouse, f"load IN (SELECT load FROM {clickhouse.database}.gold_loads)")


def _loads(clickhouse: ClickHouse, which: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    hidden = _HIDDEN.replace("{database}", clickhouse.database)
    for load in STATE_LOADS:
        where = f"load != {literal(NO_LOAD)} AND {which} AND ({load.day}, generation) NOT IN ({hidden})"
        for one, day in clickhouse.rows(f"SELECT DISTINCT load, {load.day} FROM {clickhouse.database}.{load.table} WHERE {where}"):
            found[one].add(day)
    return dict(found)


def differences(
    clickhouse: ClickHouse, manifests: Sequence[Manifest], replaced: Collection[str], business_day: BusinessDay, given: Callable[[str], Checks] | None = None
) -> list[Difference]:
    """Every manifest whose files the tables do not hold as they should; with `given`, also not as a file itself says.

    Of `replaced`, and of what one of the manifests replaces, the tables should hold nothing.
    """
    files = [file.url for manifest in manifests for file in manifest.silver]
    expired = gold_ledger.expired(clickhouse, files)
    too_old = _left_the_tables(clickhouse, files)
    should_be_gone = {*replaced, *(url for manifest in manifests for url in manifest.replaced_silver)}
    tables = held(clickhouse, list(dict.fromkeys([*files, *should_be_gone])), business_day)
    found = []
    told: set[str] = set()
    for manifest in manifests:
        all_ = [file.url for file in manifest.silver]
        here = [file for file in all_ if file not in should_be_gone and file not in expired and file not in too_old]
        gone = [file for file in (*all_, *manifest.replaced_silver) if file in should_be_gone - told and any(tables.of(table, file) for table in _COUNT)]
        told.update(gone)
        # Where a part of the files counts no more, the manifest's number of rows says nothing of the rest.
        rows = manifest.rows["silver"] if len(here) == len(all_) else None
        counts = {table: sum(tables.of(table, file) for file in here) for table in _COUNT}
        wrong = [file for file in here if not tables.agrees(file)]
        why = {file: tables.contradiction(file) for file in wrong}
        if given is not None and not wrong:
            why = {file: text for file in here if (text := tables.contradiction(file, given(file))) is not None}
            wrong = list(why)
        if rows is not None and not wrong and any(count != rows for count in counts.values()):
            wrong = here
        if wrong:
            found.append(Difference(manifest.sequence, tuple(wrong), rows, counts, len(tables.without_users.intersection(wrong)), why.get(wrong[0])))
        if gone:
            found.append(Difference(manifest.sequence, tuple(gone), 0, {table: sum(tables.of(table, file) for file in gone) for table in _COUNT}, 0))
    return found


def days_held(clickhouse: ClickHouse, files: Sequence[str]) -> dict[str, set[str]]:
    """File → the days on which a table holds something of it, in any generation; files that no table holds are left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for some in gold_ledger.in_chunks(files, _FILES_A_QUESTION):
        of_load = {gold_ledger.load_id(file): file for file in some}
        for load in STATE_LOADS:
            for one, day in clickhouse.rows(f"SELECT DISTINCT load, {load.day} FROM {clickhouse.database}.{load.table} WHERE load IN ({gold_ledger.texts(of_load)})"):
                found[of_load[one]].add(day)
    return dict(found)


def is_any_held(clickhouse: ClickHouse) -> bool:
    """Whether a table holds anything."""
    return any(clickhouse.rows(f"SELECT load FROM {clickhouse.database}.{load.table} LIMIT 1") for load in STATE_LOADS)


def business_dates_held(clickhouse: ClickHouse, files: Sequence[str]) -> dict[str, set[str]]:
    """File → the business days on which it counts; files that do not are left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for some in gold_ledger.in_chunks(files, _FILES_A_QUESTION):
        of_load = {gold_ledger.load_id(file): file for file in some}
        for one, day in clickhouse.rows(f"SELECT DISTINCT load, date FROM {clickhouse.database}.action_states WHERE load IN ({gold_ledger.texts(of_load)})"):
            found[of_load[one]].add(day)
    return dict(found)


def _left_the_tables(clickhouse: ClickHouse, files: Iterable[str]) -> set[str]:
    """Those of the files whose days the tables keep no longer, in part or as a whole; of many hours, any may be such."""
    definition = clickhouse.rows(
        f"SELECT replaceAll(create_table_query, '\\n', ' ') FROM system.tables WHERE database = {literal(clickhouse.database)} AND name = {literal(STATE_LOADS[0].table)}"
    )
    kept = re.search(r"toIntervalDay\((\d+)\)", definition[0][0])
    if kept is None:
        return set()
    # A day more: rows leave when the whole day is too old, in their own time and their own zone's day.
    first = datetime.now(timezone.utc) - timedelta(days=int(kept[1]) - 1)
    return {file for file in files if (hour := hour_of(file)) is None or hour < first}
