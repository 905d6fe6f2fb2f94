"""Kafka to bronze, silver and quarantine, each record once: reads its configuration, wires, starts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from py4j.protocol import Py4JError
from pyspark.errors import StreamingQueryException
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

import layer_owner
import session
from batch_metrics import BatchMetrics
from batch_writer import BatchWriter, Locations, WrittenBatch, new_attempt, own_hours
from commit_log import LAYERS, CommitLog, Manifest, OffsetRange
from graceful_stop import GracefulStop
from job_log import JobError, described, fail, say
from kafka_records import CHUNK_RECORDS, KafkaRecord, KafkaRecords, UnreadableTopicError
from kafka_topic import KafkaTopic, TopicState, check_is_stored_topic
from layers import UNREADABLE_KAFKA_TIMESTAMP, ends_sparks_source, is_kafka_time, records, records_in_memory
from object_store import ObjectStore
from poison import Poison, may_be_a_record
from recovery import LOST_ATTEMPT, Recovery
from reprocess import Reprocess

# One fetch holds thousands of records instead of the default 500, and fills up to 8 MiB a partition. A batch asks for what
# is there; but a consumer that has come to the end of a partition asks for more, and can ask for nothing else meanwhile.
_KAFKA_DEFAULTS = {"max.poll.records": "20000", "max.partition.fetch.bytes": "8388608", "fetch.max.wait.ms": "20"}
# Records of an aborted transaction never happened, and those of an open one have not happened yet.
_READ_COMMITTED = {"isolation.level": "read_committed"}
# A batch that a record breaks is halved; so many passes may fail before the driver reads all that is left of it itself.
MAX_FAILING_PASSES = 20
# A marker must not expire with the data that it protects, which the object store keeps for days.
_CLAIM_SECONDS = 6 * 3600


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    try:
        is_reprocess = options.date is not None or bool(options.batch)
        spark = session.create("reprocess" if is_reprocess else "streaming")
        try:
            parse_again(spark, options) if is_reprocess else StreamingJob(spark, options).run()
        finally:
            spark.stop()
    except JobError as error:
        return fail(error)
    return 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="streaming_job.py", description="Stores every record of a Kafka topic in bronze, and parsed in silver or quarantine, once.")
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT,…", help="the Kafka brokers")
    parser.add_argument("--topic", required=True, help="the Kafka topic to store")
    for layer in LAYERS:
        parser.add_argument(f"--{layer}", required=True, metavar="URL", help=f"s3a:// location of {layer}")
    parser.add_argument("--commits", required=True, metavar="URL", help="s3a:// location of the commit log")
    parser.add_argument("--checkpoint", required=True, metavar="URL", help="s3a:// location of Spark's checkpoint, which every run begins anew")
    parser.add_argument("--trigger-seconds", type=_positive, default=60, metavar="N", help="a batch begins when it is full, or N seconds after the last one began (default 60)")
    parser.add_argument("--max-offsets-per-trigger", type=_positive, default=1_000_000, metavar="N", help="a batch holds at most N records (default 1000000)")
    parser.add_argument("--time-zone", type=_zone, default="UTC", metavar="ZONE", help="zone of a time that names none (default UTC)")
    parser.add_argument("--stop-timeout-seconds", type=_positive, default=120, metavar="N", help="how long SIGTERM waits for the batch under way (default 120)")
    parser.add_argument(
        "--accept-lost", type=_sequence, action="append", default=[], metavar="SEQUENCE", help="go on without the batch of this sequence, which is gone for good; an error names it"
    )
    parser.add_argument("--until-caught-up", action="store_true", help="store what is in the topic now, in batches, and end")
    again = parser.add_mutually_exclusive_group()
    again.add_argument(
        "--date",
        type=_day,
        metavar="DAY",
        help="parse the batches of a UTC day, e.g. 2026-01-15, again from bronze with this version of the parser, and end; the streaming job may run meanwhile",
    )
    again.add_argument(
        "--batch",
        type=_sequence,
        action="append",
        default=[],
        metavar="SEQUENCE",
        help="parse a batch again in the same way, also one of which files are lost; may be given several times",
    )
    parser.add_argument("--kafka-option", action="append", default=[], type=_pair, metavar="K=V", help="a setting of the Kafka client, e.g. security.protocol=SSL")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day, such as 2026-01-15") from None


def _sequence(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no sequence of a batch, such as 17")
    return int(text)


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone, such as UTC or Asia/Seoul") from None
    return text


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is no K=V")
    if key in _READ_COMMITTED and value != _READ_COMMITTED[key]:
        raise argparse.ArgumentTypeError(f"{text!r}: the job stores what is committed alone; leave it out")
    return key, value


def parse_again(spark: SparkSession, options: argparse.Namespace) -> None:
    """Replaces silver and quarantine of a day. Raises JobError."""
    store = ObjectStore(spark)
    for name in (*LAYERS, "commits"):
        store.check(getattr(options, name), f"--{name}")
    log = CommitLog(store, options.commits)
    last = log.last()
    if last is None:
        raise JobError(f"--commits {options.commits} has no commits; give the arguments of the streaming job")
    layer_owner.claim(store, options.commits, {layer: str(getattr(options, layer)) for layer in LAYERS}, options.topic, last.topic_id)
    writer = BatchWriter(store, locations_of(options), options.topic, options.time_zone)
    reprocess = Reprocess(spark, store, log, writer, locations_of(options), options.topic)
    try:
        reprocess.day(options.date) if options.date is not None else reprocess.batches(options.batch)
    except (Py4JError, CapturedException) as failure:
        what = f"--date {options.date}" if options.date is not None else f"--batch {options.batch[0]}"
        raise JobError(f"{what} could not be parsed again: {described(failure)}; nothing has changed, start it again") from None


def locations_of(options: argparse.Namespace) -> Locations:
    return Locations(*(getattr(options, layer).rstrip("/") for layer in LAYERS))


class StreamingJob:
    """The one query, and the commit log that says what it has stored."""

    def __init__(self, spark: SparkSession, options: argparse.Namespace) -> None:
        self._spark = spark
        self._options = options
        self._store = ObjectStore(spark)
        self._log = CommitLog(self._store, options.commits)
        self._attempt = new_attempt()
        self._metrics = BatchMetrics(spark)
        self._failure: BaseException | None = None
        # Of its own for each run: the commit log knows the offsets, and what is left of a former checkpoint may be damaged.
        self._checkpoint = f"{options.checkpoint.rstrip('/')}/run={self._attempt}"
        self._has_former_runs = True
        self._leftovers_from: int | None = None
        self._query: StreamingQuery | None = None

    def run(self) -> None:
        options = self._options
        for name in (*LAYERS, "commits", "checkpoint"):
            self._store.check(getattr(options, name), f"--{name}")
        client = dict(options.kafka_option)
        self._topic = KafkaTopic(self._spark, options.bootstrap_servers, options.topic, client)
        state = self._topic.state()
        earliest = state.earliest
        self._topic_id = state.id
        locations = locations_of(options)
        self._writer = BatchWriter(self._store, locations, options.topic, options.time_zone)
        self._last = self._log.last()
        self._check_topic(state)
        owner = self._claim_folders()
        self._last = Recovery(self._spark, self._store, self._log, locations, options.topic, owner.topic_id, options.accept_lost).restored(self._last)
        self._check_topic(state)
        self._accept_lost_records(earliest)
        self._leftovers_from = self._first_of_which_batches_may_be_left()
        start = starting_offsets(self._last, options.topic, earliest)
        say("starting", topic=options.topic, sequence=self._last.sequence if self._last else "none", offsets=_compact(start))
        self._stop = GracefulStop(self._spark, options.stop_timeout_seconds)
        self._stop.let_the_job_say_it()
        self._client = {**client, **_READ_COMMITTED, "bootstrap.servers": options.bootstrap_servers}
        self._records = KafkaRecords(self._spark, options.topic, self._client)
        kafka = (
            self._spark.readStream.format("kafka")
            .options(**self._source_options(len(earliest)))
            .option("subscribe", options.topic)
            .option("startingOffsets", json.dumps({options.topic: {str(partition): offset for partition, offset in start.items()}}))
            .option("maxOffsetsPerTrigger", options.max_offsets_per_trigger)
        )
        if not options.until_caught_up:
            # A full batch does not wait for the trigger: a backlog is read as fast as the machine can.
            kafka = kafka.option("minOffsetsPerTrigger", options.max_offsets_per_trigger).option("maxTriggerDelay", f"{options.trigger_seconds}s")
            self._spark.conf.set("spark.sql.streaming.pollingDelay", "1s")
        # What Spark keeps for a restart, and lists each batch; no run reads another's.
        self._spark.conf.set("spark.sql.streaming.minBatchesToRetain", "2")
        writer = records(kafka.load()).writeStream.foreachBatch(self._guarded_batch).option("checkpointLocation", self._checkpoint)
        writer = writer.trigger(availableNow=True) if options.until_caught_up else writer.trigger(processingTime="0 seconds")
        self._query = writer.start()
        try:
            self._stop.wait(self._query)
        except StreamingQueryException as error:
            if isinstance(self._failure, UnreadableTopicError):
                self._check_source()
            if isinstance(self._failure, JobError):
                raise self._failure from None
            self._check_source()
            print(self._failure or error, file=sys.stderr, flush=True)  # nobody foresaw it: with its stack trace
            raise JobError(
                f"the batch after sequence {self._last.sequence if self._last else 'none'} failed: {described(self._failure or error)}; nothing of it is committed, start the job again"
            ) from None
        finally:
            self._stop.close()
            self._records.close()
            self._topic.close()

    def _source_options(self, partitions: int) -> dict[str, str]:
        """Of Spark's Kafka source, whoever reads it."""
        client = {f"kafka.{key}": value for key, value in {**_KAFKA_DEFAULTS, **self._client}.items()}
        # Three partitions would make three tasks for two cores; halves of them can be put together to equal ones.
        return {**client, "minPartitions": str(partitions * self._spark.sparkContext.defaultParallelism), "failOnDataLoss": "true"}

    def _claim_folders(self) -> layer_owner.LogIdentity:
        """Says again whose the folders are; raises JobError when they are another log's."""
        self._claimed = time.monotonic()
        folders = {name: str(getattr(self._options, name)) for name in (*LAYERS, "checkpoint")}
        return layer_owner.claim(self._store, self._options.commits, folders, self._options.topic, self._topic_id)

    def _accept_lost_records(self, earliest: Mapping[int, int]) -> None:
        """Commits that the brokers no longer hold what is next, when that was accepted for this sequence."""
        last = self._last
        if last is None or last.sequence + 1 not in self._options.accept_lost or not lost_records(last, earliest):
            return
        stored = {p: last.until.get(p, 0) for p in {*last.until, *earliest}}
        offsets = {p: OffsetRange(until, max(until, earliest.get(p, 0))) for p, until in stored.items()}
        rows = dict.fromkeys(LAYERS, 0)
        manifest = Manifest(last.sequence + 1, LOST_ATTEMPT, last.topic, offsets, [], [], [], rows, self._topic_id, last.sequence, "rebuilt")
        if not self._log.create(manifest):
            raise self._two_writers(manifest.sequence)
        say("accepted that records are lost", sequence=manifest.sequence, offsets=_compact_ranges(offsets))
        self._last = manifest

    def _check_topic(self, state: TopicState) -> TopicState:
        """Raises JobError when the topic is not the one that this job and its commit log are of."""
        if self._last is not None and self._last.topic != self._options.topic:
            raise JobError(f"--commits holds topic {self._last.topic}, not --topic {self._options.topic}; give each topic its own commit log")
        stored_id = self._topic_id if self._last is None or self._last.topic_id is None else self._last.topic_id
        check_is_stored_topic(state, self._options.topic, stored_id, self._last.until if self._last else {}, self._options.commits)
        return state

    def _check_source(self) -> None:
        """Says in the job's words what Spark calls offsets that changed: the topic was deleted, created again or cut."""
        starting_offsets(self._last, self._options.topic, self._check_topic(self._topic.state()).earliest)

    def _two_writers(self, sequence: int) -> JobError:
        return JobError(f"{self._log.url(sequence)} is there already, from another writer; only one streaming job may run on a commit log, stop one of them")

    def _guarded_batch(self, batch: DataFrame, batch_id: int) -> None:
        with self._stop:
            try:
                self._store_batch(batch)
            except BaseException as failure:
                self._failure = failure
                raise

    def _store_batch(self, batch: DataFrame) -> None:
        began = time.monotonic()
        ranges = batch_ranges(*self._batch_offsets(), self._last.until if self._last else {})
        if _count(ranges) == 0:
            return  # all that is new is a partition without records
        first_timestamps = self._records.first_timestamps(ranges)
        hours = own_hours(first_timestamps)
        if not self._stored_whole(batch, ranges, first_timestamps, hours, began):
            self._store_around_poison(ranges, hours)

    def _stored_whole(self, records: DataFrame, ranges: Mapping[int, OffsetRange], first_timestamps: Sequence[int], hours: range, began: float) -> bool:
        """Writes and commits; False when a record may be why that failed, or one that a partition begins with is sure to end it."""
        if any(ends_sparks_source(one) for one in first_timestamps):
            say("a record breaks the batch", offsets=_compact_ranges(ranges), error=UNREADABLE_KAFKA_TIMESTAMP)
            return False
        while True:
            try:
                written = self._writer.write(records, _count(ranges), self._attempt_name(), hours)
            except Exception as failure:
                if not may_be_a_record(failure):
                    raise
                self._check_source()
                say("a record breaks the batch", offsets=_compact_ranges(ranges), error=described(failure))
                self._give_up_attempt()
                return False
            if self._commit(written, ranges, began):
                return True

    def _store_around_poison(self, ranges: Mapping[int, OffsetRange], hours: range) -> None:
        """Stores a batch that fails as a whole: halves it until a part is small, and reads that by the plain client.

        Each part that is stored is a commit of its own, in the order of the offsets, so that nothing is read for nothing.
        """
        pending, failures = [ranges], 1
        while pending:
            part, began = pending.pop(), time.monotonic()
            if part is not ranges and failures < MAX_FAILING_PASSES:
                if self._stored_whole(self._read(part), part, self._records.first_timestamps(part), hours, began):
                    continue
                failures += 1
            if _count(part) > CHUNK_RECORDS and failures < MAX_FAILING_PASSES:
                pending += reversed(halves(part))
                continue
            for chunk, covered in self._records.chunks(part):
                self._store_chunk(chunk, covered, hours)

    def _store_chunk(self, chunk: Sequence[KafkaRecord], ranges: Mapping[int, OffsetRange], hours: range) -> None:
        """Stores records that the driver has read; those that no pass gets over go to quarantine as they are."""
        began = time.monotonic()
        odd = [Poison(record, UNREADABLE_KAFKA_TIMESTAMP) for record in chunk if not is_kafka_time(record.timestamp_ms)]
        sound, failing = self._writer.readable(self._spark, [record for record in chunk if is_kafka_time(record.timestamp_ms)])
        poison = odd + failing
        if poison:
            # One line, however many: the records themselves are in quarantine, each with its reason.
            reasons = ",".join(f"{reason}:{count}" for reason, count in Counter(one.reason for one in poison).most_common())
            first = min((one.record.partition, one.record.offset) for one in poison)
            say("quarantined records that cannot be read", records=len(poison), reasons=reasons, first_partition=first[0], first_offset=first[1])
        while not self._commit(self._writer.write(records_in_memory(self._spark, self._options.topic, sound), len(sound), self._attempt_name(), hours, poison), ranges, began):
            pass

    def _read(self, ranges: Mapping[int, OffsetRange]) -> DataFrame:
        """The records of ranges, by Spark's Kafka source."""
        topic, filled = self._options.topic, {str(p): range_ for p, range_ in ranges.items() if range_.until > range_.from_}
        bounds = {
            "assign": json.dumps({topic: [int(p) for p in filled]}),
            "startingOffsets": json.dumps({topic: {p: range_.from_ for p, range_ in filled.items()}}),
            "endingOffsets": json.dumps({topic: {p: range_.until for p, range_ in filled.items()}}),
        }
        return records(self._spark.read.format("kafka").options(**self._source_options(len(filled)), **bounds).load())

    def _sequence(self) -> int:
        return self._last.sequence + 1 if self._last else 0

    def _attempt_name(self) -> str:
        return f"{self._sequence():020d}-{self._attempt}"

    def _give_up_attempt(self) -> None:
        """What is written next has another name than what has failed, and removes it once it is committed."""
        self._attempt = new_attempt()
        if self._leftovers_from is None:
            self._leftovers_from = self._sequence()

    def _first_of_which_batches_may_be_left(self) -> int:
        """The next sequence, or the first one before it that only reprocesses have taken since a batch was committed."""
        last = self._last
        while last is not None and last.kind == "reprocess":
            last = None if last.previous is None else self._log.read(last.previous)
        return 0 if last is None else last.sequence + 1

    def _commit(self, written: WrittenBatch, ranges: Mapping[int, OffsetRange], began: float) -> bool:
        """False when a reprocess has taken the sequence: the batch is to be written under the next one, which its paths name."""
        sequence, previous = self._sequence(), self._last.sequence if self._last else None
        stored = self._last.until if self._last else {}
        # Partitions that this part of a batch does not touch stand where they stood.
        offsets = {**{p: OffsetRange(offset, offset) for p, offset in stored.items()}, **ranges}
        try:
            # An id never comes back: what was read until now is of the topic that it was at the start.
            state = self._check_topic(self._topic.state())
        except JobError:
            self._writer.delete(written)
            raise
        manifest = Manifest(sequence, self._attempt, self._options.topic, offsets, *written.layers, written.rows, self._topic_id, previous)
        if not self._log.create(manifest):
            other = self._log.read(sequence)
            # Another driver may have found this attempt's files complete, and committed them.
            if other.attempt != self._attempt:
                self._writer.delete(written)
            if other.kind != "reprocess" or other.until != stored:
                raise self._two_writers(sequence)
            say("batches were parsed again meanwhile; this one is written under the next sequence", sequence=sequence)
            self._last = other
            return False
        self._last = manifest
        lag = sum(offset - manifest.until.get(partition, 0) for partition, offset in state.latest.items())
        seconds = time.monotonic() - began
        say("batch", sequence=sequence, offsets=_compact_ranges(ranges), **written.rows, lag=lag, seconds=f"{seconds:.2f}")
        self._metrics.report(sequence=sequence, lag=lag, milliseconds=round(seconds * 1000), **written.rows)
        if self._leftovers_from is not None:
            # Of the batch that was under way at a crash, or of a try that failed; its sequence is committed now.
            some, self._leftovers_from = range(self._leftovers_from, sequence + 1), None
            if removed := sum(self._writer.delete_other_attempts(one, self._attempt, written.hours) for one in some):
                say("removed files that no manifest names", files=removed)
        if self._has_former_runs:
            self._has_former_runs = False
            self._delete_former_checkpoints()
        if time.monotonic() - self._claimed > _CLAIM_SECONDS:
            self._claim_folders()
        return True

    def _delete_former_checkpoints(self) -> None:
        """Only now: of two drivers the one that does not commit must not end the other."""
        below = f"{self._options.checkpoint.rstrip('/')}/"
        found = [one.url for one in self._store.list(below, with_markers=True)]
        kept = (f"{self._checkpoint}/", f"{below}{layer_owner.NAME}")
        # A folder's marker after what is in it.
        self._store.delete(url for url in sorted(found, reverse=True) if url != below and not url.startswith(kept))

    def _batch_offsets(self) -> tuple[dict[int, int], dict[int, int]]:
        """Of the batch under way, by partition: its first offset, and the one after its last."""
        # The batch's frame has lost them; the plan that Spark is executing has them.
        execution: Any = self._query._jsq.streamingQuery().lastExecution()  # type: ignore[union-attr]
        source = execution.logical().collectLeaves().head()
        return tuple(  # type: ignore[return-value]
            {int(p): int(o) for p, o in json.loads(offset.get().json())[self._options.topic].items()} for offset in (source.startOffset(), source.endOffset())
        )


