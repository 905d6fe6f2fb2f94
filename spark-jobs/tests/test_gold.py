"""Gold on real Spark, S3 and ClickHouse, against a recount in plain Python (local/recount.py) that shares no code with it."""

from __future__ import annotations

import argparse
import json
import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import gold_ledger
from clickhouse import ClickHouse as Client
from commit_log import Manifest
from gold_job import Gold, _s3_url
from gold_load import Loader
from job_log import JobError
from local.clickhouse import WRITER, ClickHouse
from local.lake import Lake
from local.object_store import path_of
from local.recount import KEYS, Row, differences, recount
from object_store import ObjectStore as JobsObjectStore
from schema_job import apply

ENGINES = ("spark", "clickhouse")
DAY = datetime(2026, 1, 15, tzinfo=timezone.utc)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("raw_json", "topic")),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_timestamp", pa.timestamp("us", "UTC")),
        *((name, pa.string()) for name in ("raw_json_clean", "http_method", "status")),
        ("is_failed", pa.bool_()),
        *((name, pa.string()) for name in ("event_type", "user_id", "endpoint", "action_type")),
        ("event_time", pa.timestamp("us", "UTC")),
        ("session_id", pa.string()),
        ("bytes", pa.int64()),
        ("latency_ms", pa.int64()),
    ]
)


@dataclass
class Silver:
    """Silver files and their commit log, written without the streaming job."""

    lake: Lake
    rows: list[Row] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)

    def commit(self, rows: Sequence[Row], replaces: Sequence[str] | None = None, committed_at: str = "2026-01-15T00:00:00.000Z") -> Manifest:
        """One batch: a file an hour of event time, and the manifest, which is returned. A reprocess says what it replaces."""
        sequence = len(self.manifests)
        by_hour: dict[datetime, list[Row]] = {}
        for row in rows:
            moment = datetime.fromtimestamp(row.event_us // 1_000_000, timezone.utc)
            by_hour.setdefault(moment.replace(minute=0, second=0), []).append(row)
        files = []
        for hour, of_hour in sorted(by_hour.items()):
            url = f"{self.lake.silver}year={hour.year}/month={hour.month}/day={hour.day}/hour={hour.hour}/part-{uuid.uuid4()}.zstd.parquet"
            with self.lake.object_store.files().open_output_stream(path_of(url)) as out:
                pq.write_table(pa.Table.from_pylist([_silver(row) for row in of_hour], _SCHEMA), out, compression="zstd")
            files.append({"path": url, "bytes": 1})
        content = json.dumps(
            {
                "version": 2,
                "sequence": sequence,
                "previous": sequence - 1 if sequence else None,
                "kind": "batch" if replaces is None else "reprocess",
                "attempt": f"{sequence:012x}",
                "topic": "events",
                "topic_id": None,
                "offsets": {},
                "bronze": [],
                "silver": files,
                "quarantine": [],
                **({} if replaces is None else {"replaces": {"silver": replaces, "quarantine": []}}),
                "rows": {"bronze": 0 if replaces else len(rows), "silver": len(rows), "quarantine": 0},
                "committed_at": committed_at,
            }
        ).encode()
        with self.lake.object_store.files().open_output_stream(path_of(f"{self.lake.commits}{sequence:020d}.json")) as out:
            out.write(content)
        self.rows += rows
        self.manifests.append(Manifest.from_json(content))
        return self.manifests[-1]


def _silver(row: Row) -> dict[str, object]:
    same = ("partition", "offset", "event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "is_failed", "bytes")
    times = {"kafka_timestamp": row.kafka_us, "event_time": row.event_us}
    return {**{name: getattr(row, name) for name in same}, **times, "topic": "events", "raw_json": "…", "raw_json_clean": "…"}


def events(seed: int, count: int, hours: float = 30) -> list[Row]:
    """Random events of few users over some hours, with missing parts, equal instants, odd paths and big and small sizes."""
    chance = random.Random(seed)
    start = int(DAY.timestamp()) * 1_000_000
    rows = []
    for number in range(count):
        event_us = start + int(chance.random() * hours * 60) * 60_000_000 + chance.choice((0, 1, 999_999, chance.randrange(60_000_000)))
        rows.append(
            Row(
                partition=number % 3,
                offset=seed * 1_000_000 + number // 3,
                kafka_us=(event_us + chance.randrange(-(10**9), 10**9)) // 1000 * 1000,
                event_us=event_us,
                event_type=chance.choice(("USER_ACTIVITY", "SYSTEM", None)),
                action_type=chance.choice(("MAIN", "CART_ADD", "ORDER", "ITEM", "quote ' \" \\ and tab\t", None)),
                user_id=chance.choice((None, *map(str, range(10, 60)))),
                session_id=chance.choice((None, *(f"s{one}" for one in range(80)))),
                http_method=chance.choice(("GET", "POST", None)),
                endpoint=chance.choice(PATHS),
                is_failed=chance.random() < 0.1,
                bytes=chance.choice((None, 0, 1, 127, 128, 129, 2**40 - 1, chance.randrange(200), chance.randrange(10**7))),
            )
        )
    return rows


PATHS = (
    None,
    "/",
    "//",
    "/main",
    "/MAIN/",
    "/store/17",
    "/store/17/",
    "/store/1/2/3",
    "/store/123abc",
    "/store/550E8400-e29b-41d4-a716-446655440000?x=1",
    "/a-b/abcdefab-abcd-abcd-abcd-abcdefabcdef",
    "/abcdefab-abcd-abcd-abcd-abcdefabcdef/17",
    "/search?q=1/2",
    "17",
    "?x",
    "/ÄÖ/한국/9",
)

MakeGold = Callable[..., Gold]


@pytest.fixture
def silver(lake: Lake) -> Silver:
    return Silver(lake)


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Client:
    """The job's own client of a database with the contract's tables."""
    one = Client(clickhouse.url, WRITER, clickhouse.password, database, backoff_seconds=(0.1,))
    apply(one, None)
    return one


@pytest.fixture
def make_gold(spark: SparkSession, client: Client, silver: Silver) -> MakeGold:
    def make(engine: str = "clickhouse", zone: str = "UTC", into: Client = client) -> Gold:
        options = argparse.Namespace(engine=engine, commits=silver.lake.commits, silver_retention_days=None)
        return Gold(spark, Loader(into, zone, _s3_url(spark)), JobsObjectStore(spark), options)

    return make


def wrong(clickhouse: ClickHouse, database: str, rows: Iterable[Row], zone: str = "UTC") -> list[str]:
    """What the five tables have that a recount has not."""
    tables = recount(rows, zone)
    return [sentence for name, table in tables.items() for sentence in differences(name, table, clickhouse.query(f"SELECT * FROM {database}.{name}"))]


def tables(client: Client) -> dict[str, str]:
    return {name: client.execute(f"SELECT * FROM {client.database}.{name} ORDER BY ALL FORMAT TSV") for name in KEYS}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "America/New_York"])
