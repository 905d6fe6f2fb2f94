"""Loads one silver file into the state tables: one INSERT of one block a table, every row under the file's identity.

A block is one part a day, which is stored whole or not at all, and a row that is stored twice counts once. So an INSERT
may be cut, repeated, or answered by nobody: what matters is only that one of its attempts was acknowledged.
The functions here run on the executors. What goes wrong comes back as a sentence, so that the driver can end the job
with it instead of with a task's stack trace.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from business_day import BusinessDay
from clickhouse import ClickHouse, literal
from contract_gold import SILVER_STRUCTURE, STATE_LOADS, StateLoad
from gold_files import hour_of, seconds_of
from gold_ledger import Target, in_chunks, load_id, texts
from job_log import JobError

# Each day is a partition, so an INSERT makes a part of each: that many at most.
_DAYS_AN_INSERT = 100

# One INSERT is one block, so that the row that names the load says that all its rows of that day are there. Nothing is
# deduplicated by the server: its memory of tokens can outlive a part that a crash took.
SETTINGS = {
    "async_insert": "0",
    "insert_deduplicate": "0",
    "max_insert_threads": "1",
    "max_insert_block_size": "1000000000",
    "min_insert_block_size_rows": "1000000000",
    "min_insert_block_size_bytes": "0",
    "input_format_parallel_parsing": "0",
    "session_timezone": "UTC",
    # No silver file is empty: one of no bytes is damaged.
    "s3_skip_empty_files": "0",
    "max_partitions_per_insert_block": str(_DAYS_AN_INSERT),
}


@dataclass(frozen=True)
class FileLoad:
    """One silver file, by its s3a:// URL, and where its rows go."""

    file: str
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Loader:
    """What every load needs. s3: how ClickHouse names a bucket's URL, {bucket} in it."""

    clickhouse: ClickHouse
    business_day: BusinessDay
    s3: str

    def statement(self, text: str, load: StateLoad, target: Target, file: str, source: str = "") -> str:
        """Fills in one of the contract's INSERTs."""
        parts = {
            "{rows}": target.rows.replace("{day}", load.day),
            "{generation}": target.generation.replace("{day}", load.day),
            "{load}": load_id(file),
            "{database}": self.clickhouse.database,
            "{source}": source,
            "{business_offset_us}": self.business_day.offset_us("toUnixTimestamp64Micro(event_time)", *seconds_of([file])),
        }
        for name, value in parts.items():
            text = text.replace(name, value)
        return text

    def from_file(self, file_load: FileLoad) -> None:
        """ClickHouse reads the file itself."""
        source = self._source(file_load.file)
        for load in STATE_LOADS:
            for target in file_load.targets:
                for part in self._bounded(load, target, file_load.file, source):
                    self.clickhouse.execute(self.statement(load.from_file, load, part, file_load.file, source), settings=SETTINGS)

    def _bounded(self, load: StateLoad, target: Target, file: str, source: str) -> Iterator[Target]:
        """The target, in parts of so many days as one INSERT may have: a file of many hours may hold as many days."""
        if hour_of(file) is not None:
            yield target
            return
        days = [day for (day,) in self.clickhouse.rows(f"{self.statement(load.days, load, target, file, source)}\nSETTINGS s3_skip_empty_files = 0")]
        for some in self._left(load, target, file, days):
            yield Target(f"({target.rows}) AND toDate({{day}}) IN ({texts(some)})", target.generation)

    def _left(self, load: StateLoad, target: Target, file: str, days: Sequence[str]) -> Iterator[Sequence[str]]:
        """The file's days in parts of so many as one INSERT may have.

        Where that is more than one, those that the table holds are left out: a day's rows are one part, stored whole or
        not at all, and a job that begins again would else make as many parts again.
        """
        if len(days) > _DAYS_AN_INSERT:
            of_file = f"SELECT DISTINCT {load.day} FROM {{database}}.{load.table} WHERE load = toUUID('{{load}}') AND {{rows}} AND generation = {{generation}}"
            held = {day for (day,) in self.clickhouse.rows(self.statement(of_file, load, target, file))}
            days = [day for day in days if day not in held]
        return in_chunks(days, _DAYS_AN_INSERT)

    def groups_of_file(self, load: StateLoad, file: str) -> str:
        """A SELECT of all groups of a file for one state table."""
        return self.statement(load.groups_of_file, load, Target("true", "0"), file, self._source(file))

    def _source(self, file: str) -> str:
        bucket, key = file.removeprefix("s3a://").split("/", 1)
        url = f"{self.s3.replace('{bucket}', bucket)}/{key}"
        return f"s3({literal(url)}, 'Parquet', {literal(SILVER_STRUCTURE)})"

    def from_partials(self, file_load: FileLoad, table: int, lines: str) -> None:
        """Partials of the file for one state table, one JSON object a line."""
        load = STATE_LOADS[table]
        for target in file_load.targets:
            for part in self._bounded_lines(load, target, file_load.file, lines):
                self.clickhouse.execute(self.statement(load.from_partials, load, target, file_load.file), part.encode(), SETTINGS)

    def _bounded_lines(self, load: StateLoad, target: Target, file: str, lines: str) -> Iterator[str]:
        """The partials, in parts as _bounded has them."""
        if hour_of(file) is not None:
            yield lines
            return
        of_day = _by_day(load, lines)
        for days in self._left(load, target, file, sorted(of_day)):
            yield "\n".join(line for day in days for line in of_day[day])


def _by_day(load: StateLoad, lines: str) -> dict[str, list[str]]:
    """Partials by their day (ISO)."""
    of_day: dict[str, list[str]] = defaultdict(list)
    key = next(name for name, _ in load.keys if re.search(rf"\b{name}\b", load.day))
    # By line feeds alone: a text may hold what Python takes for other ends of a line.
    for line in filter(None, lines.split("\n")):
        value = json.loads(line)[key]
        of_day[value if isinstance(value, str) else datetime.fromtimestamp(value, timezone.utc).date().isoformat()].append(line)
    return of_day


def load_files(loader: Loader, loads: Iterable[FileLoad]) -> Iterator[str]:
    """Engine clickhouse, on an executor. Gives the sentence of what failed, or nothing."""
    for load in loads:
        try:
            loader.from_file(load)
        except JobError as error:
            yield str(error)
            return


def load_partials(loader: Loader, loads: Mapping[int, FileLoad], partials: Iterable[Sequence[object]]) -> Iterator[tuple[int, str | None]]:
    """Engine spark, on an executor: rows (file's number, table's number, JSON lines). Gives the file's number, and what failed."""
    for number, table, lines in partials:
        try:
            loader.from_partials(loads[int(str(number))], int(str(table)), str(lines))
        except JobError as error:
            yield int(str(number)), str(error)
            return
        yield int(str(number)), None
