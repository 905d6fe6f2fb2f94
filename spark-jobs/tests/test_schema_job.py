"""The schema job on a real ClickHouse server: idempotent, additive, never destructive."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable

import pytest

import schema_job
from clickhouse import ClickHouse as Client
from contract_clickhouse import TABLES, VIEWS, Table
from job_log import JobError
from local import fetch
from local.clickhouse import WRITER, ClickHouse
from local.process import free_port
from schema_job import apply


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Client:
    return Client(clickhouse.url, WRITER, clickhouse.password, database, backoff_seconds=())


def definitions(client: Client) -> list[list[str]]:
    """How ClickHouse states every table and view of the database."""
    return client.rows(f"SELECT name, replaceAll(create_table_query, '\\n', ' ') FROM system.tables WHERE database = '{client.database}' ORDER BY name")


@pytest.fixture
def with_tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Table], None]:
    """Puts one changed table into the contract."""

    def replace(changed: Table) -> None:
        monkeypatch.setattr(schema_job, "TABLES", tuple(changed if table.name == changed.name else table for table in TABLES))

    return replace


def table(name: str) -> Table:
    return next(table for table in TABLES if table.name == name)


def without_column(changed: Table, column: str) -> Table:
    return dataclasses.replace(changed, columns=tuple(one for one in changed.columns if one[0] != column))


def test_an_empty_server_gets_every_table_and_view_and_a_second_run_changes_nothing(client: Client) -> None:
    apply(client, None)
    first = definitions(client)
    apply(client, None)

    assert {name for name, _ in first} == {element.name for element in (*TABLES, *VIEWS)}
    assert definitions(client) == first


def test_views_have_the_columns_and_types_of_the_contract(client: Client) -> None:
    apply(client, None)
    for view in VIEWS:
        found = client.rows(f"SELECT name, type FROM system.columns WHERE database = '{client.database}' AND table = '{view.name}' ORDER BY position")
        assert found == [[name, type_] for name, type_, _ in view.columns]


def test_a_new_column_is_added_to_a_table_that_holds_data(client: Client, with_tables: Callable[[Table], None]) -> None:
    states = table("server_health_states")
    with_tables(without_column(states, "delay_us"))
    views = [view for view in VIEWS if "delay_us" not in view.select]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_job, "VIEWS", tuple(views))
        apply(client, None)
    client.execute(f"INSERT INTO {client.database}.server_health_states (minute, total_records) VALUES ('2026-01-15 00:00:00', 3)")

    with_tables(states)
    apply(client, None)

    assert client.rows(f"SELECT total_records, delay_us FROM {client.database}.server_health_states") == [["3", "0"]]
    assert client.rows(f"SELECT total_requests, avg_delay_seconds FROM {client.database}.metrics_server_health_minutely") == [["3", "0"]]


REFUSED: dict[str, tuple[Callable[[], Table], str]] = {
    "a column that the contract lost": (
        lambda: without_column(table("action_states"), "sessions"),
        "column sessions of table {db}.action_states is not in the contract; to delete its values, run: ALTER TABLE {db}.action_states DROP COLUMN sessions",
    ),
    "another type": (
        lambda: dataclasses.replace(table("gold_loads"), columns=tuple((n, "UInt64" if n == "generation" else t, c) for n, t, c in table("gold_loads").columns)),
        "column generation of table {db}.gold_loads is UInt32, the contract says UInt64; to change what is stored, "
        "run: ALTER TABLE {db}.gold_loads MODIFY COLUMN generation UInt64",
    ),
    "another sorting key": (
        lambda: dataclasses.replace(table("user_states"), order_by=("user", "date", "generation", "load")),
        "the sorting key of table {db}.user_states is date, user, generation, load, the contract says user, date, generation, load; "
        "to lose its rows and build them anew, run: DROP TABLE {db}.user_states SYNC",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_destructive_change_is_refused_with_the_statement_and_nothing_is_touched(client: Client, with_tables: Callable[[Table], None], case: str) -> None:
    apply(client, None)
    before = definitions(client)
    changed, sentence = REFUSED[case]
    with_tables(changed())

    with pytest.raises(JobError) as refused:
        apply(client, None)

    assert str(refused.value) == sentence.format(db=client.database)
    assert definitions(client) == before


def test_every_refusal_is_reported_at_once(client: Client, with_tables: Callable[[Table], None]) -> None:
    apply(client, None)
    with_tables(without_column(without_column(table("action_states"), "sessions"), "users"))

    with pytest.raises(JobError) as refused:
        apply(client, None)

    assert len(str(refused.value).splitlines()) == 2


def test_a_changed_setting_is_set(client: Client) -> None:
    apply(client, None)
    client.execute(f"ALTER TABLE {client.database}.user_states MODIFY SETTING fsync_after_insert = 0")
    apply(client, None)
    assert "fsync_after_insert = 1" in {row[0]: row[1] for row in definitions(client)}["user_states"]


FORMER = """CREATE TABLE {db}.action_states (date Date, event_type LowCardinality(String), action_type LowCardinality(String), generation UInt32,
  events SimpleAggregateFunction(sum, UInt64), users AggregateFunction(uniqExact, String), sessions AggregateFunction(uniqExact, String))
