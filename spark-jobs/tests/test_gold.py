"""Gold on real Spark, S3 and ClickHouse, against a recount in plain Python (local/recount.py) that shares no code with it."""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import gold_job
import gold_ledger
import gold_load
from business_day import business_day
from clickhouse import ClickHouse as Client
from commit_log import Manifest
from contract_gold import StateLoad
from gold_job import Gold, _s3_url
from gold_load import FileLoad, Loader
from job_log import JobError
from local.clickhouse import WRITER, ClickHouse
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.recount import KEYS, Row, differences, recount
from object_store import ObjectStore as JobsObjectStore
from schema_job import apply

ENGINES = ("spark", "clickhouse")
UNKNOWN = "11111111-1111-1111-1111-111111111111"
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

    def commit(self, rows: Sequence[Row], replaces: Sequence[str] | None = None, committed_at: str = "2026-01-15T00:00:00.000Z", of_many_hours: bool = False) -> Manifest:
        """One batch: a file an hour of event time, or one of many hours, and the manifest, which is returned.

        A reprocess says what it replaces.
        """
        sequence = len(self.manifests)
        by_hour: dict[datetime, list[Row]] = {}
        for row in rows:
            moment = datetime.fromtimestamp(row.event_us // 1_000_000, timezone.utc)
            by_hour.setdefault(DAY if of_many_hours else moment.replace(minute=0, second=0), []).append(row)
        files = []
        for hour, of_hour in sorted(by_hour.items()):
            none = "__HIVE_DEFAULT_PARTITION__"
            of_hour_folder = f"year={hour.year}/month={hour.month}/day={hour.day}/hour={hour.hour}"
            folder = f"year={none}/month={none}/day={none}/hour={none}" if of_many_hours else of_hour_folder
            url = f"{self.lake.silver}{folder}/part-{uuid.uuid4()}.zstd.parquet"
            with self.lake.object_store.files().open_output_stream(path_of(url)) as out:
                pq.write_table(pa.Table.from_pylist([_silver(row) for row in of_hour], _SCHEMA), out, compression="zstd")
            files.append({"path": url, "bytes": len(self.lake.object_store.read(url))})
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
    "/store/17\u2028",
    "/store/17\u0085",
    "/A/\u2028",
    "/A\u2028/",
    "/store//17//",
    "///?x/",
    "/İ/K/é/17",
    "/" * 2_000 + "X",
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
        options = argparse.Namespace(engine=engine, commits=silver.lake.commits, silver_retention_days=None, read_files=False)
        return Gold(spark, Loader(into, business_day(zone), _s3_url(spark)), JobsObjectStore(spark), options)

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
    for number in range(3):  # it knows none, and the rows of a file are there twice, merged or not
        client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
        gold.fold([manifests[2], manifests[0]], 1)
        assert tables(client) == before
        for table in STATES if number == 1 else ():
            client.execute(f"OPTIMIZE TABLE {client.database}.{table} FINAL")
        gold.fold([manifests[3], manifests[1]], 2)

    assert tables(client) == before
    assert wrong(clickhouse, client.database, silver.rows) == []


STATES = ("server_health_states", "operational_states", "action_states", "user_states")


def test_a_task_of_spark_that_fails_is_told_by_its_cause(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
    manifest = silver.commit(events(1, 100, hours=1))
    url = manifest.silver[0].url
    files = silver.lake.object_store.files()
    whole = silver.lake.object_store.read(url)
    with files.open_output_stream(path_of(url)) as out:
        out.write(b"no parquet")
    with pytest.raises(JobError) as failure:
        make_gold("spark").fold([manifest], 0)
    sentence = str(failure.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"silver file {url}, which ")
    assert "--batch 0 (1 such files in all)" in sentence
    with files.open_output_stream(path_of(url)) as out:
        out.write(whole)

    make_gold("spark").fold([manifest], 0)

    assert wrong(clickhouse, client.database, silver.rows) == []


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


def test_what_one_engine_has_loaded_the_other_may_load_again(silver: Silver, make_gold: MakeGold, client: Client) -> None:
    manifests = [silver.commit(events(seed, 300, hours=2)) for seed in range(2)]
    make_gold("spark").fold(manifests, 0)
    before = tables(client)
    client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
    make_gold("clickhouse").fold(manifests, 0)

    assert tables(client) == before


# The clock of this zone went back from 00:01 to 23:01: at 02:30 UTC a minute of the 7th, then an hour of the 6th, then the 7th.
ST_JOHNS = "America/St_Johns"
BACK_ACROSS_MIDNIGHT = datetime(2010, 11, 7, 2, tzinfo=timezone.utc)


@pytest.mark.parametrize("of_many_hours", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_where_a_clock_goes_back_across_midnight_the_days_are_the_zones_own_and_a_rebuild_gives_them_again(
    silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str, of_many_hours: bool
) -> None:
    gold = make_gold(engine, ST_JOHNS)
    minutes = (-60, 0, 29, 30, 30.9, 31, 45, 59, 60, 89, 90, 90.5, 91, 121)
    actions = ("MAIN", "CART_ADD", "ORDER")
    rows = [_event(BACK_ACROSS_MIDNIGHT + timedelta(minutes=minute), actions[place % 3], place, user=str(place % 4)) for place, minute in enumerate(minutes)]
    gold.fold([silver.commit(rows, of_many_hours=of_many_hours)], 0)
    assert wrong(clickhouse, client.database, silver.rows, ST_JOHNS) == []
    dates = client.rows(f"SELECT date, sum(event_count) FROM {client.database}.metrics_business_daily WHERE metric_kind = 'ACTION' GROUP BY date ORDER BY date")
    assert dates == [["2010-11-06", "8"], ["2010-11-07", "6"]]

    for day in ("2010-11-06", "2010-11-07"):
        gold.rebuild(day)
        assert wrong(clickhouse, client.database, silver.rows, ST_JOHNS) == []


@dataclass(frozen=True)
class _AnonymousLoader(Loader):
    """Gives each INSERT an identity of its own."""

    def statement(self, text: str, load: StateLoad, target: gold_ledger.Target, file: str, source: str = "") -> str:
        return super().statement(text, load, target, str(uuid.uuid4()), source)


def test_without_a_files_identity_a_replay_counts_twice(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
    gold = make_gold()
    gold.loader = _AnonymousLoader(**vars(gold.loader))
    manifest = silver.commit(events(1, 300, hours=2))
    gold.fold([manifest], 0)
    assert wrong(clickhouse, client.database, silver.rows) == []

    client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
    gold.fold([manifest], 0)

    sentences = wrong(clickhouse, client.database, silver.rows)
    assert any("total_requests" in sentence for sentence in sentences)
    assert not any("unique_users" in sentence for sentence in sentences)


def test_a_row_of_sums_that_stands_twice_is_read_once(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
    make_gold().fold([silver.commit(events(1, 300, hours=2))], 0)
    for table in STATES:
        client.execute(f"SYSTEM STOP MERGES {client.database}.{table}")
        client.execute(f"INSERT INTO {client.database}.{table} SELECT * FROM {client.database}.{table}")
    assert wrong(clickhouse, client.database, silver.rows) == []

    view = client.rows(f"SELECT as_select FROM system.tables WHERE database = '{client.database}' AND name = 'metrics_server_health_minutely'")[0][0]
    assert " FINAL" in view
    client.execute(f"CREATE OR REPLACE VIEW {client.database}.metrics_server_health_minutely AS {view.replace(' FINAL', '')}")
    assert any("total_requests" in sentence for sentence in wrong(clickhouse, client.database, silver.rows))


LATEST = int(datetime(2106, 1, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000
EXTREMES: dict[str, list[dict[str, Any]]] = {
    "two events with the largest BIGINT of bytes": [{"bytes": 2**63 - 1}, {"bytes": 2**63 - 1}],
    "the largest size of the range, and the smallest outside": [{"bytes": 2**40 - 1}, {"bytes": 2**40}],
    "negative bytes": [{"bytes": -5}, {"bytes": -(2**63)}, {"bytes": 7}],
    "the epoch itself": [{"event_us": 0, "kafka_us": 0}, {"event_us": 86_400_000_000}],
    "before the epoch": [{"event_us": -1}, {"event_us": -(10**15)}],
    "the last instant, and the first outside": [{"event_us": LATEST - 1}, {"event_us": LATEST}, {"event_us": 2 * LATEST}],
    "delays of a century, many of them": [{"event_us": 86_400_000_000, "kafka_us": LATEST - 1}] * 3000,
}


@pytest.mark.parametrize("case", EXTREMES)
def test_no_value_in_silver_stops_gold_or_wraps_a_sum(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, case: str) -> None:
    usual = _event(DAY, "MAIN", 0)
    rows = [usual._replace(offset=offset, **changed) for offset, changed in enumerate(EXTREMES[case])]
    zone = "America/New_York"
    manifest = silver.commit(rows)
    make_gold("spark", zone).fold([manifest], 0)
    assert wrong(clickhouse, client.database, silver.rows, zone) == []
    before = tables(client)

    for table in (*STATES, "gold_loads"):
        client.execute(f"TRUNCATE TABLE {client.database}.{table}")
    make_gold("clickhouse", zone).fold([manifest], 0)
    assert tables(client) == before


def test_the_ledgers_question_is_bounded_however_many_files_a_batch_has(client: Client) -> None:
    files = [
        f"s3a://silver/user-activity-v2/year=2026/month=1/day=15/hour=3/batch=00000000000000000001-0123456789ab/part-{number}-{uuid.uuid4()}.zstd.parquet"
        for number in range(5_000)
    ]
    assert gold_ledger.loaded(client, files) == {}
    gold_ledger.note(client, files)

    assert gold_ledger.loaded(client, files) == {file: {(gold_ledger.WHOLE_FILE, 0)} for file in files}


def test_a_manifest_of_many_files_is_loaded_a_bounded_number_at_a_time(
    silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gold_job, "_FILES_AT_ONCE", 7)
    gold = make_gold()
    at_once: list[int] = []
    load = gold.load

    def counted(loads: Sequence[gold_load.FileLoad]) -> None:
        at_once.append(len(loads))
        load(loads)

    monkeypatch.setattr(gold, "load", counted)
    gold.fold([silver.commit(events(1, 60, hours=20))], 0)

    assert max(at_once) == 7
    assert wrong(clickhouse, client.database, silver.rows) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_of_more_days_than_one_insert_usually_may_have_is_folded_and_replaced(
    silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str
) -> None:
    far = [_event(DAY + timedelta(days=day, hours=day % 24), "MAIN", day) for day in range(110)]
    gold = make_gold(engine, "Asia/Seoul")
    gold.fold([silver.commit(far, of_many_hours=True)], 0)
    gold.audit(silver.manifests)
    assert wrong(clickhouse, client.database, far, "Asia/Seoul") == []

    two = [far[3]._replace(offset=1003), far[50]._replace(offset=1050)]
    before = silver.commit(two, of_many_hours=True)
    gold.fold([before], 1)
    mended = [row._replace(action_type="ORDER") for row in two]
    gold.fold([silver.commit(mended, replaces=[file.url for file in before.silver], of_many_hours=True)], 2)
    assert wrong(clickhouse, client.database, [*far, *mended], "Asia/Seoul") == []


class TestPosition:
    """Where gold stands is what ClickHouse says."""

    def run(self, gold: Gold, steps: int) -> list[bool]:
        """Whether each of the job's next steps folded something."""
        gold.options.max_files_per_trigger = 2
        batches = gold._batches(gold_ledger.position(gold.loader.clickhouse, gold.options.commits))
        return [next(batches) for _ in range(steps)]

    def test_a_start_goes_on_where_the_last_one_ended(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(make_gold(), 1) == [False]
        for seed in range(3):
            silver.commit(events(seed, 40, hours=1))
        assert self.run(make_gold(), 3) == [True, True, False]
        silver.commit(events(9, 40, hours=1))
        capsys.readouterr()
        assert self.run(make_gold(), 2) == [True, False]
        assert "commits=1 files=1 already_loaded=0 rows=40" in capsys.readouterr().out
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_an_empty_database_is_filled_from_the_beginning(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
        for seed in range(3):
            silver.commit(events(seed, 40, hours=1))
        self.run(make_gold(), 2)
        client.execute(f"DROP DATABASE {client.database} SYNC")
        apply(client, None)
        assert self.run(make_gold(), 3) == [True, True, False]
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_a_log_that_was_cut_and_went_on_another_way_is_refused(self, silver: Silver, make_gold: MakeGold) -> None:
        silver.commit(events(1, 10, hours=1))
        gold = make_gold()
        gold_ledger.note_position(gold.loader.clickhouse, gold.options.commits, gold_ledger.Position(0, "another"))
        with pytest.raises(JobError, match="is of attempt 000000000000, and was of attempt another when it was read before"):
            self.run(gold, 1)


class TestAudit:
    """The tables against the manifests, without the ledger."""

    @pytest.fixture
    def gold(self, silver: Silver, make_gold: MakeGold) -> Gold:
        gold = make_gold()
        for seed in range(3):
            silver.commit(events(seed, 120, hours=3))
        gold.fold(silver.manifests, 0)
        gold_ledger.note_position(gold.loader.clickhouse, silver.lake.commits, gold_ledger.Position(2, silver.manifests[-1].attempt))
        return gold

    def test_says_nothing_of_tables_that_are_whole(self, gold: Gold, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        gold.audit_all()
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("table", STATES)
    def test_loads_again_what_a_table_lacks_and_names_it(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str], table: str
    ) -> None:
        lost = silver.manifests[1].silver[0].url
        key = "user = '' AND " if table == "user_states" else ""
        client.execute(f"DELETE FROM {client.database}.{table} WHERE {key}load = '{gold_ledger.load_id(lost)}'")

        gold.audit_all()

        said = capsys.readouterr().out
        assert "manifest 1: 1 silver files of 120 events" in said
        assert lost in said
        assert said.splitlines()[-1].endswith("audit manifests=3 different=1")
        assert wrong(clickhouse, client.database, silver.rows) == []
        gold.audit_all()
        assert capsys.readouterr().out == ""

    def test_a_start_looks_at_what_is_folded_and_at_nothing_behind_it(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lost = silver.manifests[0].silver[0].url
        client.execute(f"DELETE FROM {client.database}.operational_states WHERE load = '{gold_ledger.load_id(lost)}'")
        behind = silver.commit(events(9, 120, hours=3))

        gold.audit_young(2)

        said = capsys.readouterr().out
        assert "manifest 0: 1 silver files of 120 events" in said
        assert said.splitlines()[-1].endswith("audit manifests=3 different=1")
        assert wrong(clickhouse, client.database, [row for row in silver.rows if row not in silver.rows[-120:]]) == []
        gold.fold([behind], 1)
        assert "files=3 already_loaded=0 rows=120" in capsys.readouterr().out
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_a_table_that_is_lost_is_filled_again(self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse) -> None:
        client.execute(f"TRUNCATE TABLE {client.database}.operational_states")
        assert wrong(clickhouse, client.database, silver.rows) != []
        gold.audit_all()
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_a_ledger_that_says_loaded_what_is_not_does_not_matter(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
        gold = make_gold()
        manifest = silver.commit(events(1, 100, hours=2))
        gold_ledger.note(client, [file.url for file in manifest.silver])
        gold.fold([manifest], 0)
        assert wrong(clickhouse, client.database, silver.rows) != []
        gold.audit([manifest])
        assert wrong(clickhouse, client.database, silver.rows) == []

    @pytest.mark.parametrize("table", STATES)
    def test_is_rid_of_a_load_that_no_manifest_names(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str], table: str
    ) -> None:
        damage = {
            "server_health_states": "(minute, load, total_records, failed_records) VALUES ('2026-01-15 02:30:00', '{}', 1000, 500)",
            "operational_states": "(hour, endpoint, method, load, requests) VALUES ('2026-01-15 02:00:00', '/a', 'GET', '{}', 1000)",
            "action_states": "(date, event_type, action_type, load, events) VALUES ('2026-01-15', 'SYSTEM', 'MAIN', '{}', 1000)",
            "user_states": "(date, user, load) VALUES ('2026-01-15', '', '{}')",
        }
        client.execute(f"INSERT INTO {client.database}.{table} {damage[table].format(UNKNOWN)}")
        assert (wrong(clickhouse, client.database, silver.rows) == []) == (table == "user_states")
        gold.audit_all()
        assert f"1 loads that no manifest names count on 1 days (2026-01-15); the first is load {UNKNOWN}" in capsys.readouterr().out
        assert wrong(clickhouse, client.database, silver.rows) == []
        gold.audit_all()
        assert capsys.readouterr().out == ""

    def test_finds_such_a_load_while_nothing_is_to_fold(self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse) -> None:
        client.execute(f"INSERT INTO {client.database}.action_states (date, load, events) VALUES ('2026-01-15', '{UNKNOWN}', 7)")
        gold._audit_some(-1, 2)
        assert wrong(clickhouse, client.database, silver.rows) == []

    def test_says_what_to_do_with_such_a_load_where_another_log_is_folded_too(self, gold: Gold, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
        gold_ledger.note_position(client, "s3a://another/log/", gold_ledger.Position(5, "another"))
        client.execute(f"INSERT INTO {client.database}.action_states (date, load, events) VALUES ('2026-01-15', '{UNKNOWN}', 7)")
        gold.audit_all()
        said = capsys.readouterr().out
        assert "audit cannot mend what='1 loads that no manifest names count on 1 days (2026-01-15)" in said
        assert "compute each of the days anew: gold_job.py rebuild --date DAY" in said
        gold.rebuild("2026-01-15")
        capsys.readouterr()
        gold.audit_all()
        assert capsys.readouterr().out == ""

    def test_a_ledger_that_is_lost_is_written_again_and_no_load_is_taken_for_unknown(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str]
    ) -> None:
        client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
        gold.audit_all()
        assert capsys.readouterr().out == ""
        assert len(gold_ledger.loaded(client, [file.url for manifest in silver.manifests for file in manifest.silver])) == sum(
            len(manifest.silver) for manifest in silver.manifests
        )
        assert wrong(clickhouse, client.database, silver.rows) == []

    @pytest.mark.parametrize("number", ["failed_records, 7000", "size, 12345678901234567890", "total_records, 100000"])
    def test_mends_a_sum_that_two_tables_contradict_each_other_about(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str], number: str
    ) -> None:
        self.damage(client, silver, number)
        assert wrong(clickhouse, client.database, silver.rows) != []
        gold.audit(silver.manifests)
        said = capsys.readouterr().out
        assert f"server_health_states.{number.split(',')[0]} is " in said or "total_records" in number
        assert "cannot mend" not in said
        assert wrong(clickhouse, client.database, silver.rows) == []

    @pytest.mark.parametrize("number", ["delay_us, 123456789012345678901", "incomplete_records, 7000"])
    def test_mends_a_sum_that_one_table_has_alone_when_it_reads_the_files(
        self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse, capsys: pytest.CaptureFixture[str], number: str
    ) -> None:
        gold.options.read_files = True
        capsys.readouterr()
        gold.audit_all()
        assert capsys.readouterr().out == ""
        self.damage(client, silver, number)
        assert wrong(clickhouse, client.database, silver.rows) != []
        gold.audit_all()
        assert f"server_health_states.{number.split(',')[0]} is " in capsys.readouterr().out
        assert wrong(clickhouse, client.database, silver.rows) == []

    def damage(self, client: Client, silver: Silver, number: str) -> None:
        """A larger number in a row of a file that is folded, all else as it is."""
        column, value = number.split(", ")
        kept = [one for one in ("total_records", "failed_records", "incomplete_records", "size", "delay_us") if one != column]
        load = gold_ledger.load_id(silver.manifests[0].silver[0].url)
        table = f"{client.database}.server_health_states"
        columns = f"minute, generation, load, {', '.join(kept)}"
        client.execute(f"INSERT INTO {table} ({columns}, {column}) SELECT {columns}, {value} FROM {table} FINAL WHERE load = '{load}' LIMIT 1")

    def test_computes_a_day_anew_of_which_too_much_counts(self, gold: Gold, silver: Silver, client: Client, clickhouse: ClickHouse) -> None:
        some = silver.manifests[0].silver[0].url
        client.execute(
            f"INSERT INTO {client.database}.operational_states (hour, endpoint, method, load, requests) VALUES ('2026-01-15 01:00:00', '/by/other/code', 'GET', '{gold_ledger.load_id(some)}', 5)"
        )
        assert wrong(clickhouse, client.database, silver.rows) != []
        gold.audit_all()
        assert wrong(clickhouse, client.database, silver.rows) == []


@pytest.mark.parametrize("engine", ENGINES)
class TestFilesThatAreGone:
    """Expired by the lake's retention, or lost."""

    def with_a_gone_file(self, silver: Silver, make_gold: MakeGold, engine: str, committed_at: str) -> tuple[Gold, Manifest, list[Row]]:
        gone = [row._replace(event_us=row.event_us % 3_600_000_000 + int(DAY.timestamp()) * 1_000_000) for row in events(1, 50, hours=1)]
        manifest = silver.commit(gone, committed_at=committed_at)
        left = events(2, 50, hours=1)
        left = [row._replace(event_us=row.event_us % 3_600_000_000 + int((DAY + timedelta(days=3)).timestamp()) * 1_000_000) for row in left]
        silver.commit(left, committed_at=datetime.now(timezone.utc).isoformat())
        silver.lake.object_store.delete(manifest.silver[0].url)
        gold = make_gold(engine)
        gold.options.silver_retention_days = 7
        return gold, manifest, left

    def test_an_expired_one_is_left_out_and_its_day_is_marked(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
        gold, _, left = self.with_a_gone_file(silver, make_gold, engine, "2026-01-15T01:00:00.000Z")
        gold.fold(silver.manifests, 0)
        gold.fold(silver.manifests, 0)

        assert wrong(clickhouse, client.database, left) == []
        assert client.rows(f"SELECT date, missing_files FROM {client.database}.metrics_incomplete_days") == [["2026-01-15", "1"]]
        gold.audit(silver.manifests)
        with pytest.raises(
            JobError,
            match=r"day 2026-01-15 cannot be computed anew: 1 of its 1 silver files have left the lake by its retention of 7 days \(the first is s3a://\S+\); its metrics stay as they are",
        ):
            gold.rebuild("2026-01-15")
        gold.rebuild("2026-01-18")
        assert wrong(clickhouse, client.database, left) == []

    def test_one_that_was_counted_before_it_expired_leaves_its_day_whole(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
        gold = make_gold(engine)
        manifest = silver.commit(events(1, 50, hours=1), committed_at="2026-01-15T01:00:00.000Z")
        gold.fold([manifest], 0)
        silver.lake.object_store.delete(manifest.silver[0].url)
        client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
        gold.options.silver_retention_days = 7
        gold.fold([manifest], 0)

        assert wrong(clickhouse, client.database, silver.rows) == []
        assert client.rows(f"SELECT count() FROM {client.database}.metrics_incomplete_days") == [["0"]]

    def test_one_that_should_be_there_ends_the_job_in_one_sentence(self, silver: Silver, make_gold: MakeGold, engine: str) -> None:
        gold, manifest, _ = self.with_a_gone_file(silver, make_gold, engine, datetime.now(timezone.utc).isoformat())
        with pytest.raises(JobError) as ended:
            gold.fold(silver.manifests, 0)
        sentence = str(ended.value)
        assert sentence.startswith(f"silver file {manifest.silver[0].url}, which {silver.lake.commits}{0:020d}.json names, is not in the object store, though it was committed at")
        assert sentence.endswith("restore it from a backup, or compute it again from bronze: streaming_job.py with its own arguments and --batch 0 (1 such files in all)")


@pytest.mark.parametrize("engine", ENGINES)
class TestReprocess:
    """A manifest that replaces files of earlier ones."""

    def commits(self, silver: Silver) -> tuple[list[Row], list[Row]]:
        """Three batches, then a reprocess of the second, whose events were read wrongly; all rows, and those that count."""
        parts = [events(seed, 150, hours=4) for seed in range(3)]
        for part in parts:
            silver.commit(part)
        mended = [row._replace(action_type="ORDER", bytes=11) for row in parts[1]]
        silver.commit(mended, replaces=[file.url for file in silver.manifests[1].silver])
        return [*parts[0], *parts[1], *parts[2]], [*parts[0], *mended, *parts[2]]

    def test_its_files_count_and_the_replaced_ones_no_more(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
        before, after = self.commits(silver)
        gold = make_gold(engine)
        gold.fold(silver.manifests[:3], 0)
        assert wrong(clickhouse, client.database, before) == []
        gold.fold(silver.manifests[3:], 1)
        assert wrong(clickhouse, client.database, after) == []
        gold.audit(silver.manifests)
        assert wrong(clickhouse, client.database, after) == []

    def test_a_replay_from_the_beginning_ends_the_same(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
        _, after = self.commits(silver)
        gold = make_gold(engine)
        gold.fold(silver.manifests, 0)
        assert wrong(clickhouse, client.database, after) == []
        client.execute(f"TRUNCATE TABLE {client.database}.gold_loads")
        for number, manifest in enumerate(silver.manifests):
            gold.fold([manifest], number)
        assert wrong(clickhouse, client.database, after) == []

    def test_it_may_be_cut_anywhere(self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
        before, after = self.commits(silver)
        gold = make_gold(engine)
        gold.fold(silver.manifests[:3], 0)
        with monkeypatch.context() as patch:
            patch.setattr(gold_ledger, "publish", _cut_off)
            with pytest.raises(KeyboardInterrupt):
                gold.fold(silver.manifests[3:], 1)
        assert wrong(clickhouse, client.database, before) == []
        gold.fold(silver.manifests[3:], 1)
        assert wrong(clickhouse, client.database, after) == []


# What gold notes beside the states.
LEDGERS = ("gold_loads", "gold_positions", "gold_replaced_files", "gold_expired_files", "gold_generations", "gold_business_day")
LOST = [*((one,) for one in LEDGERS), *combinations(LEDGERS, 2), LEDGERS]


class TestLostLedgers:
    """Ledgers only save work: the commit log and the tables have what is needed."""

    zone = "Asia/Seoul"

    @pytest.fixture
    def counted(self, silver: Silver) -> list[Row]:
        """A batch that has expired before it was counted, three more (the first an old one), and a reprocess of the second of these; the rows that count."""
        expired = [row._replace(event_us=row.event_us - 10 * 86_400_000_000) for row in events(9, 40, hours=1)]
        parts = [events(seed, 90, hours=2) for seed in range(3)]
        now = datetime.now(timezone.utc).isoformat()
        gone = silver.commit(expired)
        for number, part in enumerate(parts):
            silver.commit(part, committed_at=now if number else "2026-01-15T02:00:00.000Z")
        # Parsed again, a part of the events is of other days.
        mended = [row._replace(action_type="ORDER", bytes=11, event_us=row.event_us + number % 2 * 86_400_000_000) for number, row in enumerate(parts[1])]
        silver.commit(mended, replaces=[file.url for file in silver.manifests[2].silver], committed_at=now)
        for file in gone.silver:
            silver.lake.object_store.delete(file.url)
        return [*parts[0], *mended, *parts[2]]

    def start(self, make_gold: MakeGold) -> Gold:
        """A job as main() begins."""
        gold = make_gold("clickhouse", self.zone)
        gold.options.silver_retention_days = 7
        gold.options.max_files_per_trigger = 2
        gold_job._restore_generations(gold.loader.clickhouse)
        gold.check_business_day()
        return gold

    def run(self, make_gold: MakeGold) -> None:
        """Starts, folds all that there is to fold, and looks at all while there is nothing more."""
        gold = self.start(make_gold)
        position = gold_ledger.position(gold.loader.clickhouse, gold.options.commits)
        if position is not None:
            gold.audit_young(position.sequence)
        else:
            gold.note_all_replaced()
        batches = gold._batches(position)
        while next(batches):
            pass
        gold._audit_some(-1, 4)

    def audit(self, make_gold: MakeGold) -> None:
        self.start(make_gold).audit_all()

    def is_right(self, clickhouse: ClickHouse, client: Client, counted: list[Row]) -> None:
        assert wrong(clickhouse, client.database, counted, self.zone) == []
        assert client.rows(f"SELECT date, missing_files FROM {client.database}.metrics_incomplete_days") == [["2026-01-05", "1"]]
        assert client.rows(f"SELECT sequence, uniqExact(load) FROM {client.database}.gold_replaced_files GROUP BY sequence") == [["4", "2"]]

    @pytest.mark.parametrize("lost", LOST, ids="+".join)
    def test_tables_are_a_recount_again_whichever_are_lost(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row], capsys: pytest.CaptureFixture[str], lost: tuple[str, ...]
    ) -> None:
        self.run(make_gold)
        self.is_right(clickhouse, client, counted)
        # What was counted expires, too: only the tables have it, on days that the reprocess is of.
        for file in silver.manifests[1].silver:
            silver.lake.object_store.delete(file.url)

        for table in lost:
            client.execute(f"TRUNCATE TABLE {client.database}.{table}")
        if "gold_positions" in lost:
            with pytest.raises(JobError, match=rf"nothing of {silver.lake.commits} is folded into {client.database}; start gold_job.py run first"):
                self.audit(make_gold)
            self.run(make_gold)
        self.audit(make_gold)
        self.is_right(clickhouse, client, counted)

        for table in lost:
            client.execute(f"TRUNCATE TABLE {client.database}.{table}")
        self.run(make_gold)
        self.is_right(clickhouse, client, counted)
        capsys.readouterr()
        self.audit(make_gold)
        assert capsys.readouterr().out == ""
        self.is_right(clickhouse, client, counted)

    def test_a_day_that_a_reprocess_computes_anew_is_marked_where_files_that_were_counted_have_expired(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row]
    ) -> None:
        gold = self.start(make_gold)
        gold.fold(silver.manifests[:4], 0)
        for file in silver.manifests[1].silver:
            silver.lake.object_store.delete(file.url)
        gold.fold(silver.manifests[4:], 1)
        assert wrong(clickhouse, client.database, counted[90:], self.zone) == []
        assert client.rows(f"SELECT date, missing_files FROM {client.database}.metrics_incomplete_days ORDER BY date") == [["2026-01-05", "1"], ["2026-01-15", "2"]]

    @pytest.mark.parametrize("is_noted", [True, False])
    def test_a_replaced_file_that_counts_beside_its_replacement_is_found_and_counts_no_more(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row], capsys: pytest.CaptureFixture[str], is_noted: bool
    ) -> None:
        self.run(make_gold)
        replaced = [file.url for file in silver.manifests[2].silver]
        if not is_noted:
            client.execute(f"TRUNCATE TABLE {client.database}.gold_replaced_files")
        gold = self.start(make_gold)
        generations = gold_ledger.read_generations(client)
        gold.load([FileLoad(url, tuple(gold_ledger.targets(generations, set(), None))) for url in replaced])
        gold_ledger.note(client, replaced)
        assert wrong(clickhouse, client.database, counted, self.zone) != []
        capsys.readouterr()

        self.audit(make_gold)

        assert "manifest 2: 2 silver files of 0 events, but server_health_states counts 90" in capsys.readouterr().out
        self.is_right(clickhouse, client, counted)
        self.audit(make_gold)
        assert capsys.readouterr().out == ""

    def test_what_is_noted_as_replaced_by_a_manifest_that_does_not_say_so_counts(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row]
    ) -> None:
        gold_ledger.note_replaced(client, [file.url for file in silver.manifests[1].silver], 4)
        self.run(make_gold)
        assert wrong(clickhouse, client.database, counted, self.zone) == []
        self.audit(make_gold)
        assert wrong(clickhouse, client.database, counted, self.zone) == []

    def test_what_a_manifest_replaces_that_the_log_has_no_more_is_known_from_the_note(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.run(make_gold)
        silver.lake.object_store.delete(f"{silver.lake.commits}{4:020d}.json")
        capsys.readouterr()
        self.start(make_gold).audit(silver.manifests[:4])
        assert capsys.readouterr().out == ""
        self.is_right(clickhouse, client, counted)

    def test_another_zone_is_refused_where_the_note_of_the_zone_is_lost(self, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, counted: list[Row]) -> None:
        self.run(make_gold)
        client.execute(f"TRUNCATE TABLE {client.database}.gold_business_day")
        refused = rf"the tables of {client.database} are not filled by business days of America/New_York: silver file s3a://\S+ counts on 2026-01-1\d, .*; give"
        with pytest.raises(JobError, match=refused):
            make_gold("clickhouse", "America/New_York").check_business_day()
        assert not gold_ledger.is_business_day_noted(client)
        make_gold("clickhouse", self.zone).check_business_day()
        assert gold_ledger.is_business_day_noted(client)
        self.is_right(clickhouse, client, counted)


def test_summed_uniques_are_wrong(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse) -> None:
    gold = make_gold()
    # Merged, or read with FINAL, the sets of a minute are one.
    clickhouse.execute(f"SYSTEM STOP MERGES {client.database}.server_health_states")
    for seed in range(2):
        gold.fold([silver.commit(events(seed, 300, hours=0.2))], seed)
    assert wrong(clickhouse, client.database, silver.rows) == []

    view = client.rows(f"SELECT as_select FROM system.tables WHERE database = '{client.database}' AND name = 'metrics_server_health_minutely'")[0][0]
    summed = view.replace("uniqExactMerge(raw.users)", "sum(finalizeAggregation(raw.users))").replace(" FINAL", "")
    assert "sum(finalize" in summed
    assert "FINAL" in view
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
            client.execute(f"INSERT INTO {client.database}.{table} SELECT * REPLACE (generateUUIDv4() AS load) FROM {client.database}.{table}")  # every sum is now double
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

    @pytest.mark.parametrize("lost", [("gold_generations",), ("gold_generations", "gold_loads", "gold_positions")])
    def test_what_was_rebuilt_counts_once_after_the_list_of_generations_was_lost(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, lost: tuple[str, ...]
    ) -> None:
        gold = make_gold()
        gold.fold([silver.commit(events(1, 200, hours=6))], 0)
        gold.rebuild(self.day)
        gold.rebuild(self.day)
        for table in lost:
            client.execute(f"TRUNCATE TABLE {client.database}.{table}")
        gold.fold([silver.commit(events(2, 100, hours=6))], 1)  # a job that has not noticed
        assert wrong(clickhouse, client.database, silver.rows) == []

        publish = gold_ledger.publish

        def seen_before(one: Client, day: str, generation: int) -> None:
            assert wrong(clickhouse, client.database, silver.rows) == []
            publish(one, day, generation)

        monkeypatch.setattr(gold_ledger, "publish", seen_before)
        gold.rebuild(self.day)
        assert wrong(clickhouse, client.database, silver.rows) == []
        assert client.rows(f"SELECT DISTINCT generation FROM {client.database}.server_health_states WHERE toDate(minute) = '{self.day}'") == [["3"]]

    def test_a_job_that_starts_without_generations_and_ledger_goes_on_in_what_the_tables_hold(
        self, silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, spark: SparkSession
    ) -> None:
        gold = make_gold()
        manifest = silver.commit(events(1, 200, hours=6))
        gold.fold([manifest], 0)
        gold.rebuild(self.day)
        for table in ("gold_generations", "gold_loads", "gold_positions"):
            client.execute(f"TRUNCATE TABLE {client.database}.{table}")
        assert gold_ledger.restore_generations(client) == [self.day]
        assert gold_ledger.restore_generations(client) == []

        gold.fold([manifest, silver.commit(events(2, 100, hours=6))], 0)
        assert wrong(clickhouse, client.database, silver.rows) == []


def _cut_off(client: Client, day: str, generation: int) -> None:
    raise KeyboardInterrupt


def of_many_days(count: int) -> list[Row]:
    """An event on each of so many days, every twelfth one."""
    first = datetime(1970, 1, 2, tzinfo=timezone.utc)
    return [_event(first + timedelta(days=12 * number), "MAIN", number, user=str(number % 7)) for number in range(count)]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_insert_makes_parts_of_a_hundred_days_at_most(silver: Silver, make_gold: MakeGold, client: Client, clickhouse: ClickHouse, engine: str) -> None:
    gold = make_gold(engine, "Asia/Seoul")
    odd = [row._replace(action_type="a\u2028b\u0085c") for row in of_many_days(230)]
    manifest = silver.commit(odd, of_many_hours=True)
    gold.fold([manifest], 0)
    assert wrong(clickhouse, client.database, silver.rows, "Asia/Seoul") == []

    # The server holds every INSERT to it, so a file whose days are not divided is refused.
    load = FileLoad(manifest.silver[0].url, (gold_ledger.Target("true", "0"),))
    with pytest.raises(JobError, match="Too many partitions for single INSERT block"):
        _UndividedLoader(**vars(gold.loader)).from_file(load)
    client.execute(f"ALTER TABLE {client.database}.user_states DROP PARTITION ('1970-01-02', 0)")
    gold.loader.from_file(load)  # loads the day that is not there
    assert wrong(clickhouse, client.database, silver.rows, "Asia/Seoul") == []


class _UndividedLoader(Loader):
    def _bounded(self, load: StateLoad, target: gold_ledger.Target, file: str, source: str) -> Iterator[gold_ledger.Target]:
        yield target


def test_a_file_of_a_thousand_days_is_loaded_where_few_parts_are_allowed_and_the_server_is_killed(silver: Silver, object_store: ObjectStore, tmp_path: Path) -> None:
    rows = of_many_days(1_000)
    load = FileLoad(silver.commit(rows, of_many_hours=True).silver[0].url, (gold_ledger.Target("true", "0"),))
    with ClickHouse(tmp_path / "clickhouse", object_store) as server:
        client = Client(server.url, WRITER, server.password, "logs", backoff_seconds=(0.2,) * 300)
        counts = "SELECT table, count() AS parts FROM system.parts WHERE active AND database = 'logs' AND table LIKE '%_states' GROUP BY table"
        apply(client, None)
        for table in STATES:
            # A partition has a part at least: this leaves room for those of the INSERT that is cut.
            client.execute(f"ALTER TABLE logs.{table} MODIFY SETTING max_parts_in_total = 1200")
        loader = Loader(client, business_day("UTC"), f"{object_store.endpoint}/{{bucket}}")
        loading = threading.Thread(target=loader.from_file, args=(load,), daemon=True)
        loading.start()
        while not any(row["table"] == "operational_states" and row["parts"] > 400 for row in server.query(counts)):
            time.sleep(0.05)
        server.kill()
        server.start()
        loading.join()  # it repeats the statement that was cut
        before = {row["table"]: row["parts"] for row in server.query(counts)}
        loader.from_file(load)  # and a job that was killed too begins again: nothing is left to do
        assert wrong(server, "logs", rows) == []
        assert set(before) == set(STATES)
        assert all(row["parts"] <= before[row["table"]] <= 1_100 for row in server.query(counts))
