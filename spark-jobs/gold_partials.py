"""Engine spark: silver rows to the partials that travel to ClickHouse, in native expressions."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract_gold import STATE_LOADS, StateLoad


def partials(silver: DataFrame, business_time_zone: str) -> DataFrame:
    """Silver's columns and `file` (long, a file's number) in; a row a file and state table out.

    Columns out: file (long), table (int, the place in STATE_LOADS), lines (string, one JSON object a group).
    """
    tables = [table_partials(silver, number, load, business_time_zone) for number, load in enumerate(STATE_LOADS)]
    return reduce(DataFrame.unionAll, tables)


def table_partials(silver: DataFrame, number: int, load: StateLoad, business_time_zone: str) -> DataFrame:
    """The partials of one state table; columns as in partials()."""
    events = silver.selectExpr("file", *(event.replace("{business_time_zone}", business_time_zone) for event in load.events))
    counted = events.where(load.where) if load.where else events
    keys = [F.expr(expression).alias(name) for name, expression in load.keys]
    groups = counted.groupBy("file", *keys).agg(*(F.expr(expression).alias(name) for name, expression in load.partials))
    names = [name for name, _ in (*load.keys, *load.partials)]
    lines = groups.select("file", F.to_json(F.struct(*names)).alias("line"))
    return lines.groupBy("file").agg(F.lit(number).alias("table"), F.concat_ws("\n", F.collect_list("line")).alias("lines"))
