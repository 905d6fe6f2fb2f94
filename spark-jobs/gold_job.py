"""Gold: committed silver files to mergeable states in ClickHouse, each file counted once whatever is repeated.

`run` follows the commit log. `rebuild --date D` computes a day anew from silver, with ClickHouse reading the files, and
swaps it in at once; `run` may go on meanwhile. The password is in CLICKHOUSE_PASSWORD, S3 credentials are Spark's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import gold_ledger
import session
from clickhouse import ClickHouse, literal
from contract import SILVER_COLUMNS, SILVER_FIELDS, SILVER_PARTITIONS
from contract_clickhouse import TABLES, VIEWS
from gold_load import FileLoad, Loader, load_files, load_partials
from gold_partials import partials
from graceful_stop import GracefulStop
from job_log import JobError, fail, say
from object_store import ObjectStore

# A silver file holds what its columns are that are not in its path.
_FILE_SCHEMA = ", ".join(field for name, field in zip(SILVER_COLUMNS, SILVER_FIELDS, strict=True) if name not in SILVER_PARTITIONS)

_SPARK_SETTINGS = {
    # A file has tens of thousands of users: above this many groups Spark would sort the rows instead (default 128).
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "10000000",
    # Partials are small and the number of tasks is known: no waiting for statistics between stages.
    "spark.sql.adaptive.enabled": "false",
    # A task groups one large file or a few small ones: what it holds stays in memory however large the batch is.
    "spark.sql.files.maxPartitionBytes": "32m",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after SIGTERM or a rebuild, 1 with one sentence on standard error."""
    options = _options(arguments)
    try:
        clickhouse = _clickhouse(options)
        _check_schema(clickhouse)
        spark = session.create(f"gold-{options.command}")
        store = ObjectStore(spark)
        store.check(options.commits, "--commits")
        gold = Gold(spark, Loader(clickhouse, options.business_time_zone, _s3_url(spark)), options)
        if options.command == "rebuild":
            gold.rebuild(options.date, store)
        else:
            store.check(options.checkpoint, "--checkpoint")
            gold.run(store)
    except JobError as error:
        return fail(error)
    return 0


