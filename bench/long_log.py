"""`npm run bench:long-log`: what the age of a streaming job costs it, at its start and in a batch.

Each round gives the job a commit log of so many manifests, as of a batch a minute, with bronze of the last 7 days of them, and
stores ten batches of 1,000 records. It counts the requests that the job's own code makes; those of Spark's writers, which are
the same in every batch, are not among them. The log and bronze are written into the S3 server's folder.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

from pyspark.sql import DataFrame, SparkSession

import session
from batch_writer import BatchWriter, WrittenBatch
from commit_log import Manifest, OffsetRange
from local import spark as local_spark
from local.events import Traffic, events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.produce import send
from object_store import ObjectStore as JobStore
from object_store import StoredObject
from streaming_job import StreamingJob, parse_arguments

_PARTITIONS = 3
_BATCHES = 10
_ROWS = 1_000
_DAYS_OF_BRONZE = 7
_FILES = {"bronze": 1, "silver": 2, "quarantine": 1}
_REQUESTS = ("listObjectsV2", "getObject", "putObject", "deleteObject")


def write_log(buckets: Path, lake: Lake, topic: str, count: int) -> None:
    """A log of batches without records, so that the job stores the topic from its beginning."""
    offsets = {partition: OffsetRange(0, 0) for partition in range(_PARTITIONS)}
    for location in (lake.commits, f"{lake.bronze}topic={topic}/"):
        (buckets / path_of(location)).mkdir(parents=True)
    for sequence in range(count):
        attempt = f"{sequence:012x}"
        place = f"batch={sequence:020d}-{attempt}"
        layers = [[StoredObject(f"s3a://{layer}/year=2026/month=1/day=15/hour=1/{place}/part-{n:05d}.zstd", 100_000) for n in range(files)] for layer, files in _FILES.items()]
        rows = dict.fromkeys(_FILES, 0)
        manifest = Manifest(sequence, attempt, topic, offsets, layers[0], layers[1], layers[2], rows, previous=sequence - 1 if sequence else None)
        (buckets / path_of(lake.commits) / f"{sequence:020d}.json").write_bytes(manifest.to_json())
        if sequence >= count - _DAYS_OF_BRONZE * 24 * 60:
            bronze = buckets / path_of(f"{lake.bronze}topic={topic}/{place}/part-00000.json.zstd")
            bronze.parent.mkdir()
            bronze.write_bytes(b"x")


class Counted:
    """The JVM's S3 client, which notes what is asked of it."""

    def __init__(self, client: Any, requests: Counter[str]) -> None:
        self._client = client
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        self._requests[name] += 1
        return getattr(self._client, name)


class Phases:
    """What the job has asked of the store and how long it took, from its start to its first batch and from batch to batch."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.ends: list[tuple[float, Counter[str]]] = []
        self._client = JobStore._client
        self._write = BatchWriter.write

    def end(self) -> None:
        self.ends.append((time.monotonic(), self.requests.copy()))

    def __enter__(self) -> Phases:
        def write(writer: BatchWriter, records: DataFrame, *arguments: Any) -> WrittenBatch:
            self.end()
            return self._write(writer, records, *arguments)

        JobStore._client = lambda store, bucket: Counted(self._client(store, bucket), self.requests)  # type: ignore[assignment,method-assign]
        BatchWriter.write = write  # type: ignore[assignment,method-assign]
        self.end()
        return self

    def __exit__(self, *_: object) -> None:
        JobStore._client = self._client  # type: ignore[method-assign]
        BatchWriter.write = self._write  # type: ignore[method-assign]

    def rows(self) -> list[tuple[float, list[int]]]:
        return [(end - began, [(after - before)[name] for name in _REQUESTS]) for (began, before), (end, after) in zip(self.ends, self.ends[1:], strict=False)]


def measure(spark: SparkSession, kafka: Kafka, object_store: ObjectStore, count: int) -> None:
    topic, lake = f"log{count}", Lake.create(object_store, f"n{count}-")
    kafka.create_topic(topic, _PARTITIONS)
    write_log(object_store.folder / "buckets", lake, topic, count)
    send(kafka.bootstrap_servers, topic, _PARTITIONS, events(Traffic(), 0, _BATCHES * _ROWS))
    given = {
        "bootstrap-servers": kafka.bootstrap_servers,
        "topic": topic,
        "commits": lake.commits,
        "checkpoint": lake.streaming_checkpoint,
        **{layer: getattr(lake, layer) for layer in _FILES},
        "max-offsets-per-trigger": str(_ROWS),
    }
    options = parse_arguments([*(text for name, value in given.items() for text in (f"--{name}", value)), "--until-caught-up"])
    with Phases() as phases, redirect_stdout(io.StringIO()):
        StreamingJob(spark, options).run()
    start, first, *others = phases.rows()
    seconds = median(taken for taken, _ in others)
    asked = " ".join(str(median(each)) for each in zip(*(requests for _, requests in others), strict=True))
    print(f"{count:>9,} | {start[0]:>7.1f} {_shown(start[1]):>17} | {first[0]:>7.1f} {_shown(first[1]):>17} | {seconds:>7.1f} {asked:>17}", flush=True)


def _shown(requests: list[int]) -> str:
    return " ".join(map(str, requests))


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run bench:long-log --", description="The cost of a long commit log.")
    parser.add_argument("--manifests", type=int, nargs="+", default=[100, 100, 100_000], help="lengths of the log, the first to warm up (default 100 100 100000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-log-") as folder:
        place = Path(folder)
        with Kafka(place / "kafka") as kafka, ObjectStore(place / "object-store") as object_store:
            os.environ.update(local_spark.session_environment(place / "spark", object_store))
            spark = session.create("long-log")
            print("seconds, then requests: lists, gets, puts, deletes")
            print("manifests | start until the first write | first batch | median of the next ones")
            for number, count in enumerate(options.manifests):
                measure(spark, kafka, object_store, count + (1 if number == 0 else 0))
            spark.stop()


if __name__ == "__main__":
    main()
