"""`npm run test:kills -- --kills N`: loads files into ClickHouse, kills it at every kind of moment, and counts.

The job's own statements load; what must be in the metrics is computed here, from what a file was made of. A kill strikes
in an INSERT (as a part appears, or at any time), in a merge, in a start, or in the rebuild of a day. Afterwards the server
starts, the same load is repeated, and every file must count exactly once: none lost, none doubled.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import gold_ledger
from business_day import business_day
from clickhouse import ClickHouse as Client
from contract_gold import STATE_LOADS
from gold_load import SETTINGS, Loader
from local.clickhouse import WRITER, ClickHouse
from schema_job import apply

# Half an hour off UTC: a file of one UTC hour is in two business days, and so in two parts of two tables.
ZONE = "Asia/Kolkata"
_FIRST = datetime(2026, 1, 15, 18, 29, tzinfo=timezone.utc)
_DAYS, _FILES = 10, 200
_KINDS = ("insert",) * 6 + ("merge",) * 2 + ("start",) * 2 + ("rebuild",)
_ACTIONS = ("MAIN", "SEARCH", "ITEM")


@dataclass(frozen=True)
class File:
    """A made-up silver file of some events, half a second apart."""

    number: int
    events: int

    @property
    def url(self) -> str:
        return f"s3a://kills/silver/{self.number}.parquet"

    @property
    def first(self) -> datetime:
        return _FIRST + timedelta(days=self.number % _DAYS)

    def times(self) -> list[datetime]:
        return [self.first + timedelta(milliseconds=500 * event) for event in range(self.events)]

    def user(self, event: int) -> str:
        return str(self.number % 50 + event % 20)

    @property
    def source(self) -> str:
        """The file's rows as a table expression, with silver's columns."""
        time_ = f"toDateTime64('{self.first:%Y-%m-%d %H:%M:%S}', 6, 'UTC') + toIntervalMillisecond(number * 500)"
        actions = ", ".join(f"'{action}'" for action in _ACTIONS)
        return f"""(SELECT toInt32(number % 3) AS partition, toInt64({self.number} * 100000 + number) AS offset, {time_} AS event_time, event_time AS kafka_timestamp,
            CAST('GET', 'Nullable(String)') AS http_method, CAST('API_FINISH', 'Nullable(String)') AS status, number % 10 = 0 AS is_failed,
            CAST('USER_ACTIVITY', 'Nullable(String)') AS event_type, toNullable(toString({self.number % 50} + number % 20)) AS user_id,
            toNullable(concat('/store/', toString(number))) AS endpoint, toNullable([{actions}][1 + number % {len(_ACTIONS)}]) AS action_type,
            toNullable(concat('s', toString(number % 7))) AS session_id, toNullable(toInt64(1000 + number)) AS bytes FROM numbers({self.events}))"""


def expected(files: Iterable[File]) -> dict[str, int]:
    """What the metrics must say of these files."""
    zone = ZoneInfo(ZONE)
    sums: Counter[str] = Counter()
    users: set[tuple[str, str]] = set()
    mains: set[tuple[str, str]] = set()
    for file in files:
        sums["requests"] += file.events
        sums["failed"] += len(range(0, file.events, 10))
        sums["bytes"] += sum(1000 + event for event in range(file.events))
        for event, moment in enumerate(file.times()):
            of_day = (moment.astimezone(zone).date().isoformat(), file.user(event))
            users.add(of_day)
            if _ACTIONS[event % len(_ACTIONS)] == "MAIN":
                mains.add(of_day)
    requests, failed, size = sums["requests"], sums["failed"], sums["bytes"]
    return {
        "health": requests,
        "health_failed": failed,
        "health_bytes": size,
        "operational": requests,
        "operational_bytes": size,
        "actions": requests,
        "users": len(users),
        "mains": len(mains),
    }


def found(server: ClickHouse) -> dict[str, int]:
    """What the metrics say."""
    row = server.query(
        """SELECT h.1 AS health, h.2 AS health_failed, h.3 AS health_bytes, o.1 AS operational, o.2 AS operational_bytes,
        (SELECT sum(event_count) FROM logs.metrics_business_daily WHERE metric_kind = 'ACTION') AS actions,
        (SELECT sum(unique_users) FROM logs.metrics_business_daily WHERE metric_kind = 'DROPOFF') AS users,
        (SELECT sum(main_users) FROM logs.metrics_funnel_daily) AS mains,
        (SELECT (sum(total_requests), sum(error_requests), sum(total_bytes)) FROM logs.metrics_server_health_minutely) AS h,
        (SELECT (sum(request_count), sum(total_bytes)) FROM logs.metrics_operational_hourly) AS o"""
    )[0]
    return {name: int(value) for name, value in row.items() if name not in ("h", "o")}


@dataclass
class Round:
    """The server, what it must hold, and what has been done to it."""

    server: ClickHouse
    chance: random.Random
    files: list[File] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    next_file: int = 0

    @property
    def client(self) -> Client:
        """The job's own, which repeats a statement that nobody answered."""
        return Client(self.server.url, WRITER, self.server.password, "logs", backoff_seconds=(0.02,) * 2000)

    def begin(self) -> None:
        """Empty tables."""
        self.server.execute("DROP DATABASE IF EXISTS logs SYNC")
        apply(self.client, None)
        self.files = []

    def load(self, file: File, target: gold_ledger.Target) -> None:
        loader = Loader(self.client, business_day(ZONE), "")
        for load in STATE_LOADS:
            loader.clickhouse.execute(loader.statement(load.from_file, load, target, file.url, file.source), settings=SETTINGS)

    def while_killed(self, work: Callable[[], None], moment: Callable[[threading.Thread], None]) -> None:
        """Kills the server at the moment, starts it, and waits for the work, which repeats what it was not answered."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        moment(thread)
        self.server.kill()
        self.server.start()
        thread.join()
        if failed:
            raise failed[0]

    def at_any_time(self, longest: float) -> Callable[[threading.Thread], None]:
        return lambda _: time.sleep(self.chance.uniform(0, longest))

    def as_a_part_appears(self) -> Callable[[threading.Thread], None]:
        """When the folder of a table has changed once, twice or thrice, or some hundred microseconds later."""
        table = self.chance.choice([load.table for load in STATE_LOADS])
        folder = self.server.query(f"SELECT data_paths[1] AS path FROM system.tables WHERE database = 'logs' AND name = '{table}'")[0]["path"]
        remembers = os.path.isdir(os.path.join(folder, "deduplication_logs"))
        changes, later = 1 if remembers else self.chance.randint(1, 3), self.chance.choice((0, 0, self.chance.uniform(0, 0.002)))

        def moment(thread: threading.Thread) -> None:
            before, seen = listed(folder), 0
            while seen < changes and thread.is_alive():
                now = listed(folder)
                if now != before:
                    before, seen = now, seen + 1
            time.sleep(later)

        return moment

    def insert(self) -> None:
        self.next_file += 1
        file = File(self.next_file, self.chance.randint(1, 240))
        moment = self.as_a_part_appears() if self.chance.random() < 0.7 else self.at_any_time(0.15)
        self.while_killed(lambda: self.load(file, gold_ledger.Target("true", self.generation_of_day())), moment)
        self.files.append(file)

    def generation_of_day(self) -> str:
        current = sorted(gold_ledger.read_generations(self.client).current.items())
        days, numbers = ", ".join(f"toDate('{day}')" for day, _ in current), ", ".join(str(number) for _, number in current)
        return f"transform(toDate({{day}}), [{days}], [{numbers}], 0)" if current else "0"

    def merge(self) -> None:
        table = self.chance.choice([load.table for load in STATE_LOADS])
        moment = self.as_a_part_appears() if self.chance.random() < 0.5 else self.at_any_time(0.1)
        self.while_killed(lambda: ignore(self.client.execute(f"OPTIMIZE TABLE logs.{table} FINAL")), moment)

    def start(self) -> None:
        self.server.kill()
        self.server.start_without_waiting()
        time.sleep(self.chance.uniform(0, 0.8))
        self.server.kill()
        self.server.start()

    def rebuild(self) -> None:
        """A day of its files, into a generation of its own; the swap may be cut anywhere, and is then made again."""
        if not self.files:
            return self.insert()
        day = self.chance.choice(self.files).first.date().isoformat()
        files = [file for file in self.files if day in {moment.astimezone(zone).date().isoformat() for moment in file.times() for zone in (timezone.utc, ZoneInfo(ZONE))}]

        def work() -> None:
            generation = gold_ledger.announce(self.client, day)
            for file in files:
                self.load(file, gold_ledger.day_target(day, generation))
            gold_ledger.publish(self.client, day, generation)
            for load in STATE_LOADS:
                for old in range(generation):
                    self.client.execute(f"ALTER TABLE logs.{load.table} DROP PARTITION ('{day}', {old})")

        return self.while_killed(work, self.at_any_time(0.1 * len(files) + 0.2))

    def run(self) -> str | None:
        """One kill. What is wrong afterwards, None when nothing is."""
        kind = self.chance.choice(_KINDS)
        if len(self.files) >= _FILES:
            self.begin()
        getattr(self, kind)()
        self.kills[kind] += 1
        wanted, got = expected(self.files), found(self.server)
        return None if wanted == got else f"after a kill in {kind}: " + ", ".join(f"{name} {got[name]} instead of {wanted[name]}" for name in wanted if got[name] != wanted[name])


def listed(folder: str) -> object:
    """The parts of a table, finished or not; where it has a memory of deduplication tokens, how far that is written."""
    log = os.path.join(folder, "deduplication_logs")
    if os.path.isdir(log):
        return [(entry.name, entry.stat().st_size) for entry in os.scandir(log)]
    return os.listdir(folder)


def ignore(answer: str) -> None:
    """A statement's answer is not of interest."""


