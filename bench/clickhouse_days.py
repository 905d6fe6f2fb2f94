"""`npm run bench:clickhouse`: what the ClickHouse server needs with days of data, as the chart configures it.

A day is 4,320,000 events (50 a second), ten a session, 200,000 users, in 1,440 loads of a minute. The contract's own
INSERTs make the first day, of which the others are copies with loads of their own. `--sums-only` copies what is kept a
load, without the sets: then 90 days fit a small disk, and what the loads cost stands alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from business_day import business_day
from clickhouse import ClickHouse as Client
from contract_gold import STATE_LOADS
from gold_ledger import Target
from gold_load import SETTINGS, Loader
from local import manifests
from local.clickhouse import READER, WRITER, ClickHouse, ClickHouseError
from local.usage import of_group
from schema_job import apply

_RATE = 50
_FIRST_DAY = "2026-01-15"
_NO_LOAD = "toUUID('00000000-0000-0000-0000-000000000000')"
_ALL_ROWS = Target("1", "0")
_SERVER_SETTINGS = ("max_server_memory_usage", "background_pool_size", "background_schedule_pool_size", "merge_tree")
_VIEWS = (("server_health_minutely", "minute"), ("operational_hourly", "hour"), ("business_daily", "date"), ("funnel_daily", "date"), ("data_quality_hourly", "hour"))


def events(day: int, first_second: int, seconds: int) -> str:
    """A table expression with the columns of silver that the INSERTs read."""
    number = f"({day * 86400 + first_second} * {_RATE} + number)"
    time = f"toDateTime64('{_FIRST_DAY} 00:00:00', 6, 'UTC') + toIntervalMicrosecond({number} * {1_000_000 // _RATE})"
    session = f"cityHash64(intDiv({number}, 10))"
    actions = "['MAIN', 'SEARCH', 'CATEGORY', 'ITEM', 'CART_ADD', 'ORDER', 'ORDER_STATUS']"
    endpoints = "['/main', '/search', '/store/category', '/store/17', '/cart', '/order', '/orderstatus']"
    return f"""(SELECT toInt32({session} % 6) AS partition, toInt64({number}) AS offset, {time} AS event_time, event_time + toIntervalMillisecond(20) AS kafka_timestamp,
        CAST('GET', 'Nullable(String)') AS http_method, CAST('API_FINISH', 'Nullable(String)') AS status, {number} % 100 = 0 AS is_failed,
        CAST('USER_ACTIVITY', 'Nullable(String)') AS event_type, toNullable(toString({session} % 200000)) AS user_id,
        toNullable({endpoints}[1 + {number} % 7]) AS endpoint, toNullable({actions}[1 + {number} % 7]) AS action_type,
        toNullable(lower(hex({session}))) AS session_id, toNullable(toInt64(2000 + cityHash64({number}) % 8000)) AS bytes
        FROM numbers({seconds * _RATE}))"""


def chart_settings() -> tuple[str, int]:
    """What the server's configuration in dist/ says of memory and pools, and what one query of a reader may use."""
    (files,) = [one["data"] for one in manifests.of_kind("ConfigMap") if "users.xml" in one["data"]]
    server, users = (ElementTree.fromstring(files[name]) for name in ("config.xml", "users.xml"))
    chosen = [entry for entry in server if entry.tag in _SERVER_SETTINGS or entry.tag.endswith("cache_size")]
    return "".join(ElementTree.tostring(entry, encoding="unicode") for entry in chosen), int(users.findtext("profiles/readonly/max_memory_usage") or 0)


