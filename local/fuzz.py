"""`npm run fuzz`: the jobs' parser, the reference parser and both gold engines read the same hostile values, side by side.

Each value's silver columns or reason have to be the reference's; what gold sees of each silver row has to be the same by
Spark's expressions, by ClickHouse's and by plain Python. It shares no code with the jobs, which it runs as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from local.clickhouse import WRITER, ClickHouse
from local.fuzz_values import Value, Values, smaller
from local.recount import normalized
from local.reference_parser import Parse, reference_parser

BATCH = 50_000
ZONES = (("UTC", "UTC"), ("Europe/Berlin", "America/New_York"), ("Asia/Seoul", "Pacific/Kiritimati"), ("UTC", "Pacific/Pago_Pago"))
"""The zone of times that name none, and the business day's, batch by batch."""

_TEXTS = ("raw_json_clean", "event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status")
_SILVER = pa.schema(
    [("reason", pa.string()), *((name, pa.string()) for name in _TEXTS), ("is_failed", pa.bool_()), *((name, pa.int64()) for name in ("event_time", "bytes", "latency_ms"))]
)
_GOLD_TEXTS = ("route", "method", "type", "action", "user", "session")
_GOLD_NUMBERS = ("minute", "event_hour", "business_date", "failed", "incomplete", "sized", "size", "event_us", "delay_us")
_GOLD = pa.schema([*((name, pa.string()) for name in _GOLD_TEXTS), *((name, pa.int64()) for name in _GOLD_NUMBERS)])
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Difference:
    """A value that two readers read in two ways."""

    value: Value
    kafka_us: int
    zones: tuple[str, str]
    readers: str
    found: dict[str, Any]
    wanted: dict[str, Any]

    def __str__(self) -> str:
        names = [name for name in self.wanted if self.found.get(name) != self.wanted[name]]
        shown = "\n".join(f"    {name}: {self.found.get(name)!r:.300} against {self.wanted[name]!r:.300}" for name in names)
        return f"{self.readers} ({', '.join(self.zones)}; Kafka timestamp {self.kafka_us} us) on the value {self.value!r:.2000}\n{shown}"


def expected_silver(values: Iterable[Value], parse: Parse) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in _SILVER.names}
    appends = [(name, column.append) for name, column in columns.items()]
    nothing: dict[str, object] = {}
    for value in values:
        event = parse(value)
        row = {"reason": event} if isinstance(event, str) else event
        get = (row or nothing).get
        for name, append in appends:
            append(get(name))
    return pa.table(columns, _SILVER)


