"""Loads one silver file into the state tables: one INSERT of one block a table, every row under the file's identity.

A block is one part a day, which is stored whole or not at all, and a row that is stored twice counts once. So an INSERT
may be cut, repeated, or answered by nobody: what matters is only that one of its attempts was acknowledged.
The functions here run on the executors. What goes wrong comes back as a sentence, so that the driver can end the job
with it instead of with a task's stack trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clickhouse import ClickHouse, literal
from contract_gold import SILVER_STRUCTURE, STATE_LOADS, StateLoad
from gold_ledger import Target, load_id
from job_log import JobError

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
    # A file of many hours may hold as many days: each is a partition.
    "max_partitions_per_insert_block": "0",
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
    business_time_zone: str
    s3: str

    def statement(self, text: str, load: StateLoad, target: Target, file: str, source: str = "") -> str:
        """Fills in one of the contract's INSERTs."""
        parts = {
            "{rows}": target.rows.replace("{day}", load.day),
            "{generation}": target.generation.replace("{day}", load.day),
            "{load}": load_id(file),
            "{database}": self.clickhouse.database,
            "{source}": source,
            "{business_time_zone}": self.business_time_zone,
        }
        for name, value in parts.items():
            text = text.replace(name, value)
        return text

    def from_file(self, file_load: FileLoad) -> None:
        """ClickHouse reads the file itself."""
        source = self._source(file_load.file)
        for load in STATE_LOADS:
            for target in file_load.targets:
                self.clickhouse.execute(self.statement(load.from_file, load, target, file_load.file, source), settings=SETTINGS)

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
            self.clickhouse.execute(self.statement(load.from_partials, load, target, file_load.file), lines.encode(), SETTINGS)


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