class Days:
    """A server that is filled day by day."""

    def __init__(self, folder: Path) -> None:
        settings, self.query_bytes = chart_settings()
        self.server = ClickHouse(folder, settings=settings)

    def say(self, step: str) -> None:
        assert self.server.process is not None
        (used,) = of_group(self.server.process.pid)
        mib = [f"{size / 2**20:8,.0f}" for size in (used.resident_bytes, used.peak_resident_bytes)]
        print(f"{step:56}{used.cpu_seconds:8.1f} s {mib[0]} MiB {mib[1]} MiB", flush=True)

    @property
    def client(self) -> Client:
        return Client(self.server.url, WRITER, self.server.password, "logs")

    def load(self, day: int, seconds: range) -> None:
        """One load for each step of the range."""
        loader = Loader(self.client, business_day("UTC"), "")
        for first in seconds:
            source = events(day, first, seconds.step)
            for load in STATE_LOADS:
                loader.clickhouse.execute(loader.statement(load.from_file, load, _ALL_ROWS, f"{day}-{first}-{seconds.step}", source), settings=SETTINGS)

    def load_hours(self, day: int) -> None:
        """The same as a load a minute, but an INSERT an hour: with the event's minute in place of its file."""
        loader = Loader(self.client, business_day("UTC"), "")
        for first in range(0, 86_400, 3_600):
            for load in STATE_LOADS:
                text = load.from_file.replace("toUUID('{load}')", "reinterpret(sipHash128(load_minute), 'UUID')")
                text = text.replace("\nFROM (SELECT ", "\nFROM (SELECT toStartOfMinute(event_time) AS load_minute, ")
                text = text.replace("FROM (\nSELECT ", "FROM (\nSELECT load_minute, ").replace("GROUP BY ", "GROUP BY load_minute, ")
                loader.clickhouse.execute(loader.statement(text, load, _ALL_ROWS, "", events(day, first, 3_600)), settings=SETTINGS)

    def copy(self, day: int, is_sums_only: bool) -> None:
        """Fills a day with the first one's states."""
        for load in STATE_LOADS:
            table, key = f"logs.{load.table}", load.day.removeprefix("toDate(").removesuffix(")")
            of_load = f"if(states.load = {_NO_LOAD}, states.load, reinterpret(sipHash128(states.load, {day}), 'UUID')) AS load"
            moved = f"SELECT * REPLACE (states.{key} + INTERVAL {day} DAY AS {key}, {of_load}) FROM {table} AS states WHERE toDate(states.{key}) = '{_FIRST_DAY}'"
            self.server.execute(f"INSERT INTO {table} {moved}" + (f" AND states.load != {_NO_LOAD}" if is_sums_only else ""))

    def say_sizes(self) -> None:
        """Rows and bytes of each table."""
        for load in STATE_LOADS:
            per_load = "countIf(load != " + _NO_LOAD + ")"
            rows = self.server.query(f"SELECT count() AS rows, {per_load} AS of_loads FROM logs.{load.table}")[0]
            size = self.server.query(f"SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'logs' AND table = '{load.table}'")[0]["bytes"]
            print(f"  {load.table:24}{int(rows['rows']):12,} rows, {int(rows['of_loads']):10,} of them of loads, {int(size) / 2**20:10,.1f} MiB", flush=True)

    def ask(self, view: str, key: str, days: int, last: int) -> str:
        """Reads all columns of some days, as the chart's reader may."""
        condition = f"{key} >= toDate('{_FIRST_DAY}') + {last - days + 1} AND {key} < toDate('{_FIRST_DAY}') + {last + 1}"
        try:
            self.server.execute(f"SELECT * FROM logs.metrics_{view} WHERE {condition} FORMAT Null", READER, max_memory_usage=str(self.query_bytes))
        except ClickHouseError as refusal:
            if "MEMORY_LIMIT_EXCEEDED" not in str(refusal):
                raise
            return "refused"
        return "read"


def measure(days: Days, count: int, is_sums_only: bool) -> None:
    """Fills, starts the server again so that the filling's own memory is gone, and measures what a day asks of it."""
    server = days.server
    print(f"{'step':56}{'CPU':>10} {'resident':>12} {'peak':>12}")
    with server:
        apply(days.client, None)
        days.load_hours(0)
        days.say("one day of 1,440 loads")
        days.say_sizes()
        for day in range(1, count):
            days.copy(day, is_sums_only)
        days.say_sizes()
        size = server.query("SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = 'logs'")[0]["bytes"]
        print(f"{count} days: {int(size) / 2**20:,.0f} MiB on disk; the server starts again")
    with server:
        days.say("started")
        days.load(count, range(0, 3_600, 60))
        days.say("an hour more, loaded every minute")
        for number in sorted({1, min(7, count), count}):
            for view, key in _VIEWS:
                began = time.monotonic()
                answer = days.ask(view, key, number, count - 1)
                days.say(f"{number} days of {view} {answer} in {time.monotonic() - began:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run bench:clickhouse --", description="What the ClickHouse server needs with days of data.")
    parser.add_argument("--days", type=int, default=7, metavar="N", help="days of data (default: %(default)s)")
    parser.add_argument("--sums-only", action="store_true", help="copy days without their sets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lakehouse-bench-") as folder:
        measure(Days(Path(folder)), options.days, options.sums_only)


if __name__ == "__main__":
    main()