def kill(folder: Path, kills: int, seed: int, seconds: float = float("inf"), report: Callable[[str], None] = lambda line: None) -> tuple[Counter[str], list[str]]:
    """That many kills, or as many as the time allows: the kills by kind, and what was wrong."""
    wrong: list[str] = []
    deadline = time.monotonic() + seconds
    with ClickHouse(folder) as server:
        state = Round(server, random.Random(seed))
        state.begin()
        for number in range(1, kills + 1):
            if time.monotonic() > deadline:
                break
            if sentence := state.run():
                wrong.append(f"kill {number} of seed {seed}: {sentence}")
                report(wrong[-1])
                state.begin()
            if number % 50 == 0:
                report(f"{number} kills, {len(wrong)} wrong: {dict(state.kills)}")
    return state.kills, wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="npm run test:kills --", description="Kills ClickHouse while gold's statements run, and counts.")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after this time, however many kills there were")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lakehouse-kills-") as folder:
        kills, wrong = kill(Path(folder), options.kills, options.seed, options.seconds, lambda line: print(line, flush=True))
    print(
        f"{sum(kills.values())} kills in {time.monotonic() - began:.0f} s ({', '.join(f'{count} in {kind}' for kind, count in sorted(kills.items()))}): {len(wrong)} lost or doubled"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
