"""`npm run bench:long-log`: what the age of a streaming job costs it, at its start and in a batch.

Each round gives a job a commit log of so many manifests, as of batches a minute, with bronze of the last 7 days of them, and
stores twenty batches. A manifest is a file of some 1,200 bytes; the log and bronze are written into the S3 server's folder.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from commit_log import Manifest, OffsetRange
from local.events import Traffic, events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.process import Process
from local.produce import send
from local.spark import JOBS, submit
from local.usage import of_group
from object_store import StoredObject

_PARTITIONS = 3
_BATCHES = 20
_ROWS = 1_000
_DAYS_OF_BRONZE = 7
_FILES = {"bronze": 1, "silver": 2, "quarantine": 1}


def write_log(folder: Path, lake: Lake, topic: str, count: int) -> None:
    """A log of batches without records, so that the topic is stored from its beginning by the job."""
    offsets = {partition: OffsetRange(0, 0) for partition in range(_PARTITIONS)}
    # Through the server once, so that it makes the folders with all that it keeps of them.
    for location in (lake.commits, f"{lake.bronze}topic={topic}/"):
        with lake.object_store.files().open_output_stream(path_of(f"{location}_note")) as out:
            out.write(b"x")
    for sequence in range(count):
        attempt = f"{sequence:012x}"
        place = f"batch={sequence:020d}-{attempt}"
        layers = [[StoredObject(f"s3a://{layer}/year=2026/month=1/day=15/hour=1/{place}/part-{n:05d}.zstd", 100_000) for n in range(files)] for layer, files in _FILES.items()]
        rows = dict.fromkeys(_FILES, 0)
        manifest = Manifest(sequence, attempt, topic, offsets, layers[0], layers[1], layers[2], rows, previous=sequence - 1 if sequence else None)
        (folder / path_of(f"{lake.commits}{sequence:020d}.json")).write_bytes(manifest.to_json())
        if sequence >= count - _DAYS_OF_BRONZE * 24 * 60:
            bronze = folder / path_of(f"{lake.bronze}topic={topic}/{place}/part-00000.json.zstd")
            bronze.parent.mkdir()
            bronze.write_bytes(b"x")


def seconds_until(job: Process, words: str, began: float) -> float:
    """From a moment to the line that holds the words, by the time that stands at its beginning."""
    job.wait_until(lambda: re.search(rf"Z {words}", job.output()) is not None, 600)
    found = re.search(rf"(\S+Z) {words}", job.output())
    assert found is not None
    return datetime.fromisoformat(found[1].replace("Z", "+00:00")).astimezone(timezone.utc).timestamp() - began


def measure(place: Path, kafka: Kafka, object_store: ObjectStore, data: Path, count: int) -> str:
    topic, lake = f"log{count}", Lake.create(object_store, f"n{count}-")
    kafka.create_topic(topic, _PARTITIONS)
    write_log(data, lake, topic, count)
    send(kafka.bootstrap_servers, topic, _PARTITIONS, events(Traffic(), 0, _BATCHES * _ROWS))
    given = {
        "bootstrap-servers": kafka.bootstrap_servers, "topic": topic, "commits": lake.commits, "checkpoint": lake.streaming_checkpoint,
        **{layer: getattr(lake, layer) for layer in _FILES},
        "trigger-seconds": 1, "max-offsets-per-trigger": _ROWS,
    }
    began = time.time()
    job = submit(JOBS / "streaming_job.py", [text for name, value in given.items() for text in (f"--{name}", str(value))], place / topic, object_store=object_store)
    starting = seconds_until(job, "starting ", began)
    claimed = seconds_until(job, "claimed a folder", began)
    batches = f"batch sequence={count + _BATCHES - 1} "
    seconds_until(job, batches, began)
    taken = [float(text) for text in re.findall(r"Z batch sequence=.* seconds=([\d.]+)", job.output())]
    peak = sum(usage.peak_resident_bytes for usage in of_group(job.pid)) / 2**20
    job.stop(120)
    return f"{count:>9,} | {starting:>16.1f} | {starting - claimed:>24.2f} | {taken[0]:>13.2f} | {median(taken[1:]):>22.2f} | {peak:>9,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="npm run bench:long-log --", description="The cost of a long commit log.")
    parser.add_argument("--manifests", type=int, nargs="+", default=[100, 100_000], help="lengths of the log (default 100 100000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-log-") as folder:
        place = Path(folder)
        with Kafka(place / "kafka") as kafka, ObjectStore(place / "object-store") as object_store:
            print("manifests | until starting s | of it after the claim s | first batch s | median of the others s | peak MiB")
            for count in options.manifests:
                print(measure(place, kafka, object_store, object_store.folder / "buckets", count), flush=True)


if __name__ == "__main__":
    main()
