"""No expression over text costs more than in proportion to the text: not the parser's, not gold's on either engine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contract_gold import STATE_LOADS
from event_parser import parse
from local.clickhouse import ClickHouse

LENGTHS = (2**12, 2**16, 2**20)
CHARACTERS = {"slash": "/", "bracket": "[", "space": " ", "digit": "1", "quote": '"', "backslash": "\\", "brace": "{", "equals": "=", "letter": "A", "line separator": "\u2028"}
# What stands around the repeated character, so that it is met by each kind of expression.
PLACES = {
    "a whole value": ("", "x"),
    "a prefix": ("", "[A] - X user=1 GET /a API_CALL time=2026-01-15T00:00:00"),
    "a path": ("[A] - X user=1 GET /", "x API_CALL time=2026-01-15T00:00:00"),
    "an event type": ("[A", "[A] - X time=2026-01-15T00:00:00"),
    "a user": ("[A] - X user=", "x GET /a API_CALL time=2026-01-15T00:00:00"),
    "a time": ("[A] - X time=2026-01-15T00:00:00", " GET /a"),
    "the end": ("[A] - X user=1 GET /a API_CALL time=2026-01-15T00:00:00 session=", "x"),
    "a JSON string": ('{"event_type":"A","endpoint":"/', '","event_time":"2026-01-15T00:00:00"}'),
    "braces": ("{", "}"),
}


def check(cost: Callable[[int], float]) -> None:
    """Sixteen times the length may cost forty-eight times the CPU; a quadratic expression takes 256 times it."""
    before = cost(LENGTHS[0])
    for length in LENGTHS[1:]:
        now = cost(length)
        assert now <= 48 * max(before, 0.1), f"{length} characters take {now:.2f} CPU seconds, a sixteenth of them takes {before:.2f}"
        before = now


def cpu_seconds(spark: SparkSession, rows: DataFrame) -> float:
    """What the tasks take that compute every column of the rows."""
    group = "linear cost"
    context = spark.sparkContext
    context.setJobGroup(group, group)
    known = set(context.statusTracker().getJobIdsForGroup(group))
    rows.select(F.count(F.hash(*rows.columns))).collect()
    java = context._jsc.sc()
    java.listenerBus().waitUntilEmpty()
    infos = [context.statusTracker().getJobInfo(job) for job in set(context.statusTracker().getJobIdsForGroup(group)) - known]
    times = [java.statusStore().lastStageAttempt(stage).executorCpuTime() for info in infos if info is not None for stage in info.stageIds]
    return float(sum(times)) / 1e9


def filled(place: str, character: str, length: int) -> str:
    before, after = PLACES[place]
    return before + character * ((length - len(before) - len(after) - 8) // len(character.encode())) + after


@pytest.mark.parametrize("character", CHARACTERS)
def test_the_parser_takes_time_in_proportion(spark: SparkSession, character: str) -> None:
    spark.conf.set("spark.sql.session.timeZone", "UTC")

    def cost(length: int) -> float:
        values = [(filled(place, CHARACTERS[character], length).encode(),) for place in PLACES]
        return cpu_seconds(spark, parse(spark.createDataFrame(values, "value BINARY").coalesce(1), "UTC"))

    check(cost)


def endpoints(length: int) -> list[str]:
    """The paths that are hardest to normalize."""
    return ["/" + character * (length // len(character.encode())) + end for character in ("/", "1", "a", "A", "-", "?", "\u2028", "/1", "1/", "a/") for end in ("", "X", "/")]


def test_gold_by_spark_takes_time_in_proportion(spark: SparkSession) -> None:
    route = next(event for load in STATE_LOADS for event in load.events if event.endswith(" AS route"))

    def cost(length: int) -> float:
        rows = spark.createDataFrame([(path,) for path in endpoints(length)], "endpoint STRING").coalesce(1)
        return cpu_seconds(spark, rows.selectExpr(route))

    check(cost)


def test_gold_by_clickhouse_takes_time_in_proportion(clickhouse: ClickHouse) -> None:
    inner = next(found[1] for load in STATE_LOADS if (found := re.search(r"FROM \(SELECT (.* AS route), ", load.from_file, re.DOTALL)))
    route = inner[inner.index("multiIf(endpoint") :]
    assert clickhouse.process is not None
    stat = Path(f"/proc/{clickhouse.process.pid}/stat")

    def ticks() -> float:
        return sum(int(field) for field in stat.read_text().rpartition(")")[2].split()[11:13]) / 100

    def cost(length: int) -> float:
        texts = ", ".join(f"concat('/', repeat('{path[1] * 16}', {length // 16}), '{path[-1]}')" for path in ("//X", "/1X", "/aX", "/AX", "/-/", "/?X", "///"))
        before = ticks()
        clickhouse.execute(f"SELECT sum(length({route})) FROM (SELECT materialize(CAST(arrayJoin([{texts}]), 'Nullable(String)')) AS endpoint)")
        return ticks() - before

    check(cost)
