"""Kafka to bronze, silver and quarantine, each record once: reads its configuration, wires, starts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from py4j.protocol import Py4JError
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

import session
from batch_metrics import BatchMetrics
from batch_writer import BatchWriter, Locations, new_attempt
from commit_log import CommitLog, Manifest, OffsetRange
from graceful_stop import GracefulStop
from job_log import JobError, fail, say
from kafka_topic import KafkaTopic
from layers import records
from object_store import ObjectStore
from recovery import rebuilt_manifest

# One fetch holds thousands of records instead of the default 500, and fills up to 8 MiB a partition. A batch asks for what
# is there; but a consumer that has come to the end of a partition asks for more, and can ask for nothing else meanwhile.
_KAFKA_DEFAULTS = {"max.poll.records": "20000", "max.partition.fetch.bytes": "8388608", "fetch.max.wait.ms": "20"}


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    try:
        spark = session.create("streaming")
        try:
            StreamingJob(spark, options).run()
        finally:
            spark.stop()
    except JobError as error:
        return fail(error)
    return 0


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="streaming_job.py", description="Stores every record of a Kafka topic in bronze, and parsed in silver or quarantine, once.")
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT,…", help="the Kafka brokers")
    parser.add_argument("--topic", required=True, help="the Kafka topic to store")
    for layer in ("bronze", "silver", "quarantine"):
        parser.add_argument(f"--{layer}", required=True, metavar="URL", help=f"s3a:// location of {layer}")
    parser.add_argument("--commits", required=True, metavar="URL", help="s3a:// location of the commit log")
    parser.add_argument("--checkpoint", required=True, metavar="URL", help="s3a:// location of Spark's checkpoint; it may be deleted while the job is stopped")
    parser.add_argument("--trigger-seconds", type=_positive, default=60, metavar="N", help="a batch begins when it is full, or N seconds after the last one began (default 60)")
    parser.add_argument("--max-offsets-per-trigger", type=_positive, default=1_000_000, metavar="N", help="a batch holds at most N records (default 1000000)")
    parser.add_argument("--time-zone", type=_zone, default="UTC", metavar="ZONE", help="zone of a time that names none (default UTC)")
    parser.add_argument("--stop-timeout-seconds", type=_positive, default=120, metavar="N", help="how long SIGTERM waits for the batch under way (default 120)")
    parser.add_argument("--until-caught-up", action="store_true", help="store what is in the topic now, in batches, and end")
    parser.add_argument("--kafka-option", action="append", default=[], type=_pair, metavar="K=V", help="a setting of the Kafka client, e.g. security.protocol=SSL")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
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
    return key, value


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
        self._is_first_commit = True
        self._query: StreamingQuery | None = None

    def run(self) -> None:
        options = self._options
        for name in ("bronze", "silver", "quarantine", "commits", "checkpoint"):
            self._store.check(getattr(options, name), f"--{name}")
        client = dict(options.kafka_option)
        self._topic = KafkaTopic(self._spark, options.bootstrap_servers, options.topic, client)
        earliest, _ = self._topic.offsets()
        locations = Locations(*(getattr(options, layer).rstrip("/") for layer in ("bronze", "silver", "quarantine")))
        self._writer = BatchWriter(self._store, locations, options.topic, options.time_zone)
        self._last = self._log.last() or self._rebuild(locations)
        start = starting_offsets(self._last, options.topic, earliest)
        say("starting", topic=options.topic, sequence=self._last.sequence if self._last else "none", offsets=_compact(start))
        self._stop = GracefulStop(self._spark, options.stop_timeout_seconds)
        reader = self._spark.readStream.format("kafka").options(**{f"kafka.{key}": value for key, value in {**_KAFKA_DEFAULTS, **client}.items()})
        kafka = (
            reader.option("kafka.bootstrap.servers", options.bootstrap_servers)
            .option("subscribe", options.topic)
            .option("startingOffsets", json.dumps({options.topic: {str(partition): offset for partition, offset in start.items()}}))
            .option("maxOffsetsPerTrigger", options.max_offsets_per_trigger)
            # Three partitions would make three tasks for two cores; halves of them can be put together to equal ones.
            .option("minPartitions", len(earliest) * self._spark.sparkContext.defaultParallelism)
            .option("failOnDataLoss", "true")
        )
        if not options.until_caught_up:
            # A full batch does not wait for the trigger: a backlog is read as fast as the machine can.
            kafka = kafka.option("minOffsetsPerTrigger", options.max_offsets_per_trigger).option("maxTriggerDelay", f"{options.trigger_seconds}s")
            self._spark.conf.set("spark.sql.streaming.pollingDelay", "1s")
        writer = records(kafka.load()).writeStream.foreachBatch(self._guarded_batch).option("checkpointLocation", options.checkpoint)
        writer = writer.trigger(availableNow=True) if options.until_caught_up else writer.trigger(processingTime="0 seconds")
        self._query = writer.start()
        try:
            self._stop.wait(self._query)
        except StreamingQueryException as error:
            if isinstance(self._failure, JobError):
                raise self._failure from None
            raise JobError(f"the batch after sequence {self._last.sequence if self._last else 'none'} failed: {_first_line(self._failure or error)}") from None
        finally:
            self._stop.close()
            self._topic.close()

    def _rebuild(self, locations: Locations) -> Manifest | None:
        rebuilt = rebuilt_manifest(self._spark, self._store, locations, self._options.topic, self._attempt)
        if rebuilt is None:
            return None
        manifest, incomplete = rebuilt
        if not self._log.create(manifest):
            raise self._two_writers(manifest.sequence)
        say("rebuilt the commit log from bronze", sequence=manifest.sequence, bronze_files=len(manifest.bronze), rows=manifest.rows["bronze"])
        self._store.delete(incomplete)
        return manifest

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
        first, until = self._batch_offsets()
        stored = self._last.until if self._last else {}
        ranges = uncovered(first, until, stored, self._options.checkpoint, self._log.url(self._last.sequence) if self._last else None)
        rows_expected = sum(range_.until - range_.from_ for range_ in ranges.values())
        if rows_expected == 0:
            say("batch is stored already", offsets=_compact(until))
            return
        if any(range_.from_ > first.get(partition, range_.from_) for partition, range_ in ranges.items()):
            batch = batch.where(_within(ranges))
        sequence = self._last.sequence + 1 if self._last else 0
        written = self._writer.write(batch, rows_expected, f"{sequence:020d}-{self._attempt}")
        previous = self._last.sequence if self._last else None
        manifest = Manifest(sequence, self._attempt, self._options.topic, ranges, *written.layers, written.rows, previous=previous)
        if not self._log.create(manifest):
            self._writer.delete(written)
            raise self._two_writers(sequence)
        self._last = manifest
        _, latest = self._topic.offsets()
        lag = sum(offset - manifest.until.get(partition, 0) for partition, offset in latest.items())
        seconds = time.monotonic() - began
        say("batch", sequence=sequence, offsets=_compact_ranges(ranges), **written.rows, lag=lag, seconds=f"{seconds:.2f}")
        self._metrics.report(sequence=sequence, lag=lag, milliseconds=round(seconds * 1000), **written.rows)
        if self._is_first_commit:
            # A crash leaves files of the one batch that was under way, whose sequence is now committed by this attempt.
            self._is_first_commit = False
            if removed := self._writer.delete_other_attempts(sequence, self._attempt):
                say("removed files that no manifest names", files=removed)

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

    Raises JobError when the brokers no longer hold an offset that is not stored yet, or the log is another topic's.
    """
    if last is None:
        return dict(earliest)
    if last.topic != topic:
        raise JobError(f"--commits holds topic {last.topic}, not --topic {topic}; give each topic its own commit log")
    lost = {p: (last.until[p], offset) for p, offset in earliest.items() if p in last.until and offset > last.until[p]}
    if lost:
        spans = ", ".join(f"partition {p}: {until} to {offset - 1}" for p, (until, offset) in sorted(lost.items()))
        raise JobError(
            f"--topic {topic}: the brokers have deleted records that are not stored ({spans}); "
            "raise the topic's retention, and to go on without them create the next manifest by hand with these offsets as stored"
        )
    return {p: last.until.get(p, offset) for p, offset in earliest.items()}


