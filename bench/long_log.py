"""`npm run bench:long-log`: what the age of a streaming job costs it, at its start and in a batch.

Each round has a commit log of so many manifests, as of a batch a minute, with bronze of the last 7 days of them, and does what the
job does with it at a start and for ten commits: the requests to the store, and the time. A batch's data is not written: its cost has
nothing to do with the log. The log and bronze are written into the S3 server's folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

import layer_owner
import session
from batch_writer import BatchWriter, Locations
from commit_log import LAYERS, CommitLog, Manifest, OffsetRange
from local import spark as local_spark
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from object_store import ObjectStore as JobStore
from object_store import StoredObject
from recovery import Recovery

_PARTITIONS = 3
_BATCHES = 10
_DAYS_OF_BRONZE = 7
_FILES = {"bronze": 1, "silver": 2, "quarantine": 1}


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


def measure(spark: SparkSession, object_store: ObjectStore, count: int) -> None:
    topic, lake = "events", Lake.create(object_store, f"n{count}-")
    write_log(object_store.folder / "buckets", lake, topic, count)
    requests: Counter[str] = Counter()
    client = JobStore._client
    JobStore._client = lambda store, bucket: Counted(client(store, bucket), requests)  # type: ignore[assignment,method-assign]
    store = JobStore(spark)
    locations = Locations(*(getattr(lake, layer).rstrip("/") for layer in LAYERS))
    writer = BatchWriter(store, locations, topic, "UTC")
    phases: list[tuple[str, float, Counter[str]]] = []

    def ended(phase: str, began: float) -> float:
        phases.append((phase, time.monotonic() - began, requests.copy()))
        requests.clear()
        return time.monotonic()

    now = time.monotonic()
    log = CommitLog(store, lake.commits)
    last = log.last()
    assert last is not None
    now = ended("find the last", now)
    layer_owner.claim(store, lake.commits, {layer: getattr(lake, layer) for layer in LAYERS}, topic, None)
    now = ended("claim folders", now)
    assert Recovery(spark, store, log, locations, topic, None, []).restored(last) == last
    now = ended("look for lost ones", now)
    for batch in range(_BATCHES):
        last = replace(last, sequence=last.sequence + 1, previous=last.sequence, version=2)
        assert log.create(last)
        if batch == 0:
            writer.delete_other_attempts(last.sequence, last.attempt, range(500_000, 500_012))
        now = ended("first commit" if batch == 0 else "a later commit", now)
    JobStore._client = client  # type: ignore[method-assign]
    for phase, seconds, asked in phases[:5]:
        print(f"| {count:,} | {phase} | {asked['listObjectsV2']} | {asked['getObject']} | {asked['putObject']} | {seconds * 1000:,.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run bench:long-log --", description="The cost of a long commit log.")
    parser.add_argument("--manifests", type=int, nargs="+", default=[10, 100, 100_000], help="lengths of the log, the first to warm up (default 10 100 100000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-log-") as folder:
        place = Path(folder)
        with ObjectStore(place / "object-store") as object_store:
            os.environ.update(local_spark.session_environment(place / "spark", object_store))
            spark = session.create("long-log")
            print("| manifests | what | lists | gets | puts | ms |\n|---|---|---|---|---|---|")
            for count in options.manifests:
                measure(spark, object_store, count)
            spark.stop()


if __name__ == "__main__":
    main()