ENGINE = AggregatingMergeTree PARTITION BY (date, generation) ORDER BY (date, event_type, action_type, generation)
SETTINGS non_replicated_deduplication_window = 50000"""


def test_tables_of_a_version_that_did_not_know_loads_are_refused_in_one_sentence_that_mends_it(client: Client) -> None:
    client.execute(f"CREATE DATABASE {client.database}")
    client.execute(FORMER.format(db=client.database))
    client.execute(f"INSERT INTO {client.database}.action_states (date, events) VALUES ('2026-01-15', 3)")
    before = definitions(client)

    with pytest.raises(JobError) as refused:
        apply(client, None)

    sentence = str(refused.value)
    assert sentence.startswith(
        f"1 tables of {client.database} (action_states) are of an earlier version, whose sums do not say which files they hold; stop the gold job, move them away with: "
    )
    assert definitions(client) == before
    client.execute(sentence.split("move them away with: ")[1].split(";")[0])
    apply(client, None)
    assert client.rows(f"SELECT sum(events) FROM {client.database}.former_action_states") == [["3"]]
    assert client.rows(f"SELECT count() FROM {client.database}.metrics_business_daily") == [["0"]]


def test_a_longer_retention_is_set_and_a_shorter_one_refused(client: Client) -> None:
    apply(client, 30)
    apply(client, 40)
    assert all("toIntervalDay(40)" in text for name, text in definitions(client) if name.endswith("_states"))

    with pytest.raises(JobError) as refused:
        apply(client, 20)

    first = str(refused.value).splitlines()[0]
    assert first == (
        f"table {client.database}.server_health_states keeps its rows 40 days, --retention-days says 20; to delete older rows, "
        f"run: ALTER TABLE {client.database}.server_health_states MODIFY TTL toDate(minute) + toIntervalDay(20)"
    )


def run(url: str, user: str, password: str | None, database: str) -> subprocess.CompletedProcess[str]:
    """The job as a process, with the arguments of the chart."""
    environment = {"PYTHONPATH": str(fetch.REPOSITORY / "spark-jobs"), **({} if password is None else {"CLICKHOUSE_PASSWORD": password})}
    command = [str(fetch.python()), "spark-jobs/schema_job.py", "--clickhouse-url", url, "--clickhouse-user", user, "--database", database]
    return subprocess.run(command, cwd=fetch.REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_the_process_ends_with_0_when_all_is_well(clickhouse: ClickHouse, database: str) -> None:
    done = run(clickhouse.url, WRITER, clickhouse.password, database)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_password_is_one_sentence(clickhouse: ClickHouse, database: str) -> None:
    done = run(clickhouse.url, WRITER, "wrong", database)
    expected = f"ClickHouse at {clickhouse.url} refuses user 'writer'; correct CLICKHOUSE_PASSWORD or --clickhouse-user\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_a_missing_password_is_one_sentence(clickhouse: ClickHouse, database: str) -> None:
    done = run(clickhouse.url, WRITER, None, database)
    assert (done.returncode, done.stderr) == (1, "CLICKHOUSE_PASSWORD is not set; set it to the password of --clickhouse-user\n")


def test_an_unreachable_server_is_one_sentence(database: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run(url, WRITER, "any", database)
    expected = f"ClickHouse at {url} cannot be reached ([Errno 111] Connection refused); start it or correct --clickhouse-url\n"
    assert (done.returncode, done.stderr) == (1, expected)
