"""Brings a ClickHouse database to the contract: creates what is missing, adds columns, replaces views.

It never deletes: a change that would is refused with the statement that a person has to run. Idempotent.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence

from clickhouse import ClickHouse, literal
from contract_clickhouse import TABLES, VIEWS, Table, View
from job_log import JobError, fail, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: the database is as the contract says. 1: one sentence, or one a refused change, on standard error."""
    options = _options(arguments)
    password = os.environ.get("CLICKHOUSE_PASSWORD")
    try:
        if password is None:
            raise JobError("CLICKHOUSE_PASSWORD is not set; set it to the password of --clickhouse-user")
        apply(ClickHouse(options.clickhouse_url, options.clickhouse_user, password, options.database), options.retention_days)
    except JobError as error:
        return fail(error)
    return 0


def apply(clickhouse: ClickHouse, retention_days: int | None) -> None:
    """Raises JobError, with every refused change, before anything is changed."""
    clickhouse.execute(f"CREATE DATABASE IF NOT EXISTS {clickhouse.database}")
    refuse_former_tables(clickhouse)
    plans = [plan_table(clickhouse, table, retention_days) for table in TABLES]
    refusals = [refusal for _, refused in plans for refusal in refused]
    if refusals:
        raise JobError("\n".join(refusals))
    for statement in [statement for statements, _ in plans for statement in statements]:
        clickhouse.execute(statement)
        say("applied", statement=statement.split("\n")[0].split("(")[0].strip())
    for view in VIEWS:
        # A view holds no data: it is always written, and readers see the old or the new one.
        clickhouse.execute(create_view(view, clickhouse.database))
    say("schema is as the contract says", database=clickhouse.database, tables=len(TABLES), views=len(VIEWS))


def refuse_former_tables(clickhouse: ClickHouse) -> None:
    """Raises JobError when the state tables are of a version that did not keep sums a load.

    What such a row sums up cannot be told apart again, and the silver of most of its days has expired: so a person decides.
    """
    there = {
        name for (name,) in clickhouse.rows(f"SELECT table FROM system.columns WHERE database = {literal(clickhouse.database)} GROUP BY table HAVING countIf(name = 'load') = 0")
    }
    former = [table.name for table in TABLES if table.name in there and any(column == "load" for column, _, _ in table.columns)]
    if former:
        moves = ", ".join(f"{clickhouse.database}.{name} TO {clickhouse.database}.former_{name}" for name in former)
        raise JobError(
            f"{len(former)} tables of {clickhouse.database} ({', '.join(former)}) are of an earlier version, whose sums do not say which files they hold; "
            f"stop the gold job, move them away with: RENAME TABLE {moves}; then run schema_job.py again and start the gold job, "
            "which counts every silver file that is still there anew (metrics_incomplete_days lists the days of those that are not)"
        )


