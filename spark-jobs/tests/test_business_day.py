"""The business day of every zone: what both engines make of the contract's expressions, against the time zone database itself."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from datetime import date, datetime, timezone
from importlib import resources
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyspark.sql import SparkSession

from business_day import BusinessDay, business_day
from clickhouse import ClickHouse as Client
from gold_files import days_of
from gold_ledger import agreed_business_day, note_business_day
from job_log import JobError
from local.clickhouse import WRITER, ClickHouse
from local.fetch import REPOSITORY
from schema_job import apply

FIRST, LAST = 86_400, int(datetime(2106, 1, 1, tzinfo=timezone.utc).timestamp()) - 1
EPOCH = date(1970, 1, 1)

# Clocks that go back across midnight, skip a day, stand at odd seconds, move by half an hour or two hours, or go back within the year.
ODD = (
    *("America/St_Johns", "America/Goose_Bay", "America/Moncton", "Canada/Newfoundland", "Antarctica/Casey"),
    *("Pacific/Apia", "Pacific/Kwajalein", "Africa/Monrovia", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "Asia/Kolkata"),
)


def read(zone: str) -> bytes:
    """The zone's file of the time zone database."""
    for folder in map(Path, TZPATH):
        if (folder / zone).is_file():
            return (folder / zone).read_bytes()
    return (resources.files("tzdata") / "zoneinfo" / zone).read_bytes()


def changes(zone: str) -> list[int]:
    """The seconds at which the clock may change, by the zone's file; after its last one, two years of its rule: each hour of such a day."""
    content = read(zone)

    def header(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", content[at + 20 : at + 44])

    utc, standard, leaps, times, types, letters = header(0)
    second = 44 + times * 5 + types * 6 + letters + leaps * 8 + standard + utc
    count = header(second)[3]
    found = list(struct.unpack(f">{count}q", content[second + 44 : second + 44 + 8 * count]))
    rules, end = ZoneInfo(zone), max([*found, FIRST]) // 86_400 * 86_400
    days = range(end, end + 2 * 366 * 86_400, 86_400)
    offsets = [datetime.fromtimestamp(day, rules).utcoffset() for day in days]
    by_rule = [day for day, offset, after in zip(days, offsets, offsets[1:], strict=False) if offset != after]
    return [*found, *(hour for day in by_rule for hour in range(day, day + 86_400, 3600))]


def instants(zone: str) -> list[int]:
    """Seconds around every change and around midnights of the zone, all of them in the contract's range."""
    rules = ZoneInfo(zone)
    near_changes = {change + more for change in changes(zone)[:600] for more in (-3600, -1801, -61, -1, 0, 1, 59, 1800, 3599)}
    midnights = {int(datetime(year, 1 + year * 7 % 12, 15, tzinfo=rules).timestamp()) + more for year in range(1970, 2106) for more in (-1, 0)}
    return sorted(one for one in near_changes | midnights | {FIRST, LAST} if FIRST <= one <= LAST)


def day_number(second: int, rules: ZoneInfo) -> int:
    """The day of the zone's calendar, in days since 1970."""
    return (datetime.fromtimestamp(second, rules).date() - EPOCH).days


@pytest.fixture(scope="module")
def zones() -> list[str]:
    """Every zone that --business-time-zone takes; of those with the same rules one, and all that are odd."""
    of_rules = {read(zone): zone for zone in sorted(available_timezones())}
    return sorted({*of_rules.values(), *ODD})


def test_every_zone_has_the_days_of_its_own_calendar(zones: list[str]) -> None:
    assert len(zones) > 300
    wrong = []
    for zone in zones:
        rules, day = ZoneInfo(zone), business_day(zone)
        wrong += [(zone, one) for one in instants(zone) if day.days(one, one) != {datetime.fromtimestamp(one, rules).date().isoformat()}]
    assert wrong == []


def test_the_days_of_a_file_of_an_hour_are_those_of_all_its_seconds() -> None:
    for zone in ODD:
        rules, day = ZoneInfo(zone), business_day(zone)
        for change in (one for one in changes(zone)[:600] if FIRST <= one <= LAST - 3600):
            hour = change // 3600 * 3600
            moment = datetime.fromtimestamp(hour, timezone.utc)
            file = f"s3a://silver/year={moment.year}/month={moment.month}/day={moment.day}/hour={moment.hour}/part-0.parquet"
            every_second = {datetime.fromtimestamp(second, rules).date().isoformat() for second in range(max(hour, FIRST), hour + 3600, 1 if change % 3600 else 60)}
            assert days_of(file, day) == every_second | {moment.date().isoformat()}, (zone, moment)


def expression(engine: str) -> str:
    """How an engine computes the business day, by the contract."""
    objects = yaml.safe_load((REPOSITORY / "contract" / "lakehouse.odcs.yaml").read_text())["schema"]
    columns = next(one["properties"] for one in objects if one["name"] == "gold_event")
    properties = next(column["customProperties"] for column in columns if column["name"] == "business_date")
    return str(next(one["value"] for one in properties if one["property"] == engine))


@pytest.fixture
def of_zones(clickhouse: ClickHouse, database: str, zones: list[str]) -> Client:
    """Table `instants` with the day of every zone at its instants, by the time zone database."""
    client = Client(clickhouse.url, WRITER, clickhouse.password, database)
    client.execute(f"CREATE DATABASE {database}")
    client.execute(f"CREATE TABLE {database}.instants (zone String, event_time DateTime64(6, 'UTC'), day Int32) ENGINE = MergeTree ORDER BY zone")
    rows = [f"{zone}\t{second}999999\t{day_number(second, rules)}" for zone in zones for rules in [ZoneInfo(zone)] for second in instants(zone)]
    select = "SELECT zone, fromUnixTimestamp64Micro(us, 'UTC'), day FROM input('zone String, us Int64, day Int32')"
    client.execute(f"INSERT INTO {database}.instants {select} FORMAT TSV", "\n".join(rows).encode())
    return client


def test_clickhouse_gives_every_event_the_day_of_its_zones_calendar(of_zones: Client, zones: list[str]) -> None:
    text = expression("clickhouse")
    wrong, counted = {}, 0
    for zone in zones:
        one = text.replace("{business_offset_us}", business_day(zone).offset_us("toUnixTimestamp64Micro(event_time)", FIRST, LAST))
        rows, unlike = of_zones.rows(f"SELECT count(), countIf(toInt32({one}) != day) FROM {of_zones.database}.instants WHERE zone = '{zone}'")[0]
        counted += int(rows)
        wrong.update({zone: unlike} if unlike != "0" else {})
    assert wrong == {}
    assert counted > 100_000


def test_clickhouses_own_dates_are_others(of_zones: Client) -> None:
    found = of_zones.rows(f"SELECT count() FROM {of_zones.database}.instants WHERE zone = 'America/St_Johns' AND toInt32(toDate(event_time, 'America/St_Johns')) != day")
    assert int(found[0][0]) > 0


def test_spark_gives_every_event_the_day_of_its_zones_calendar(spark: SparkSession, tmp_path: Path) -> None:
    rows = [(zone, second, day_number(second, ZoneInfo(zone))) for zone in ODD for second in instants(zone)]
    names, seconds, days = zip(*rows, strict=True)
    times = pa.array([second * 1_000_000 + 999_999 for second in seconds], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"zone": names, "event_time": times, "day": pa.array(days, pa.int32())}), tmp_path / "instants.parquet")
    table = spark.read.parquet(f"file://{tmp_path}/instants.parquet")
    text = expression("spark")
    of_zone = {zone: text.replace("{business_offset_us}", business_day(zone).offset_us("unix_micros(event_time)", FIRST, LAST)) for zone in ODD}
    found = " ".join(f"WHEN '{zone}' THEN {one}" for zone, one in of_zone.items())
    assert table.where(f"unix_date(CASE zone {found} END) != day OR day IS NULL").count() == 0
    assert table.count() == len(rows)


