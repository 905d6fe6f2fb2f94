"""Gold: committed silver files to mergeable states in ClickHouse, each file counted once whatever is repeated.

`run` follows the commit log. `rebuild --date D` computes a day anew from silver, with ClickHouse reading the files, and
swaps it in at once; `run` may go on meanwhile. `audit` compares the tables with the log and loads again what differs.
The password is in CLICKHOUSE_PASSWORD, S3 credentials are Spark's.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import islice, takewhile
from zoneinfo import available_timezones

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import gold_audit
import gold_ledger
import session
from business_day import BusinessDay, business_day
from clickhouse import ClickHouse, literal
from commit_log import CommitLog, Manifest
from contract import SILVER_COLUMNS, SILVER_FIELDS, SILVER_PARTITIONS
from contract_clickhouse import TABLES, VIEWS
from contract_gold import SILVER_IN_RANGE
from gold_files import business_days_of, days_of, hour_of, seconds_of
from gold_ledger import Position, Target
from gold_load import FileLoad, Loader, load_files, load_partials
from gold_partials import partials
from graceful_stop import GracefulStop
from job_log import JobError, described, fail, is_of_the_network, say
from object_store import ObjectStore

# A silver file holds what its columns are that are not in its path.
_FILE_SCHEMA = ", ".join(field for name, field in zip(SILVER_COLUMNS, SILVER_FIELDS, strict=True) if name not in SILVER_PARTITIONS)

# What is loaded in one go: a manifest may name thousands of files, and files may be large.
_FILES_AT_ONCE = 200
_BYTES_AT_ONCE = 2 * 2**30

# Manifests that are compared with the tables: when the job starts, and in each look while it has nothing to fold.
_AUDITED_AT_START = 100
_AUDITED_AT_ONCE = 100
_AUDIT_SECONDS = 60

# As batch_writer names the folders of a reprocess.
_REPROCESSED = re.compile(r"/batch=(\d{20})-r[0-9a-f]{11}/")
_SHOWN = 20

# Of the machine that commits and the object store: a file may seem that much younger than it is.
_CLOCKS_MAY_DIFFER_BY = timedelta(hours=1)

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
        day = _business_day(clickhouse, options.business_time_zone)
        _restore_generations(clickhouse)
        spark = session.create(f"gold-{options.command}")
        store = ObjectStore(spark)
        store.check(options.commits, "--commits")
        gold = Gold(spark, Loader(clickhouse, day, _s3_url(spark)), store, options)
        gold.check_business_day()
        if options.command == "rebuild":
            gold.rebuild(options.date)
        elif options.command == "audit":
            gold.audit_all()
        else:
            gold.run()
    except JobError as error:
        return fail(error)
    except (PySparkException, Py4JError) as error:
        return fail(JobError(f"Spark failed: {described(error)}"))
    return 0


@dataclass
class Gold:
    """The job, wired to Spark, the commit log and ClickHouse."""

    spark: SparkSession
    loader: Loader
    store: ObjectStore
    options: argparse.Namespace

    def __post_init__(self) -> None:
        for name, value in _SPARK_SETTINGS.items():
            self.spark.conf.set(name, value)
        self.spark.conf.set("spark.sql.shuffle.partitions", str(4 * self.spark.sparkContext.defaultParallelism))
        self.log = CommitLog(self.store, self.options.commits)

    @property
    def _clickhouse(self) -> ClickHouse:
        return self.loader.clickhouse

    def check_business_day(self) -> None:
        """Notes the business day again when the note of it is lost. Raises JobError when the tables are filled by another."""
        if gold_ledger.is_business_day_noted(self._clickhouse):
            return
        last = self.log.last()
        before = -1 if last is None else last.sequence - _AUDITED_AT_START
        files = [file.url for manifest in self.log.manifests(before if before >= 0 else None) for file in manifest.silver]
        zone = self.loader.business_day
        dates = gold_audit.business_dates_held(self._clickhouse, files)
        for file, of_file in dates.items():
            possible = business_days_of(file, zone)
            if possible is not None and not of_file <= possible:
                raise JobError(
                    f"the tables of {self._clickhouse.database} are not filled by business days of {zone.zone}: silver file {file} counts on {min(of_file - possible)}, and gold_business_day, "
                    "which says of which zone, is empty; give --business-time-zone as it was when they were filled"
                )
        if dates:
            gold_ledger.note_business_day(self._clickhouse, zone)

    def run(self) -> None:
        """Follows the commit log until SIGTERM. Raises JobError when a batch fails."""
        position = gold_ledger.position(self._clickhouse, self.options.commits)
        if position is not None:
            self.audit_young(position.sequence)
        else:
            self.note_all_replaced()
        batches = self._batches(position)
        GracefulStop(self.spark, self.options.stop_timeout_seconds).loop(lambda: next(batches), self.options.trigger_seconds)

    def note_all_replaced(self) -> None:
        """Notes what the whole log replaces, before it is folded once more into tables that are filled: nothing of it may count beside its replacement."""
        if gold_audit.is_any_held(self._clickhouse):
            say("folding from the beginning of the commit log", commits=self.options.commits)
            for manifest in self.log.manifests():
                if manifest.replaces is not None:
                    self._take_back(manifest)

    def _batches(self, position: Position | None) -> Iterator[bool]:
        """Folds a batch a step; gives whether there was one."""
        batch, audited, audit_due = 0, -1, time.monotonic() + _AUDIT_SECONDS
        while True:
            after = (None, None) if position is None else (position.sequence, position.attempt)
            manifests = list(islice(self.log.manifests(*after), self.options.max_files_per_trigger))
            if manifests:
                self.fold(manifests, batch)
                position = Position(manifests[-1].sequence, manifests[-1].attempt)
                gold_ledger.note_position(self._clickhouse, self.options.commits, position)
                batch += 1
            elif position is None:
                say("waiting for the first commit", commits=self.options.commits)
            elif time.monotonic() >= audit_due:
                audited = self._audit_some(audited, position.sequence)
                audit_due = time.monotonic() + _AUDIT_SECONDS
            yield bool(manifests)

    def fold(self, manifests: Sequence[Manifest], batch: int) -> None:
        """Loads every file that the manifests name and the ledger does not, a bounded number at a time."""
        began = time.monotonic()
        files = loaded = 0
        for manifest in manifests:
            if manifest.replaces is not None:
                self._take_back(manifest)
        whole = [manifest for manifest in manifests if manifest.replaces is None]
        for part in _parts([_File(file.url, file.bytes, manifest) for manifest in whole for file in manifest.silver]):
            new = self._load_new(part)
            files += new
            loaded += len(part) - new
        for manifest in manifests:
            if manifest.replaces is not None:
                files += self._reprocess(manifest)
        say(
            "batch",
            batch=batch,
            commits=len(manifests),
            files=files,
            already_loaded=loaded,
            rows=sum(manifest.rows["silver"] for manifest in manifests),
            seconds=f"{time.monotonic() - began:.2f}",
            lag_seconds=f"{_age_seconds(manifests[-1].committed_at):.1f}" if manifests else "0",
        )

    def _load_new(self, part: Sequence[_File]) -> int:
        """Loads those of the files that the ledger does not know, and notes them; gives how many."""
        urls = [file.url for file in part]
        # Generations and what is replaced are read after the files are known: gold_ledger says why.
        generations = gold_ledger.read_generations(self._clickhouse)
        replaced = self._replaced(urls)
        done = gold_ledger.loaded(self._clickhouse, urls)
        new = [file for file in part if file.url not in replaced and (gold_ledger.WHOLE_FILE, 0) not in done.get(file.url, set())]
        self._load_those_that_are_there(new, lambda url: gold_ledger.targets(generations, done.get(url, set()), days_of(url, self.loader.business_day)))
        gold_ledger.note(self._clickhouse, [file.url for file in new])
        return len(new)

    def _load_those_that_are_there(self, files: Sequence[_File], targets: Callable[[str], list[Target]], anew: str | None = None) -> None:
        """Loads files; one that has left the lake by its retention is left out, and its days are marked. Raises JobError.

        `anew`: the one day that is computed anew; what is counted of it does not count for long.
        """
        old = [file for file in files if self._may_have_expired(file)]
        gone = {file.url for file in self._gone(old)}
        left = [file for file in files if file.url not in gone]
        while left:
            try:
                self.load([FileLoad(file.url, tuple(targets(file.url))) for file in left])
                break
            except JobError as failure:
                left = self._without_mended(left, failure)
        if gone:
            self._miss([file.url for file in files if file.url in gone], anew)

    def _without_mended(self, files: list[_File], failure: JobError) -> list[_File]:
        """Files of which some could not be loaded, without those that cannot be read and are mended. Raises JobError when that was not why."""
        damaged = self._damaged(files)
        if not damaged:
            raise failure from None
        # What is mended is in the log already, perhaps far behind: it counts when its manifest is folded.
        mended = self._replaced_behind([file for file, _ in damaged])
        self._refuse([(file, why) for file, why in damaged if file.url not in mended])
        say("left out files that a later manifest replaces", files=len(mended), first=damaged[0][0].url)
        return [file for file in files if file.url not in mended]

    def _damaged(self, files: Sequence[_File]) -> list[tuple[_File, str]]:
        """Those of the files that cannot be read, and why. Raises JobError when the object store does not answer."""
        found: list[tuple[_File, str]] = []
        for file in files:
            there = next((one for one in self.store.list(file.url, limit=1) if one.url == file.url), None)
            if there is None:
                found.append((file, f"is not in the object store{self._retention_of(file)}"))
            elif there.bytes != file.bytes:
                found.append((file, f"has {there.bytes} bytes and not {file.bytes}, as the manifest says"))
            elif (why := self._why_unreadable(file.url)) is not None:
                found.append((file, f"cannot be read ({why})"))
        return found

    def _why_unreadable(self, url: str) -> str | None:
        try:
            self.spark.read.schema(_FILE_SCHEMA).parquet(url).agg(F.max(F.xxhash64("*"))).collect()
        except (PySparkException, Py4JError) as failure:
            return None if is_of_the_network(failure) else described(failure)
        return None

    def _replaced_behind(self, files: Sequence[_File]) -> set[str]:
        """The URLs of those of the files that a later manifest replaces; it is noted."""
        wanted = {file.url for file in files}
        found: set[str] = set()
        if not wanted:
            return found
        for manifest in self.log.manifests(after=min(file.manifest.sequence for file in files)):
            if now := wanted.intersection(manifest.replaced_silver):
                self._take_back(manifest)
                found |= now
        return found

    def _refuse(self, damaged: Sequence[tuple[_File, str]]) -> None:
        """Raises JobError when there are any."""
        if not damaged:
            return
        first, why = damaged[0]
        batches = sorted({_batch_of(file) for file, _ in damaged})
        options = " ".join(f"--batch {batch}" for batch in batches[:_SHOWN])
        more = "" if len(batches) <= _SHOWN else f" and so on for {len(batches) - _SHOWN} more"
        raise JobError(
            f"silver file {first.url}, which {self.log.url(first.manifest.sequence)} names, {why}; restore it from a backup, or compute it again from bronze: "
            f"streaming_job.py with its own arguments and {options}{more} ({len(damaged)} such files in all)"
        )

    def _miss(self, urls: Sequence[str], anew: str | None) -> None:
        """Marks the days of files that have expired before they were counted, those that the tables hold whole are none; and the day that is computed anew without them."""
        zone = self.loader.business_day
        held = gold_audit.held(self._clickhouse, urls, zone)
        missed = [url for url in urls if not held.agrees(url)]
        if anew is not None:
            counted = gold_audit.days_held(self._clickhouse, urls)
            lost = [url for url in urls if url not in missed and anew in counted.get(url, ())]
            for url in lost:
                gold_ledger.note_expired(self._clickhouse, url, [anew])
            if lost:
                say("expired", files=len(lost), days=anew, first=lost[0], see=f"{self._clickhouse.database}.metrics_incomplete_days")
        for url in missed:
            # Of a file of many hours nobody can say the days once it is gone.
            gold_ledger.note_expired(self._clickhouse, url, sorted(days_of(url, zone) or {gold_ledger.WHOLE_FILE}))
        if missed:
            days = sorted({day for url in missed for day in days_of(url, zone) or ()})
            say("expired", files=len(missed), days=",".join(days), first=missed[0], see=f"{self._clickhouse.database}.metrics_incomplete_days")

    def _gone(self, files: Iterable[_File]) -> list[_File]:
        return [file for file in files if next((one.url for one in self.store.list(file.url, limit=1)), None) != file.url]

    def _may_have_expired(self, file: _File) -> bool:
        """Whether the lake's retention can have deleted a file by now."""
        days = self.options.silver_retention_days
        if days is None:
            return False
        written = datetime.fromisoformat(file.manifest.committed_at.replace("Z", "+00:00"))
        if file.manifest.kind == "rebuilt":
            # Such a manifest is younger than its files: what is known is that their events are at least that old.
            written = min(written, hour_of(file.url) or written)
        return datetime.now(timezone.utc) - written >= timedelta(days=days) - _CLOCKS_MAY_DIFFER_BY

    def _retention_of(self, file: _File) -> str:
        days = self.options.silver_retention_days
        return "" if days is None else f", though it was committed at {file.manifest.committed_at} and silver is kept for {days} days"

    def load(self, loads: Sequence[FileLoad]) -> None:
        """Brings every file's states into ClickHouse with the job's engine. Raises JobError."""
        if not loads:
            return
        gold_ledger.note_business_day(self._clickhouse, self.loader.business_day)
        engine = getattr(self.options, "engine", "clickhouse")
        try:
            failures = self._load_by_clickhouse(loads) if engine == "clickhouse" else self._load_by_spark(loads)
        except (PySparkException, Py4JError) as error:
            raise JobError(f"the files of the batch cannot be read: {described(error)}") from None
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
        offset_us = self.loader.business_day.offset_us("unix_micros(event_time)", *seconds_of(load.file for load in loads))
        rows = partials(silver, offset_us)
        answers = rows.rdd.mapPartitions(partial(load_partials, self.loader, by_number)).collect()
        failures = [sentence for _, sentence in answers if sentence is not None]
        # No file has no rows: Spark passes over one of no bytes without a word.
        read = {number for number, _ in answers}
        return failures or [f"silver file {load.file} gave no rows" for number, load in by_number.items() if number not in read]

    def _take_back(self, manifest: Manifest) -> None:
        """Notes which files a reprocess replaces, before anything else of its batch is loaded."""
        gold_ledger.note_replaced(self._clickhouse, manifest.replaced_silver, manifest.sequence)

    def _replaced(self, files: Sequence[str]) -> set[str]:
        """Those of the files that are noted as replaced, by manifests that say so or that the log has no more."""
        noted = gold_ledger.replaced(self._clickhouse, files)
        by_manifest = {sequence: self._replaced_by(sequence) for sequence in set().union(*noted.values())}
        return {file for file, sequences in noted.items() if any(by is None or file in by for by in map(by_manifest.get, sequences))}

    def _replaced_by(self, sequence: int) -> frozenset[str] | None:
        """What a manifest replaces; None when it is not there."""
        url = self.log.url(sequence)
        if next((one.url for one in self.store.list(url, limit=1)), None) != url:
            return None
        return frozenset(self.log.read(sequence).replaced_silver)

    def _reprocess(self, manifest: Manifest) -> int:
        """Computes anew the days whose files a reprocess has replaced; gives how many files it brought."""
        new = [file.url for file in manifest.silver]
        if self._is_in_already(manifest):
            gold_ledger.note(self._clickhouse, new)
            return 0
        # New ones may be replaced in their turn, by what mended them.
        lost = self._mended_of_many_hours(manifest)
        days = self._days([url for url in new if url not in lost], [*manifest.replaced_silver, *lost])
        say("reprocess", sequence=manifest.sequence, days=",".join(days))
        self._compute_anew(days, is_incomplete_allowed=True)
        gold_ledger.note(self._clickhouse, new)
        return len(new)

    def _is_in_already(self, manifest: Manifest) -> bool:
        """Whether a reprocess was folded before: then its days stay, of which files may have left the lake since. Of files of many hours nobody can say it."""
        files = [file.url for file in manifest.silver]
        replaced = self._replaced(files)
        left = {url for url in files if url not in replaced}
        if any(hour_of(url) is None for url in left) or not left <= set(gold_audit.days_held(self._clickhouse, list(left))):
            return False
        return not gold_audit.differences(self._clickhouse, [manifest], replaced, self.loader.business_day)

    def _mended_of_many_hours(self, manifest: Manifest) -> set[str]:
        """Of the files of a reprocess whose days stand in them alone, those that cannot be read and that a later one has mended. Raises JobError for others that cannot."""
        damaged = self._damaged([_File(file.url, file.bytes, manifest) for file in manifest.silver if hour_of(file.url) is None])
        mended = self._replaced_behind([file for file, _ in damaged])
        self._refuse([(file, why) for file, why in damaged if file.url not in mended])
        return mended

    def _days(self, files: Sequence[str], may_be_gone: Sequence[str] = ()) -> list[str]:
        """The UTC days and business days that files hold: by their URLs, else by the tables, else by the files themselves.

        Those that `may_be_gone` need not be readable: what the tables do not hold of them counts on no day.
        """
        zone = self.loader.business_day
        days = {day for file in files for day in days_of(file, zone) or ()}
        days.update(day for file in may_be_gone for day in days_of(file, zone) or ())
        of_many_hours = [file for file in (*files, *may_be_gone) if days_of(file, zone) is None]
        held = gold_audit.days_held(self._clickhouse, of_many_hours)
        days.update(day for of_file in held.values() for day in of_file)
        unread = [file for file in files if days_of(file, zone) is None and file not in held]
        there = [file for file in unread if next((one.url for one in self.store.list(file, limit=1)), None) == file]
        if there:
            in_range = dict(SILVER_IN_RANGE)["event_time"]
            moments = self.spark.read.schema(_FILE_SCHEMA).parquet(*there).selectExpr(f"unix_micros({in_range}) AS moment")
            offset_us = zone.offset_us("moment", *seconds_of(there))
            found = moments.selectExpr(f"explode(array(moment div 86400000000, (moment + {offset_us}) div 86400000000)) AS day").distinct()
            days.update((date(1970, 1, 1) + timedelta(days=row["day"])).isoformat() for row in found.collect())
        return sorted(days)

    def rebuild(self, day: str) -> None:
        """Computes a day anew from silver and swaps it in. Raises JobError; what is read is then as before."""
        self._compute_anew([day], is_incomplete_allowed=False)

    def _compute_anew(self, days: Sequence[str], is_incomplete_allowed: bool) -> None:
        began = time.monotonic()
        zone = self.loader.business_day
        # The commit log is read after the announcement: gold_ledger says why.
        generations = {day: gold_ledger.announce(self._clickhouse, day) for day in days}
        current = self._current_files()
        for day, generation in generations.items():
            target = gold_ledger.day_target(day, generation)
            files = [file for file in current if (of_file := days_of(file.url, zone)) is None or day in of_file]
            if not is_incomplete_allowed and (gone := self._gone([file for file in files if self._may_have_expired(file)])):
                raise JobError(
                    f"day {day} cannot be computed anew: {len(gone)} of its {len(files)} silver files have left the lake by its retention of "
                    f"{self.options.silver_retention_days} days (the first is {gone[0].url}); its metrics stay as they are"
                )
            for part in _parts(files):
                self._load_those_that_are_there(part, lambda _, target=target: [target], day)  # type: ignore[misc]
            gold_ledger.note(self._clickhouse, [file.url for file in files], day, generation)
            gold_ledger.publish(self._clickhouse, day, generation)
            self._drop_before(day, generation)
            say("rebuilt", day=day, generation=generation, files=len(files), seconds=f"{time.monotonic() - began:.2f}")

    def _drop_before(self, day: str, generation: int) -> None:
        for table in TABLES:
            if table.day is not None:
                for old in range(generation):
                    self._clickhouse.execute(f"ALTER TABLE {self._clickhouse.database}.{table.name} DROP PARTITION ({literal(day)}, {old})")

    def _current_files(self) -> list[_File]:
        """Every silver file of the log that no reprocess has replaced; what is replaced is noted."""
        files: dict[str, _File] = {}
        replaced: set[str] = set()
        for manifest in self.log.manifests():
            files.update((file.url, _File(file.url, file.bytes, manifest)) for file in manifest.silver)
            if manifest.replaces is not None:
                self._take_back(manifest)
                replaced.update(manifest.replaced_silver)
        return [file for url, file in files.items() if url not in replaced]

    def audit_all(self) -> None:
        """Compares the tables with the whole commit log, as far as it is folded, and mends what differs."""
        position = gold_ledger.position(self._clickhouse, self.options.commits)
        if position is None:
            raise JobError(f"nothing of {self.options.commits} is folded into {self._clickhouse.database}; start gold_job.py run first")
        self.audit(self._folded(None, position.sequence), is_read=self.options.read_files)
        self.audit_loads(position.sequence)
        self._say_loads_of_other_logs()

    def audit_young(self, last: int) -> None:
        """Compares the manifests that were folded last: what a power cut can have taken is young, and nothing is built on it yet."""
        before = last - _AUDITED_AT_START
        self.audit(self._folded(before if before >= 0 else None, last))

    def _audit_some(self, audited: int, last: int) -> int:
        """Compares some manifests after the one that was compared last, from the first again when none is left; gives the last."""
        manifests = list(islice(self._folded(None if audited < 0 else audited, last), _AUDITED_AT_ONCE))
        self.audit(manifests)
        self.audit_loads(last)
        return -1 if not manifests or manifests[-1].sequence >= last else manifests[-1].sequence

    def _folded(self, after: int | None, last: int) -> Iterator[Manifest]:
        """The manifests behind a sequence as far as they are folded. What is not yet counts nothing, and is no difference."""
        return takewhile(lambda manifest: manifest.sequence <= last, self.log.manifests(after))

    def audit(self, manifests: Iterable[Manifest], is_read: bool = False) -> None:
        """Compares the tables with manifests that are folded, says what differs in a line each, and loads it again.

        `is_read`: with what each file itself gives, too.
        """
        compared = mended = 0
        rest = iter(manifests)
        while some := list(islice(rest, _AUDITED_AT_ONCE)):
            compared += len(some)
            mended += self._mend(some, is_read)
        if mended:
            say("audit", manifests=compared, different=mended)

    def audit_loads(self, last: int) -> None:
        """Looks for rows of loads that neither the ledger nor the commit log knows, and computes their days anew. Says what it cannot mend."""
        unknown = gold_audit.loads_without_ledger(self._clickhouse)
        if not unknown:
            return
        first: int | None = None
        folded: list[str] = []
        for manifest in self.log.manifests():
            first = manifest.sequence if first is None else first
            named = [file.url for file in manifest.silver if unknown.pop(gold_ledger.load_id(file.url), None) is not None]
            if manifest.sequence <= last:
                folded += named
        gold_ledger.note(self._clickhouse, folded)
        if not unknown:
            return
        days = sorted({day for of_load in unknown.values() for day in of_load})
        what = f"{len(unknown)} loads that no manifest names count on {len(days)} days ({', '.join(days[:_SHOWN])}); the first is load {next(iter(unknown))}"
        say("audit differs", what=f"'{what}'")
        # Files of another log, and of manifests that the log has lost, are no mistake: then a person decides.
        is_all = first == 0 and not folded and gold_ledger.logs(self._clickhouse) == [self.options.commits]
        try:
            if not is_all:
                raise JobError(
                    "the commit log and the ledger do not go back to the first load of this database, so these may be of another log or of manifests that are gone; "
                    "where they are not, compute each of the days anew: gold_job.py rebuild --date DAY"
                )
            self._compute_anew(days, is_incomplete_allowed=False)
        except JobError as error:
            say("audit cannot mend", what=f"'{what}: {error}'")

    def _say_loads_of_other_logs(self) -> None:
        """Says what counts by the ledger alone."""
        unnamed = gold_audit.loads_of_the_ledger(self._clickhouse)
        for manifest in self.log.manifests():
            for file in manifest.silver:
                unnamed.pop(gold_ledger.load_id(file.url), None)
        if unnamed:
            days = sorted({day for of_load in unnamed.values() for day in of_load})
            say(
                "audit differs",
                what=f"'{len(unnamed)} loads that were counted once are named by no manifest of {self.options.commits} ({days[0]} to {days[-1]}): they are of another commit log, "
                f"or of manifests that are gone; where they are to count no more, run gold_job.py rebuild --date DAY'",
            )

    def _checks_of_file(self, file: _File) -> gold_audit.Checks:
        """What a file gives. Raises JobError, with the remedy, when it cannot be read."""
        try:
            return gold_audit.checks_of_file(self.loader, file.url)
        except JobError:
            self._refuse(self._damaged([file]))
            raise

    def _note_replaced_again(self, manifests: Sequence[Manifest]) -> None:
        """Writes what the manifests replace where that is not noted, or no more."""
        for manifest in manifests:
            noted = gold_ledger.replaced(self._clickhouse, manifest.replaced_silver)
            if any(manifest.sequence not in noted.get(url, ()) for url in manifest.replaced_silver):
                self._take_back(manifest)

    def _mend(self, manifests: Sequence[Manifest], is_read: bool) -> int:
        zone = self.loader.business_day
        files = {file.url: _File(file.url, file.bytes, manifest) for manifest in manifests for file in manifest.silver}
        given = (lambda url: self._checks_of_file(files[url])) if is_read else None
        self._note_replaced_again(manifests)
        first = gold_audit.differences(self._clickhouse, manifests, self._replaced(list(files)), zone, given)
        # What the tables lack may be replaced by a manifest that is compared later, and be noted no more.
        if self._replaced_behind([files[url] for difference in first for url in difference.files if url in files]):
            first = gold_audit.differences(self._clickhouse, manifests, self._replaced(list(files)), zone, given)
        if not first:
            return 0
        for difference in first:
            say("audit differs", what=f"'{difference}'")
        generations = gold_ledger.read_generations(self._clickhouse)
        again = [files[url] for difference in first if not difference.is_too_much for url in difference.files]
        for part in _parts(again):
            self._load_those_that_are_there(part, lambda url: gold_ledger.targets(generations, set(), days_of(url, zone)))
        left = [manifest for manifest in manifests if any(manifest.sequence == difference.sequence for difference in first)]
        replaced = self._replaced(list(files))
        second = gold_audit.differences(self._clickhouse, left, replaced, zone, given)
        if second:
            # Something counts that no file of the log brings: only a day that is computed anew is rid of it.
            try:
                self._compute_anew(self._days([url for difference in second for url in difference.files]), is_incomplete_allowed=False)
            except JobError as error:
                say("audit cannot mend", what=f"'{error}'")
            for difference in gold_audit.differences(self._clickhouse, left, replaced, zone, given):
                say("audit cannot mend", what=f"'{difference}'")
        return len(first)