def starting_offsets(last: Manifest | None, topic: str, earliest: Mapping[int, int]) -> dict[int, int]:
    """Where a fresh checkpoint begins: after what is stored, a partition that the log does not know at its beginning.

    Raises JobError when the brokers no longer hold an offset that is not stored yet.
    """
    if last is None:
        return dict(earliest)
    if lost := lost_records(last, earliest):
        spans = ", ".join(f"partition {p}: {until} to {offset - 1}" for p, (until, offset) in sorted(lost.items()))
        raise JobError(
            f"--topic {topic}: the brokers have deleted records that are not stored ({spans}); "
            f"raise the topic's retention, and to go on without them start the job once with --accept-lost {last.sequence + 1}"
        )
    return {p: last.until.get(p, 0) for p in earliest}


def lost_records(last: Manifest, earliest: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """By partition: the first offset that is not stored, and the first one that the brokers still hold, where they have deleted some between.

    Of a partition that came after the last commit nothing is stored: a manifest names every partition there was.
    """
    return {p: (last.until.get(p, 0), offset) for p, offset in earliest.items() if offset > last.until.get(p, 0)}


def batch_ranges(first: Mapping[int, int], until: Mapping[int, int], stored: Mapping[int, int]) -> dict[int, OffsetRange]:
    """What a batch holds, by partition; a partition with nothing new has an empty range.

    Raises JobError when it does not begin where what is stored ends.
    """
    if others := {p: offset for p, offset in first.items() if offset != stored.get(p, offset)}:
        raise JobError(f"a batch begins at {_compact(others)} and not where what is stored ends, at {_compact(stored)}; nothing of it is committed, start the job again")
    ranges = {}
    for partition in sorted({*until, *stored}):
        from_ = stored.get(partition, first.get(partition, 0))
        ranges[partition] = OffsetRange(from_, max(from_, until.get(partition, 0)))
    return ranges


def halves(ranges: Mapping[int, OffsetRange]) -> tuple[dict[int, OffsetRange], dict[int, OffsetRange]]:
    """Ranges of more than one offset, cut in two at the middle of all their offsets, partition after partition."""
    left, first, second = _count(ranges) // 2, {}, {}
    for partition, range_ in sorted(ranges.items()):
        middle = range_.from_ + min(left, range_.until - range_.from_)
        left -= middle - range_.from_
        if middle > range_.from_:
            first[partition] = OffsetRange(range_.from_, middle)
        if range_.until > middle:
            second[partition] = OffsetRange(middle, range_.until)
    return first, second


def _count(ranges: Mapping[int, OffsetRange]) -> int:
    """Offsets, which is records and what a transaction leaves besides."""
    return sum(range_.until - range_.from_ for range_ in ranges.values())


def _compact(offsets: Mapping[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def _compact_ranges(ranges: Mapping[int, OffsetRange]) -> str:
    return ",".join(f"{partition}:{range_.from_}-{range_.until}" for partition, range_ in sorted(ranges.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