@dataclass
class Gold:
    """The job, wired to Spark and ClickHouse."""

    spark: SparkSession
    loader: Loader
    options: argparse.Namespace
    failure: JobError | None = None

    def __post_init__(self) -> None:
        for name, value in _SPARK_SETTINGS.items():
            self.spark.conf.set(name, value)
        self.spark.conf.set("spark.sql.shuffle.partitions", str(4 * self.spark.sparkContext.defaultParallelism))

    def run(self, store: ObjectStore) -> None:
        """Follows the commit log until SIGTERM. Raises JobError when a batch fails."""
        while next(iter(store.list(self.options.commits, limit=1)), None) is None:
            say("waiting for the first commit", commits=self.options.commits)
            time.sleep(self.options.trigger_seconds)
        manifests = (
            self.spark.readStream.schema("value STRING")
            .option("maxFilesPerTrigger", self.options.max_files_per_trigger)
            .option("maxFileAge", "36500d")
            .option("pathGlobFilter", "*.json")
            .text(self.options.commits)
        )
        stop = GracefulStop(self.spark, self.options.stop_timeout_seconds)
        writer = manifests.writeStream.foreachBatch(partial(self._batch, stop)).option("checkpointLocation", self.options.checkpoint)
        # While there are commits to fold the next batch begins at once; only an idle job waits.
        self.spark.conf.set("spark.sql.streaming.pollingDelay", f"{self.options.trigger_seconds}s")
        query = writer.trigger(processingTime="0 seconds").start()
        try:
            stop.wait(query)
        except StreamingQueryException as error:
            raise self.failure or JobError(f"the query ended: {_first_line(error)}") from None
        finally:
            stop.close()

    def _batch(self, stop: GracefulStop, manifests: DataFrame, batch: int) -> None:
        with stop:
            try:
                self.fold([str(row["value"]) for row in manifests.collect()], batch)
            except JobError as error:
                self.failure = error
                raise

    def fold(self, manifests: Sequence[str], batch: int) -> None:
        """Loads every file that the manifests name and the ledger does not; then writes the ledger."""
        began = time.monotonic()
        commits = sorted((json.loads(manifest) for manifest in manifests), key=lambda commit: int(commit["sequence"]))
        files = [str(file["path"]) for commit in commits for file in commit["silver"]]
        # Generations are read after the files are known: gold_ledger says why.
        generations = gold_ledger.read_generations(self.loader.clickhouse)
        done = gold_ledger.loaded(self.loader.clickhouse, files)
        new = [file for file in files if (gold_ledger.WHOLE_FILE, 0) not in done.get(file, set())]
        self.load([FileLoad(file, tuple(gold_ledger.targets(generations, done.get(file, set())))) for file in new])
        gold_ledger.note(self.loader.clickhouse, new)
        say(
            "batch",
            batch=batch,
            commits=len(commits),
            files=len(new),
            already_loaded=len(files) - len(new),
            rows=sum(int(commit["rows"]["silver"]) for commit in commits),
            seconds=f"{time.monotonic() - began:.2f}",
            lag_seconds=f"{_age_seconds(commits[-1]['committed_at']):.1f}" if commits else "0",
        )

    def load(self, loads: Sequence[FileLoad]) -> None:
        """Brings every file's states into ClickHouse with the job's engine. Raises JobError."""
        if not loads:
            return
        engine = getattr(self.options, "engine", "clickhouse")
        failures = self._load_by_clickhouse(loads) if engine == "clickhouse" else self._load_by_spark(loads)
        if failures:
            raise JobError(failures[0])

    def _load_by_clickhouse(self, loads: Sequence[FileLoad]) -> list[str]:
        context = self.spark.sparkContext
        spread = context.parallelize(loads, min(len(loads), context.defaultParallelism))
        return spread.mapPartitions(partial(load_files, self.loader)).collect()

    def _load_by_spark(self, loads: Sequence[FileLoad]) -> list[str]:
        # Values of a statement are computed while it is planned, without a Spark job.
        values = ", ".join("(?)" for _ in loads)
        numbers = self.spark.sql(f"SELECT xxhash64(file) FROM VALUES {values} AS files(file)", [load.file for load in loads]).collect()
        by_number = {int(row[0]): load for row, load in zip(numbers, loads, strict=True)}
        if len(by_number) < len(loads):
            raise JobError("two silver files have one xxhash64; use --engine clickhouse for this batch")
        silver = self.spark.read.schema(_FILE_SCHEMA).parquet(*(load.file for load in loads)).withColumn("file", F.xxhash64("_metadata.file_path"))
        rows = partials(silver, self.loader.business_time_zone)
        return rows.rdd.mapPartitions(partial(load_partials, self.loader, by_number)).collect()

    def rebuild(self, day: str, store: ObjectStore) -> None:
        """Computes a day anew from silver and swaps it in. Raises JobError; what is read is then as before."""
        began = time.monotonic()
        clickhouse = self.loader.clickhouse
        # The commit log is read after the announcement: gold_ledger says why.
        generation = gold_ledger.announce(clickhouse, day)
        files = [file for file in self._committed_files() if _may_hold(file, day, self.loader.business_time_zone)]
        target = gold_ledger.day_target(day, generation)
        self.load([FileLoad(file, (target,)) for file in files])
        gold_ledger.note(clickhouse, files, day, generation)
        gold_ledger.publish(clickhouse, day, generation)
        for table in TABLES:
            if table.day is not None:
                for old in range(generation):
                    clickhouse.execute(f"ALTER TABLE {clickhouse.database}.{table.name} DROP PARTITION ({literal(day)}, {old})")
        say("rebuilt", day=day, generation=generation, files=len(files), seconds=f"{time.monotonic() - began:.2f}")

    def _committed_files(self) -> list[str]:
        manifests = self.spark.read.option("pathGlobFilter", "*.json").text(self.options.commits).collect()
        commits = sorted((json.loads(row["value"]) for row in manifests), key=lambda commit: int(commit["sequence"]))
        return [str(file["path"]) for commit in commits for file in commit["silver"]]