@pytest.mark.parametrize("engine", ENGINES)
def test_five_tables_are_what_a_recount_gives(silver: Silver, make_gold: MakeGold, clickhouse: ClickHouse, database: str, engine: str, zone: str) -> None:
    gold = make_gold(engine, zone)
    gold.fold([silver.commit(events(1, 1500))], 0)
    gold.fold([silver.commit(events(2, 700, 3)), silver.commit(events(3, 700, 60))], 1)

    assert wrong(clickhouse, database, silver.rows, zone) == []


def test_both_engines_give_the_same_tables(silver: Silver, make_gold: MakeGold, client: Client) -> None:
    manifests = [silver.commit(events(seed, 500)) for seed in range(3)]
    make_gold("spark").fold(manifests, 0)
    by_clickhouse = Client(client.url, client.user, client.password, f"{client.database}_twin")
    apply(by_clickhouse, None)
    try:
        make_gold("clickhouse", into=by_clickhouse).fold(manifests, 0)

        assert tables(by_clickhouse) == tables(client)
    finally:
        client.execute(f"DROP DATABASE {by_clickhouse.database} SYNC")


# Each: actions of one user with the second of the day, and how far the user comes.
FUNNELS = {
    "in order": ((("MAIN", 1), ("CART_ADD", 2), ("ORDER", 3)), (1, 1, 1)),
    "at one instant": ((("ORDER", 5), ("CART_ADD", 5), ("MAIN", 5)), (1, 1, 1)),
    "order first": ((("ORDER", 1), ("MAIN", 2), ("CART_ADD", 3)), (1, 1, 0)),
    "cart before main": ((("CART_ADD", 1), ("MAIN", 2), ("ORDER", 3)), (1, 0, 0)),
    "a cart on either side of main, order between": ((("CART_ADD", 1), ("MAIN", 2), ("ORDER", 3), ("CART_ADD", 4)), (1, 1, 0)),
    "two rounds, the second complete": ((("CART_ADD", 1), ("ORDER", 2), ("MAIN", 3), ("CART_ADD", 4), ("ORDER", 5)), (1, 1, 1)),
    "a later main between": ((("MAIN", 1), ("CART_ADD", 2), ("MAIN", 3), ("ORDER", 4)), (1, 1, 1)),
    "without main": ((("CART_ADD", 1), ("ORDER", 2)), (0, 0, 0)),
    "main only": ((("MAIN", 1),), (1, 0, 0)),
    "order after midnight": ((("MAIN", 86_390), ("CART_ADD", 86_395), ("ORDER", 86_401)), (1, 1, 0)),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_funnel_is_ordered_and_ends_at_midnight(silver: Silver, make_gold: MakeGold, client: Client, engine: str) -> None:
    rows = [
        _event(DAY + timedelta(days=2 * case, seconds=second), action, offset=100 * case + place)
        for case, (actions, _) in enumerate(FUNNELS.values())
        for place, (action, second) in enumerate(actions)
    ]
    random.Random(1).shuffle(rows)
    gold = make_gold(engine)
    for number, part in enumerate((rows[::2], rows[1::2])):
        gold.fold([silver.commit(part)], number)

    for case, (name, (_, expected)) in enumerate(FUNNELS.items()):
        day = (DAY + timedelta(days=2 * case)).date()
        found = client.rows(f"SELECT main_users, cart_add_users, order_users FROM {client.database}.metrics_funnel_daily WHERE date = '{day}'")
        assert (name, found) == (name, [[str(count) for count in expected]])


def _event(moment: datetime, action: str, offset: int, partition: int = 0, user: str = "7") -> Row:
    event_us = int(moment.timestamp()) * 1_000_000
    return Row(partition, offset, event_us, event_us, "USER_ACTIVITY", action, user, "s", "GET", "/main", False, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_event_of_a_day_is_by_time_then_partition_then_offset(silver: Silver, make_gold: MakeGold, client: Client, engine: str) -> None:
    noon = DAY + timedelta(hours=12)
    rows = [
        _event(noon, "ORDER", 9, partition=0),
        _event(noon, "ITEM", 5, partition=2),
        _event(noon, "SEARCH", 6, partition=2),
        _event(noon - timedelta(seconds=1), "MAIN", 10, partition=2),
    ]
    gold = make_gold(engine)
    for number, row in enumerate(rows):
        gold.fold([silver.commit([row])], number)

    found = client.rows(f"SELECT dropoff_action_type, event_count FROM {client.database}.metrics_business_daily WHERE metric_kind = 'DROPOFF'")
    assert found == [["SEARCH", "1"]]


@pytest.mark.parametrize("engine", ENGINES)
def test_shuffled_files_and_a_replay_change_nothing(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
    manifests = [silver.commit(events(seed, 400)) for seed in range(4)]
    gold = make_gold(engine)
    gold.fold(manifests[::-1], 0)
    before = tables(client)

    gold.fold(manifests, 0)  # the ledger knows them all
    client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
    gold.fold([manifests[2], manifests[0]], 1)  # the tokens alone
    gold.fold([manifests[3], manifests[1]], 2)

    assert tables(client) == before
    assert wrong(clickhouse, client.database, silver.rows) == []


STATES = ("server_health_states", "operational_states", "action_states", "user_states")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_insert_that_fails_in_the_middle_stops_the_batch_and_is_made_up_for(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
    gold = make_gold(engine)
    manifest = silver.commit(events(1, 500))
    client.execute(f"RENAME TABLE {client.database}.user_states TO {client.database}.away")
    with pytest.raises(JobError, match=r"a table of database 'logs_\w+' does not exist in ClickHouse at http://127.0.0.1:\d+; run schema_job.py first"):
        gold.fold([manifest], 0)
    assert client.rows(f"SELECT count() FROM {client.database}.gold_loads") == [["0"]]
    client.execute(f"RENAME TABLE {client.database}.away TO {client.database}.user_states")

    gold.fold([manifest], 0)

    assert wrong(clickhouse, client.database, silver.rows) == []


def test_summed_uniques_are_wrong(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
    gold = make_gold()
    for seed in range(2):
        gold.fold([silver.commit(events(seed, 300, hours=0.2))], seed)
    assert wrong(clickhouse, client.database, silver.rows) == []

    view = client.rows(f"SELECT as_select FROM system.tables WHERE database = '{client.database}' AND name = 'metrics_server_health_minutely'")[0][0]
    summed = view.replace("uniqExactMerge(raw.users)", "sum(finalizeAggregation(raw.users))")
    assert summed != view
    client.execute(f"CREATE OR REPLACE VIEW {client.database}.metrics_server_health_minutely AS {summed}")

    assert any("unique_users" in sentence for sentence in wrong(clickhouse, client.database, silver.rows))


class TestRebuild:
    """`rebuild --date D`, beside a gold job that runs."""

    day = DAY.date().isoformat()

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul"])
    def test_mends_a_day_and_leaves_the_others(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, zone: str) -> None:
        gold = make_gold("clickhouse", zone)
        manifests = [silver.commit(events(seed, 500)) for seed in range(2)]
        gold.fold(manifests, 0)
        for table in STATES:
            client.execute(f"INSERT INTO {client.database}.{table} SELECT * FROM {client.database}.{table}")  # every sum is now double
        assert wrong(clickhouse, client.database, silver.rows, zone) != []

        for day in (self.day, "2026-01-16", "2026-01-17"):
            gold.rebuild(day)

        assert wrong(clickhouse, client.database, silver.rows, zone) == []

    @pytest.mark.parametrize("engine", ENGINES)
    def test_files_that_come_after_it_and_a_replay_of_all_are_counted_once(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, engine: str
    ) -> None:
        gold = make_gold(engine)
        first = silver.commit(events(1, 300))
        second = silver.commit(events(2, 300))
        gold.fold([first], 0)
        gold.rebuild(self.day)  # loads the second before the gold job does
        gold.fold([second], 1)
        gold.fold([silver.commit(events(3, 300))], 2)
        assert wrong(clickhouse, client.database, silver.rows) == []

        gold.fold(silver.manifests, 0)
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_the_gold_job_may_be_anywhere_when_a_rebuild_runs(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gold = make_gold()
        gold.fold([silver.commit(events(1, 200))], 0)
        read = gold_ledger.read_generations

        def rebuild_after_reading(one: Client) -> gold_ledger.Generations:
            generations = read(one)
            monkeypatch.setattr(gold_ledger, "read_generations", read)
            gold.rebuild(self.day)
            return generations

        monkeypatch.setattr(gold_ledger, "read_generations", rebuild_after_reading)
        gold.fold([silver.commit(events(2, 200))], 1)

        assert wrong(clickhouse, client.database, silver.rows) == []

    @pytest.mark.parametrize("when", ["before the commit log is read", "after the commit log is read"])
    def test_a_file_may_be_committed_at_any_moment_of_a_rebuild(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        gold = make_gold()
        gold.fold([silver.commit(events(1, 200))], 0)
        list_files = Gold._current_files

        def commit_meanwhile(one: Gold) -> list[Any]:
            early = list_files(one)
            gold.fold([silver.commit(events(2, 200))], 1)
            return list_files(one) if when.startswith("before") else early

        monkeypatch.setattr(Gold, "_current_files", commit_meanwhile)
        gold.rebuild(self.day)

        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_a_rebuild_that_was_cut_off_is_never_read_and_the_next_one_is(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gold = make_gold()
        gold.fold([silver.commit(events(1, 200))], 0)
        with monkeypatch.context() as patch:
            patch.setattr(gold_ledger, "publish", _cut_off)
            with pytest.raises(KeyboardInterrupt):
                gold.rebuild(self.day)
        gold.fold([silver.commit(events(2, 200))], 1)
        assert wrong(clickhouse, client.database, silver.rows) == []

        gold.rebuild(self.day)
        gold.fold([silver.commit(events(3, 200))], 2)
        assert wrong(clickhouse, client.database, silver.rows) == []


def _cut_off(client: Client, day: str, generation: int) -> None:
    raise KeyboardInterrupt