def expected_gold(silver: pa.Table, kafka_us: Sequence[int], business_time_zone: str) -> pa.Table:
    """What gold sees of silver's rows, by the contract's words."""
    columns: dict[str, list[Any]] = {name: [] for name in _GOLD.names}
    zone = None if business_time_zone == "UTC" else ZoneInfo(business_time_zone)
    names = ("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "is_failed", "event_time", "bytes")
    add = {name: column.append for name, column in columns.items()}
    for kafka, event_type, action, user, session, method, endpoint, failed, us, size in zip(kafka_us, *(silver[name].to_pylist() for name in names), strict=True):
        add["route"](normalized(endpoint) or "")
        add["method"](method or "")
        add["type"](event_type or "")
        add["action"](action or "")
        add["user"](user or "")
        add["session"](session or "")
        add["minute"](us // 60_000_000 * 60)
        add["event_hour"](us // 3_600_000_000 * 3600)
        add["business_date"](us // 86_400_000_000 if zone is None else _day(us, zone))
        add["failed"](int(failed))
        add["incomplete"](int(None in (event_type, user, endpoint, method)))
        add["sized"](int(size is not None))
        add["size"](size or 0)
        add["event_us"](us)
        add["delay_us"](kafka - us)
    return pa.table(columns, _GOLD)


def _day(us: int, zone: ZoneInfo) -> int:
    moment = zone.fromutc((_EPOCH + timedelta(seconds=us // 1_000_000)).replace(tzinfo=zone))
    return moment.toordinal() - _EPOCH.toordinal()


class Readers:
    """The jobs' expressions on a Spark session and on a ClickHouse server."""

    def __init__(self, spark: Any, clickhouse: ClickHouse, folder: Path) -> None:
        from contract_gold import STATE_LOADS
        from event_parser import parse

        self._spark, self._clickhouse, self._folder, self._parse = spark, clickhouse, folder, parse
        self._of_spark = {event.rpartition(" AS ")[2]: event.rpartition(" AS ")[0] for load in STATE_LOADS for event in load.events}
        self._of_clickhouse: dict[str, str] = {}
        for load in STATE_LOADS:
            inner = re.search(r"FROM \(SELECT (.*?) FROM (?:\{source\}|\(SELECT)", load.from_file, re.DOTALL)
            for column, following in _named(inner[1] if inner else "", self._of_spark):
                self._of_clickhouse[following] = column
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        clickhouse.execute("CREATE DATABASE IF NOT EXISTS fuzz")
        structure = ", ".join(f"{name} Nullable(String)" for name in _TEXTS)
        clickhouse.execute(
            f"CREATE OR REPLACE TABLE fuzz.silver (place Int64, kafka_timestamp DateTime64(6, 'UTC'), event_time DateTime64(6, 'UTC'), is_failed Bool, bytes Nullable(Int64), "
            f"latency_ms Nullable(Int64), {structure}) ENGINE = Memory"
        )

    def silver(self, values: Sequence[Value], time_zone: str) -> pa.Table:
        from pyspark.sql import functions as F

        source = self._folder / "values"
        source.mkdir(exist_ok=True)
        pq.write_table(pa.table({"place": pa.array(range(len(values)), pa.int64()), "value": pa.array(values, pa.binary())}), source / "values.parquet", compression="none")
        rows = self._parse(self._spark.read.schema("place BIGINT, value BINARY").parquet(f"file://{source}").coalesce(1), time_zone)
        rows.select("place", "reason", *_TEXTS, "is_failed", F.unix_micros("event_time").alias("event_time"), "bytes", "latency_ms").write.mode("overwrite").parquet(
            self._url("silver")
        )
        table = self._read("silver").cast(pa.schema([("place", pa.int64()), *_SILVER]))
        # What a record in quarantine has in its other columns is nobody's.
        is_silver = table["reason"].is_null()
        empty = {name: pa.compute.if_else(is_silver, table[name], pa.scalar(None, table[name].type)) for name in _SILVER.names if name != "reason"}
        return pa.table({"reason": table["reason"], **empty}, _SILVER)

    def gold(self, silver: pa.Table, kafka_us: Sequence[int], business_time_zone: str) -> tuple[pa.Table, pa.Table]:
        """What gold sees of silver's rows, by Spark and by ClickHouse."""
        places = pa.array(range(len(silver)), pa.int64())
        times = {"event_time": silver["event_time"].cast(pa.timestamp("us", "UTC")), "kafka_timestamp": pa.array(kafka_us, pa.timestamp("us", "UTC"))}
        table = pa.table({"place": places, **{name: silver[name] for name in silver.schema.names if name not in ("reason", "event_time")}, **times})
        source = self._folder / "rows"
        source.mkdir(exist_ok=True)
        pq.write_table(table, source / "rows.parquet", compression="none")
        return self._gold_of_spark(source, business_time_zone), self._gold_of_clickhouse(source / "rows.parquet", business_time_zone)

    def _gold_of_spark(self, source: Path, business_time_zone: str) -> pa.Table:
        def expression(name: str) -> str:
            one = self._of_spark[name].replace("{business_offset_us}", self._offset_us(business_time_zone, "unix_micros(event_time)"))
            return one if name in _GOLD_TEXTS else f"unix_date({one})" if name == "business_date" else f"cast({one} AS bigint)"

        rows = self._spark.read.parquet(f"file://{source}").coalesce(1)
        rows.selectExpr("place", *(f"{expression(name)} AS {name}" for name in _GOLD.names)).write.mode("overwrite").parquet(self._url("gold"))
        return self._read("gold").select(_GOLD.names).cast(_GOLD)

    def _gold_of_clickhouse(self, file: Path, business_time_zone: str) -> pa.Table:
        def expression(name: str) -> str:
            one = self._of_clickhouse[name].replace("{business_offset_us}", self._offset_us(business_time_zone, "toUnixTimestamp64Micro(event_time)"))
            return one if name in _GOLD_TEXTS else f"toInt64({one})"

        self._clickhouse.execute("TRUNCATE TABLE fuzz.silver")
        self._answer("INSERT INTO fuzz.silver FORMAT Parquet", file.read_bytes())
        columns = ", ".join(f"{expression(name)} AS gold_{name}" for name in _GOLD.names)
        answer = self._answer(f"SELECT {columns} FROM fuzz.silver ORDER BY place FORMAT ArrowStream", b"", output_format_arrow_string_as_string="1")
        table = pa.ipc.open_stream(answer).read_all()
        return table.rename_columns(_GOLD.names).cast(_GOLD)

    def _offset_us(self, business_time_zone: str, micros: str) -> str:
        from business_day import END, FIRST, business_day

        return business_day(business_time_zone).offset_us(micros, int(FIRST.timestamp()), int(END.timestamp()) - 1)

    def _answer(self, statement: str, body: bytes, **settings: str) -> bytes:
        server = self._clickhouse
        query = urllib.parse.urlencode({"query": statement, **settings})
        request = urllib.request.Request(f"{server.url}/?{query}", data=body)
        request.add_header("Authorization", "Basic " + b64encode(f"{WRITER}:{server.password}".encode()).decode())
        with urllib.request.urlopen(request, timeout=300) as answer:
            return bytes(answer.read())

    def _url(self, name: str) -> str:
        return f"file://{self._folder / name}"

    def _read(self, name: str) -> pa.Table:
        return pa.concat_tables(pq.read_table(file) for file in sorted((self._folder / name).glob("*.parquet"))).sort_by("place")


def _named(text: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """(expression, name) of a list of `expression AS name`, whose names are known."""
    found, start = [], 0
    for match in re.finditer(rf" AS ({'|'.join(names)})(?:, |$)", text):
        found.append((text[start : match.start()], match[1]))
        start = match.end()
    return found


def differences(readers: Readers, values: Sequence[Value], kafka_us: Sequence[int], zones: tuple[str, str], expected: pa.Table | None = None) -> list[Difference]:
    """Every value that is not read alike, of each step once."""
    wanted = expected_silver(values, reference_parser(zones[0])) if expected is None else expected
    found = readers.silver(values, zones[0])
    places = _unlike(found, wanted)
    unlike = [Difference(values[place], kafka_us[place], zones, "the job's parser against the reference", _row(found, place), _row(wanted, place)) for place in places]
    silver = wanted.filter(wanted["reason"].is_null())
    if len(silver) == 0:
        return unlike
    of_silver = [place for place, reason in enumerate(wanted["reason"].to_pylist()) if reason is None]
    times = [kafka_us[place] for place in of_silver]
    by_spark, by_clickhouse = readers.gold(silver, times, zones[1])
    by_hand = expected_gold(silver, times, zones[1])
    for name, by_engine in (("gold by Spark against plain Python", by_spark), ("gold by ClickHouse against plain Python", by_clickhouse)):
        unlike += [Difference(values[of_silver[place]], times[place], zones, name, _row(by_engine, place), _row(by_hand, place)) for place in _unlike(by_engine, by_hand)]
    return unlike


def _unlike(found: pa.Table, wanted: pa.Table) -> list[int]:
    if len(found) != len(wanted):
        raise RuntimeError(f"{len(found)} rows came back of {len(wanted)}")
    if found.equals(wanted):
        return []
    places: set[int] = set()
    for name in wanted.schema.names:
        if not found[name].equals(wanted[name]):
            places |= {place for place, (one, other) in enumerate(zip(found[name].to_pylist(), wanted[name].to_pylist(), strict=True)) if one != other}
    return sorted(places)


def _row(table: pa.Table, place: int) -> dict[str, Any]:
    return {name: table[name][place].as_py() for name in table.schema.names}


def shrunk(readers: Readers, difference: Difference, seconds: float = 40) -> Difference:
    """A shorter value on which the same readers differ."""
    ends = time.monotonic() + seconds
    while difference.value and time.monotonic() < ends:
        candidates = [*dict.fromkeys(one for one, _ in zip(smaller(difference.value), range(400), strict=False))]
        found = differences(readers, candidates, [difference.kafka_us] * len(candidates), difference.zones)
        same = [one for one in found if one.readers == difference.readers]
        if not same:
            break
        difference = min(same, key=lambda one: len(one.value or b""))
    return difference


@dataclass
class Tally:
    """What a run has compared."""

    values: int = 0
    silver: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    different: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.reasons.most_common())
        return f"{self.values:,} values, {self.silver:,} of them events ({reasons}); {self.different:,} differences; {self.values / max(self.seconds, 1e-9):,.0f} values/s"


def fuzz(readers: Readers, seed: int, count: int, say: Callable[[str], None], minutes: float = 1e9, stop_after: int = 20) -> tuple[Tally, list[Difference]]:
    """Compares batch after batch until enough values, minutes or kinds of differences; gives each kind's first difference."""
    begun = time.monotonic()
    tally, kinds = Tally(), dict[tuple[Any, ...], Difference]()
    batches = [(number, min(BATCH, count - number * BATCH)) for number in range(-(-count // BATCH))]

    def made(number: int, size: int) -> tuple[list[Value], list[int], pa.Table]:
        source = Values(seed, number)
        values = source.take(size)
        return values, source.kafka_micros(size), expected_silver(values, reference_parser(ZONES[number % len(ZONES)][0]))

    with ThreadPoolExecutor(1) as worker:
        # The readers work on a batch while this thread makes the next one.
        ahead = made(*batches[0])
        for (number, size), following in zip(batches, [*batches[1:], None], strict=True):
            values, times, wanted = ahead
            comparison = worker.submit(differences, readers, values, times, ZONES[number % len(ZONES)], wanted)
            if following is not None:
                ahead = made(*following)
            unlike = comparison.result()
            tally.values += size
            tally.different += len(unlike)
            tally.silver += wanted["reason"].null_count
            tally.reasons.update(reason for reason in wanted["reason"].to_pylist() if reason is not None)
            tally.seconds = time.monotonic() - begun
            for one in unlike:
                kind = (one.readers, *(name for name in one.wanted if one.found.get(name) != one.wanted[name]), one.found.get("reason"), one.wanted.get("reason"))
                if kind not in kinds:
                    say(f"different: {one}")
                kinds.setdefault(kind, one)
            say(f"batch {number} of seed {seed}: {tally}")
            if tally.seconds > minutes * 60 or len(kinds) >= stop_after:
                break
    return tally, list(kinds.values())


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    sys.path.insert(0, str(options.jobs.resolve()))
    import session
    from local import spark as local_spark

    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        import os

        folder = Path(name)
        os.environ.update(local_spark.session_environment(folder / "spark", cores=1))
        with ClickHouse(folder / "clickhouse") as clickhouse:
            spark = session.create("fuzz")
            try:
                readers = Readers(spark, clickhouse, folder)
                tally, found = fuzz(readers, options.seed, options.values, lambda line: print(line, flush=True), options.minutes)
                for difference in found[:5]:
                    print(f"\nseed {options.seed}: {shrunk(readers, difference)}", flush=True)
            finally:
                spark.stop()
    print(f"\nseed {options.seed}: {tally}")
    return 1 if found else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="npm run fuzz --", description="Holds the jobs' parser and gold's expressions to the reference on hostile values.")
    parser.add_argument("--seed", type=int, default=1, help="what the values are made from (default 1)")
    parser.add_argument("--values", type=int, default=1_000_000, help="how many to compare (default 1,000,000)")
    parser.add_argument("--minutes", type=float, default=1e9, help="when to end at the latest (default: never)")
    parser.add_argument("--jobs", type=Path, default=Path(__file__).parents[1] / "spark-jobs", help="the folder of the jobs' code (default spark-jobs)")
    options = parser.parse_args(arguments)
    if options.values < 1:
        parser.error(f"--values {options.values}; compare at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