def uncovered(first: Mapping[int, int], until: Mapping[int, int], stored: Mapping[int, int], checkpoint: str, manifest: str | None) -> dict[int, OffsetRange]:
    """What of a batch is not stored yet, by partition; a partition with nothing new has an empty range.

    Raises JobError when the batch begins after what is stored, so that records between would be lost.
    """
    gaps = {p: (stored[p], offset) for p, offset in first.items() if p in stored and offset > stored[p]}
    if gaps:
        spans = ", ".join(f"partition {p}: stored to {end}, batch from {begin}" for p, (end, begin) in sorted(gaps.items()))
        raise JobError(f"--checkpoint {checkpoint} is ahead of the commit log's last manifest {manifest} ({spans}); delete the checkpoint, the job then goes on from the manifest")
    ranges = {}
    for partition in sorted({*until, *stored}):
        from_ = max(stored.get(partition, 0), first.get(partition, 0))
        ranges[partition] = OffsetRange(from_, max(from_, until.get(partition, 0)))
    return ranges


def _within(ranges: Mapping[int, OffsetRange]) -> Any:
    condition = F.lit(False)
    for partition, range_ in ranges.items():
        condition = condition | ((F.col("partition") == partition) & (F.col("offset") >= range_.from_))
    return condition


def _compact(offsets: Mapping[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def _compact_ranges(ranges: Mapping[int, OffsetRange]) -> str:
    return ",".join(f"{partition}:{range_.from_}-{range_.until}" for partition, range_ in sorted(ranges.items()))


def _first_line(error: BaseException) -> str:
    cause: Any = error.java_exception if isinstance(error, Py4JError) and hasattr(error, "java_exception") else None
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    text = f"{cause.getClass().getSimpleName()}: {cause.getMessage()}" if cause is not None else f"{type(error).__name__}: {error}"
    return text.splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