def plan_table(clickhouse: ClickHouse, table: Table, retention_days: int | None) -> tuple[list[str], list[str]]:
    """What to run to bring one table to the contract, and a sentence for each change that is refused."""
    name = f"{clickhouse.database}.{table.name}"
    place = f"database = {literal(clickhouse.database)} AND table = {literal(table.name)}"
    columns = {column: (_normal(type_), comment) for column, type_, comment in clickhouse.rows(f"SELECT name, {_one_line('type')}, comment FROM system.columns WHERE {place}")}
    if not columns:
        return [create_table(table, clickhouse.database, retention_days)], []
    run: list[str] = []
    refused: list[str] = []
    for column, type_, comment in table.columns:
        if column not in columns and column in table.order_by:
            refused.append(f"table {name} is not sorted by {column}, as the contract says; to lose its rows and build them anew, run: DROP TABLE {name} SYNC")
        elif column not in columns:
            run.append(f"ALTER TABLE {name} ADD COLUMN {column} {type_} COMMENT {literal(comment)}")
        elif columns[column][0] != _normal(type_):
            statement = f"ALTER TABLE {name} MODIFY COLUMN {column} {type_}"
            refused.append(f"column {column} of table {name} is {columns[column][0]}, the contract says {type_}; to change what is stored, run: {statement}")
        elif columns[column][1] != comment:
            run.append(f"ALTER TABLE {name} COMMENT COLUMN {column} {literal(comment)}")
    known = [column for column, _, _ in table.columns]
    for column in columns:
        if column not in known:
            refused.append(f"column {column} of table {name} is not in the contract; to delete its values, run: ALTER TABLE {name} DROP COLUMN {column}")
    engine, partition_by, order_by, definition = clickhouse.rows(
        f"SELECT engine, partition_key, sorting_key, {_one_line('create_table_query')} FROM system.tables WHERE database = {literal(clickhouse.database)} AND name = {literal(table.name)}"
    )[0]
    for what, found, wanted in (
        ("engine", engine, table.engine),
        ("partition key", partition_by or "tuple()", table.partition_by),
        ("sorting key", order_by, ", ".join(table.order_by)),
    ):
        if _normal(found).strip("()") != _normal(wanted).strip("()"):
            statement = f"DROP TABLE {name} SYNC"
            refused.append(f"the {what} of table {name} is {found}, the contract says {wanted}; to lose its rows and build them anew, run: {statement}")
    changed = [f"{setting} = {value}" for setting, value in table.settings.items() if not re.search(rf"\b{setting} = {value}\b", definition)]
    if changed:
        run.append(f"ALTER TABLE {name} MODIFY SETTING {', '.join(changed)}")
    if retention_days is not None and table.day is not None:
        statement = f"ALTER TABLE {name} MODIFY TTL {_ttl(table.day, retention_days)}"
        found_days = re.search(r"toIntervalDay\((\d+)\)", definition)
        days = int(found_days.group(1)) if found_days else None
        if days is None or days > retention_days:
            kept = "for ever" if days is None else f"{days} days"
            refused.append(f"table {name} keeps its rows {kept}, --retention-days says {retention_days}; to delete older rows, run: {statement}")
        elif days < retention_days:
            run.append(statement)
    return run, refused


def create_table(table: Table, database: str, retention_days: int | None) -> str:
    """CREATE TABLE IF NOT EXISTS, with a TTL when rows are to leave."""
    columns = ",\n".join(f"  {name} {type_} COMMENT {literal(comment)}" for name, type_, comment in table.columns)
    settings = ", ".join(f"{name} = {value}" for name, value in table.settings.items())
    parts = [
        f"CREATE TABLE IF NOT EXISTS {database}.{table.name}\n(\n{columns}\n)",
        f"ENGINE = {table.engine}",
        f"PARTITION BY {table.partition_by}",
        f"ORDER BY ({', '.join(table.order_by)})",
        *([f"TTL {_ttl(table.day, retention_days)}"] if retention_days is not None and table.day is not None else []),
        *([f"SETTINGS {settings}"] if settings else []),
        f"COMMENT {literal(table.comment)}",
    ]
    return "\n".join(parts)


def create_view(view: View, database: str) -> str:
    """CREATE OR REPLACE VIEW."""
    select = view.select.replace("{database}", database)
    return f"CREATE OR REPLACE VIEW {database}.{view.name} AS\n{select}\nCOMMENT {literal(view.comment)}"


def _ttl(day: str, days: int) -> str:
    return f"{day} + toIntervalDay({days})"


def _one_line(column: str) -> str:
    return f"replaceAll({column}, '\\n', ' ')"


def _normal(text: str) -> str:
    """Types and keys without white space, which ClickHouse sets in its own way."""
    return re.sub(r"\s+", "", text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Brings a ClickHouse database to the contract. The password is in CLICKHOUSE_PASSWORD.")
    parser.add_argument("--clickhouse-url", required=True, help="HTTP interface, e.g. http://clickhouse.storage:8123")
    parser.add_argument("--clickhouse-user", required=True, help="a user that may create tables and views")
    parser.add_argument("--database", default="logs", help="default: %(default)s")
    parser.add_argument("--retention-days", type=int, help="how long states are kept; default: for ever")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