@dataclass(frozen=True)
class _File:
    """A silver file and the manifest that names it."""

    url: str
    bytes: int
    manifest: Manifest


def _batch_of(file: _File) -> int:
    """The batch whose records a silver file holds: its manifest's, or of a reprocess the one that the path names."""
    of_path = _REPROCESSED.search(file.url) if file.manifest.kind == "reprocess" else None
    return file.manifest.sequence if of_path is None else int(of_path[1])


def _parts(files: Sequence[_File]) -> Iterator[list[_File]]:
    """Files in order, so many at a time that what a part needs is bounded."""
    part: list[_File] = []
    bytes_ = 0
    for file in files:
        if part and (len(part) == _FILES_AT_ONCE or bytes_ + file.bytes > _BYTES_AT_ONCE):
            yield part
            part, bytes_ = [], 0
        part.append(file)
        bytes_ += file.bytes
    if part:
        yield part


def _age_seconds(moment: str) -> float:
    return (datetime.now(timezone.utc) - datetime.fromisoformat(moment.replace("Z", "+00:00"))).total_seconds()


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


def _business_day(clickhouse: ClickHouse, zone: str) -> BusinessDay:
    """The business day of the tables. Raises JobError when they are filled by another zone's."""
    own = business_day(zone)
    day = gold_ledger.agreed_business_day(clickhouse, own)
    if not day.has_rules_of(own):
        say("the tables keep the offsets that they are filled by", zone=day.zone, of="an earlier time zone database")
    return day