def _may_hold(file: str, day: str, business_time_zone: str) -> bool:
    """Whether a file, by the UTC day in its path, can hold rows of a UTC day or business day."""
    found = re.search(r"/year=(\d+)/month=(\d+)/day=(\d+)/", file)
    if found is None:
        return True
    distance = date(int(found[1]), int(found[2]), int(found[3])) - date.fromisoformat(day)
    return abs(distance) <= timedelta(days=0 if business_time_zone == "UTC" else 1)


def _age_seconds(moment: str) -> float:
    return (datetime.now(timezone.utc) - datetime.fromisoformat(moment.replace("Z", "+00:00"))).total_seconds()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:500]


def _s3_url(spark: SparkSession) -> str:
    """How ClickHouse reaches a bucket of the store that Spark is configured for."""
    hadoop = spark._jsc.hadoopConfiguration()
    endpoint = str(hadoop.get("fs.s3a.endpoint", "")).rstrip("/")
    if not endpoint:
        region = str(hadoop.get("fs.s3a.endpoint.region", "us-east-1"))
        return f"https://{{bucket}}.s3.{region}.amazonaws.com"
    if "://" not in endpoint:
        scheme = "https" if hadoop.getBoolean("fs.s3a.connection.ssl.enabled", True) else "http"
        endpoint = f"{scheme}://{endpoint}"
    if hadoop.getBoolean("fs.s3a.path.style.access", False):
        return endpoint + "/{bucket}"
    return endpoint.replace("://", "://{bucket}.")


def _clickhouse(options: argparse.Namespace) -> ClickHouse:
    password = os.environ.get("CLICKHOUSE_PASSWORD")
    if password is None:
        raise JobError("CLICKHOUSE_PASSWORD is not set; set it to the password of --clickhouse-user")
    return ClickHouse(options.clickhouse_url, options.clickhouse_user, password, options.database)


def _check_schema(clickhouse: ClickHouse) -> None:
    """Raises JobError when a table or a view of the contract is missing."""
    found = {name for (name,) in clickhouse.rows(f"SELECT name FROM system.tables WHERE database = {literal(clickhouse.database)}")}
    missing = [element.name for element in (*TABLES, *VIEWS) if element.name not in found]
    if missing:
        raise JobError(f"ClickHouse at {clickhouse.url} has no {clickhouse.database}.{missing[0]} ({len(missing)} missing in all); run schema_job.py first")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--commits", required=True, help="s3a:// location of the streaming job's commit log")
    shared.add_argument("--clickhouse-url", required=True, help="HTTP interface, e.g. http://clickhouse.storage:8123")
    shared.add_argument("--clickhouse-user", required=True, help="a user that may read and write the database")
    shared.add_argument("--database", default="logs", help="default: %(default)s")
    shared.add_argument("--business-time-zone", type=_time_zone, default="UTC", help="IANA zone of the business day; default: %(default)s")
    parser = argparse.ArgumentParser(description="Folds committed silver files into ClickHouse.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", parents=[shared], help="follow the commit log")
    run.add_argument("--checkpoint", required=True, help="s3a:// location of Spark's own notes")
    run.add_argument("--engine", choices=("spark", "clickhouse"), default="spark", help="who scans and aggregates; default: %(default)s")
    run.add_argument("--trigger-seconds", type=int, default=60, help="when every commit is folded, look for new ones after this; default: %(default)s")
    run.add_argument("--max-files-per-trigger", type=int, default=10, help="commits that one batch folds at most; default: %(default)s")
    run.add_argument("--stop-timeout-seconds", type=int, default=120, help="how long SIGTERM waits for the batch under way; default: %(default)s")
    rebuild = commands.add_parser("rebuild", parents=[shared], help="compute a day anew from silver")
    rebuild.add_argument("--date", required=True, type=_day, help="the UTC day of the minute and hour tables, the business day of the daily ones, e.g. 2026-01-15")
    return parser.parse_args(arguments)


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no IANA time zone; give one such as Asia/Seoul") from None


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; give one such as 2026-01-15") from None


if __name__ == "__main__":
    sys.exit(main())
