"""Engine spark: silver rows to the partials that travel to ClickHouse, in native expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract_gold import SILVER_IN_RANGE, STATE_LOADS, StateLoad


def partials(silver: DataFrame, business_offset_us: str) -> DataFrame:
    """Silver's columns and `file` (long, a file's number) in; a row a file and state table out.

    Columns out: file (long), table (int, the place in STATE_LOADS), lines (string, one JSON object a group).
    `business_offset_us`: the business day's offset from UTC in microseconds, an expression over event_time.
    """
    silver = silver.withColumns({name: F.expr(expression) for name, expression in SILVER_IN_RANGE})
    of_all_events = {number: load for number, load in enumerate(STATE_LOADS) if not load.where}
    tables = [table_partials(silver, number, load, business_offset_us) for number, load in enumerate(STATE_LOADS) if load.where]
    return reduce(DataFrame.unionAll, [rolled_up(silver, of_all_events, business_offset_us), *tables])


def table_partials(silver: DataFrame, number: int, load: StateLoad, business_offset_us: str) -> DataFrame:
    """The partials of one state table from a scan of its own; columns as in partials()."""
    counted = _events(silver, [load], business_offset_us).where(load.where)
    keys = [F.expr(expression).alias(name) for name, expression in load.keys]
    groups = counted.groupBy("file", *keys).agg(*(F.expr(expression).alias(name) for name, expression, _ in load.partials))
    names = [name for name, _ in load.keys] + [name for name, *_ in load.partials]
    return _joined(groups.select("file", F.lit(number).alias("table"), F.to_json(F.struct(*names)).alias("line")))


def rolled_up(silver: DataFrame, loads: Mapping[int, StateLoad], business_offset_us: str) -> DataFrame:
    """The partials of state tables that count every event, all from one scan; columns as in partials().

    Events are grouped once by the keys of all the tables. These few groups are merged into each table's own.
    """
    keys = _unique(key for load in loads.values() for _, key in load.keys)
    merges = {expression: merge for load in loads.values() for _, expression, merge in load.partials}
    names = {expression: f"partial_{place}" for place, expression in enumerate(merges)}
    events = _events(silver, loads.values(), business_offset_us)
    groups = events.groupBy("file", *keys).agg(*(F.expr(expression).alias(name) for expression, name in names.items()))

    key_names = _unique(name for load in loads.values() for name, _ in load.keys)
    places = ", ".join(f"named_struct('table', {number}, {_fields(dict(load.keys), key_names)})" for number, load in loads.items())
    # All groups of a file meet in one task: what follows needs no other exchange.
    places_of_groups = groups.repartition("file").selectExpr("file", *names.values(), f"inline(array({places}))")
    merged = places_of_groups.groupBy("file", "table", *key_names).agg(
        *(F.expr(merge.replace("{partial}", names[expression])).alias(names[expression]) for expression, merge in merges.items())
    )
    lines = [F.when(F.col("table") == number, _line(load, names)) for number, load in loads.items()]
    return _joined(merged.select("file", "table", F.coalesce(*lines).alias("line")))


def _events(silver: DataFrame, loads: Iterable[StateLoad], business_offset_us: str) -> DataFrame:
    expressions = _unique(event for load in loads for event in load.events)
    return silver.selectExpr("file", *(expression.replace("{business_offset_us}", business_offset_us) for expression in expressions))


def _fields(keys: Mapping[str, str], names: Iterable[str]) -> str:
    return ", ".join(f"'{name}', {keys.get(name, 'NULL')}" for name in names)


def _line(load: StateLoad, names: Mapping[str, str]) -> Column:
    """A group as JSON, each partial under its table's name for it."""
    partials = (F.col(names[expression]).alias(name) for name, expression, _ in load.partials)
    return F.to_json(F.struct(*(name for name, _ in load.keys), *partials))


def _joined(lines: DataFrame) -> DataFrame:
    """Columns file, table, line (a group) in; file, table, lines out."""
    return lines.groupBy("file", "table").agg(F.concat_ws("\n", F.collect_list("line")).alias("lines"))


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