def _restore_generations(clickhouse: ClickHouse) -> None:
    days = gold_ledger.restore_generations(clickhouse)
    if days:
        say("generations were not known", days=len(days), first=days[0], now="the one that the tables hold is published")


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
    shared.add_argument("--silver-retention-days", type=int, help="after how many days the object store deletes silver files; default: never")
    shared.add_argument("--database", default="logs", help="default: %(default)s")
    shared.add_argument("--business-time-zone", type=_time_zone, default="UTC", help="IANA zone of the business day; default: %(default)s")
    parser = argparse.ArgumentParser(description="Folds committed silver files into ClickHouse.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", parents=[shared], help="follow the commit log")
    run.add_argument("--engine", choices=("spark", "clickhouse"), default="spark", help="who scans and aggregates; default: %(default)s")
    run.add_argument("--trigger-seconds", type=int, default=60, help="when every commit is folded, look for new ones after this; default: %(default)s")
    run.add_argument("--max-files-per-trigger", type=int, default=10, help="commits that one batch folds at most; default: %(default)s")
    run.add_argument("--stop-timeout-seconds", type=int, default=120, help="how long SIGTERM waits for the batch under way; default: %(default)s")
    audit = commands.add_parser("audit", parents=[shared], help="compare the tables with the commit log, and load again what differs")
    audit.add_argument("--read-files", action="store_true", help="compare them with every silver file too, which ClickHouse reads: as long as a rebuild")
    rebuild = commands.add_parser("rebuild", parents=[shared], help="compute a day anew from silver")
    rebuild.add_argument("--date", required=True, type=_day, help="the UTC day of the minute and hour tables, the business day of the daily ones, e.g. 2026-01-15")
    return parser.parse_args(arguments)


def _time_zone(text: str) -> str:
    # The database's folder also has files of other zones: with leap seconds, or of this machine.
    if text == "UTC" or text in available_timezones():
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no IANA time zone; give one such as Asia/Seoul")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; give one such as 2026-01-15") from None


if __name__ == "__main__":
    sys.exit(main())