def test_an_offset_is_looked_up_among_those_of_the_files_alone() -> None:
    day = business_day("America/St_Johns")
    november = int(datetime(2010, 11, 7, 2, tzinfo=timezone.utc).timestamp())
    assert day.offset_us("t", november, november + 1800) == "CAST(-9000000000 AS BIGINT)"
    assert "CASE WHEN t < 1289097060000000" in day.offset_us("t", november, november + 3599)
    before, after = bisect_right(day.since, november), bisect_left(day.since, november + 3600)
    assert after - before == 1


@pytest.fixture
def client(clickhouse: ClickHouse, database: str) -> Client:
    one = Client(clickhouse.url, WRITER, clickhouse.password, database)
    apply(one, None)
    return one


def test_a_zone_of_other_days_is_refused_and_a_name_of_the_same_rules_is_not(client: Client) -> None:
    note_business_day(client, business_day("Asia/Seoul"))
    with pytest.raises(JobError) as refusal:
        agreed_business_day(client, business_day("UTC"))
    assert str(refusal.value) == (
        f"the tables of {client.database} are filled by business days of Asia/Seoul, --business-time-zone is UTC; give --business-time-zone Asia/Seoul, "
        f"or fill a new database: schema_job.py --database NAME, then gold_job.py run --database NAME --business-time-zone UTC"
    )
    assert agreed_business_day(client, business_day("ROK")) == business_day("Asia/Seoul")


def test_nothing_is_noted_before_the_tables_are_filled(client: Client) -> None:
    assert agreed_business_day(client, business_day("Asia/Seoul")).zone == "Asia/Seoul"
    assert agreed_business_day(client, business_day("UTC")).zone == "UTC"


def test_a_later_time_zone_database_does_not_move_the_days_of_the_tables(client: Client) -> None:
    earlier = business_day("America/New_York")
    later = BusinessDay(earlier.zone, earlier.since[:-10], earlier.offsets[:-10])
    note_business_day(client, earlier)
    assert agreed_business_day(client, later) == earlier
    note_business_day(client, earlier)
    assert client.rows(f"SELECT count() FROM {client.database}.gold_business_day") == [["1"]]


def test_of_two_that_fill_the_tables_at_once_the_later_ends(client: Client) -> None:
    note_business_day(client, business_day("Asia/Seoul"))
    with pytest.raises(JobError, match="are filled by business days of Asia/Seoul, --business-time-zone is Europe/Berlin"):
        note_business_day(client, business_day("Europe/Berlin"))
    other = business_day("Asia/Seoul")
    moved = BusinessDay("Asia/Seoul", other.since, tuple(offset + 3600 for offset in other.offsets))
    with pytest.raises(JobError, match=r"another job fills the tables of .* by other offsets of Asia/Seoul; start the job again"):
        note_business_day(client, moved)


def test_a_day_that_a_zone_has_left_out_is_no_day_of_a_file() -> None:
    file = "s3a://silver/year=2011/month=12/day=30/hour=10/part-0.parquet"
    assert days_of(file, business_day("Pacific/Apia")) == {"2011-12-30", "2011-12-31"}
    assert days_of(file.replace("hour=10", "hour=9"), business_day("Pacific/Apia")) == {"2011-12-30", "2011-12-29"}
