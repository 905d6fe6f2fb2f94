"""Runs the measurements: each is one job from its start to its last event, on topics and files that were made before."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from bench.__main__ import CHOICES, GOLD, STREAMING, arguments
from bench.report import Measurement, machine, printed, write_documentation
from local.events import Traffic
from local.pipeline import Pipeline, Settings, Stores
from local.process import ComponentError, Process
from local.produce import ProduceError, Production
from local.spark import submit
from local.usage import of_group

JOBS = Path(__file__).with_name("jobs")
_LONGEST_SECONDS = 3600


class Bench:
    """Stores that stay up while one job after the other is measured on them."""

    def __init__(self, folder: Path, stores: Stores, options: Namespace) -> None:
        self.folder = folder
        self.stores = stores
        self.options = options
        self.measured: list[Measurement] = []
        self.pipelines = 0

    def new_pipeline(self, topic: str | None = None, engine: str = "spark") -> Pipeline:
        """A pipeline with a lake and a database of its own; on a topic that exists, or on a new one."""
        self.pipelines += 1
        name = f"bench{self.pipelines}"
        settings = Settings(engine=engine, topic=topic or name, database=name, max_offsets_per_trigger=self.options.max_offsets)
        return Pipeline(self.folder / name, self.stores, settings, f"{name}-").create(new_topic=topic is None)

    def filled_topic(self, count: int) -> str:
        """A new topic with this many events."""
        pipeline = self.new_pipeline()
        say(f"writing {count:,} events")
        Production(self.stores.kafka.bootstrap_servers, pipeline.settings.topic, pipeline.settings.partitions, Traffic(), count).wait()
        return pipeline.settings.topic

    def measure(self, name: str, number: int, events: int, start: Callable[[], Process], finished: Callable[[Process], bool]) -> None:
        """Starts a job, waits until it has finished its work, stops it and notes the time and the memory."""
        started = time.monotonic()
        job = start()
        memory = 0.0
        try:
            while not finished(job):
                memory = max(memory, _memory_mib(job.pid))
                if job.exit_code is not None and not finished(job):
                    raise ComponentError(f"{name} ended with code {job.exit_code}; its log {job.log} ends with:\n{job.tail()}")
                if time.monotonic() - started > _LONGEST_SECONDS:
                    raise ComponentError(f"{name} did not finish within {_LONGEST_SECONDS} s; its log is {job.log}")
                time.sleep(0.1)
            seconds = time.monotonic() - started
        finally:
            job.stop(30)
        self.measured.append(Measurement(name, number, events, seconds, memory))
        say(f"{name}: {events:,} events in {seconds:.1f} s, {events / seconds:,.0f} a second, {memory:,.0f} MiB")

    def job(self, name: str, arguments: list[str], pipeline: Pipeline) -> Callable[[], Process]:
        """A job of bench/jobs/, to be started."""
        object_store, cores = self.stores.object_store, self.options.cores
        return lambda: submit(JOBS / f"{name}.py", arguments, pipeline.folder / name, object_store=object_store, cores=cores)

    def streaming(self, number: int, topic: str, events: int, name: str = "streaming") -> Pipeline:
        """Measures the streaming job: until the manifest of the last event is there."""
        pipeline = self.new_pipeline(topic)
        self.measure(name, number, events, lambda: pipeline.start_streaming(self.options.cores), lambda job: pipeline.commit_log.rows("bronze") >= events)
        return pipeline

    def gold(self, number: int, name: str, lake: Pipeline, engine: str) -> None:
        """Measures the gold job on a lake: until the ledger names its last file."""
        pipeline = self.new_pipeline(lake.settings.topic, engine)
        pipeline.apply_schema()
        pipeline.read_lake_of(lake)
        expected, rows = len(lake.commit_log.files("silver")), lake.commit_log.rows("silver")
        self.measure(name, number, rows, lambda: pipeline.start_gold(self.options.cores), lambda job: pipeline.files_in_gold() >= expected)
        if pipeline.rows_in_gold() != rows:
            raise ComponentError(f"{name} counted {pipeline.rows_in_gold():,} of {rows:,} events")

    def round(self, number: int, names: set[str], topic: str, lake: Pipeline | None) -> Pipeline | None:
        """Measures each of the names once; returns the lake that gold was measured on."""
        events, stores = self.options.events, self.stores
        source = [stores.kafka.bootstrap_servers, topic, str(self.options.max_offsets)]
        if "noop" in names:
            place = self.new_pipeline(topic)
            self.measure("noop", number, events, self.job("noop_stream", [*source, place.lake.streaming_checkpoint], place), _has_printed_finished)
        if "raw-copy" in names:
            place = self.new_pipeline(topic)
            copy = self.job("raw_copy", [*source, place.lake.streaming_checkpoint, place.lake.bronze], place)
            self.measure("raw-copy", number, events, copy, _has_printed_finished)
        if "streaming" in names:
            lake = self.streaming(number, topic, events)
        if "naive-streaming" in names:
            place = self.new_pipeline(topic)
            naive = self.job("naive_stream", [*source, place.lake.streaming_checkpoint, place.lake.bronze, place.lake.silver], place)
            self.measure("naive-streaming", number, events, naive, _has_printed_finished)
        if names.isdisjoint(GOLD):
            return lake
        if lake is None:
            say("making silver for gold")
            lake = self.streaming(number, topic, events, "silver for gold")
            self.measured.pop()
        rows = lake.commit_log.rows("silver")
        if "noop-scan" in names:
            files = lake.folder / "silver-files"
            files.write_text("\n".join(lake.commit_log.files("silver")))
            self.measure("noop-scan", number, rows, self.job("noop_scan", [str(files)], lake), _has_printed_finished)
        if "gold-spark" in names:
            self.gold(number, "gold-spark", lake, "spark")
        if "gold-clickhouse" in names:
            self.gold(number, "gold-clickhouse", lake, "clickhouse")
        if "naive-gold" in names:
            place, part = self.part_of(lake, self.options.naive_gold_events)
            naive = self.job("naive_gold", [place.lake.silver, place.lake.gold_checkpoint, str(place.settings.max_files_per_trigger)], place)
            self.measure("naive-gold", number, part, naive, _has_printed_finished)
        return lake

    def part_of(self, lake: Pipeline, rows: int) -> tuple[Pipeline, int]:
        """A lake that holds the silver files of the first commits with at least this many rows, and how many it holds."""
        place = self.new_pipeline(lake.settings.topic)
        copied = 0
        for commit in lake.commit_log.commits():
            if copied >= rows:
                break
            for url in commit.files["silver"]:
                self.stores.object_store.copy(url, url.replace(lake.lake.silver, place.lake.silver))
            copied += commit.rows["silver"]
        return place, copied

    def growth(self, millions: list[int]) -> None:
        """Measures both jobs at each size."""
        for count in millions:
            events = count * 1_000_000
            lake = self.streaming(0, self.filled_topic(events), events, "growth-streaming")
            self.gold(0, "growth-gold", lake, "spark")


def say(text: str) -> None:
    """Progress goes to stderr, results to stdout."""
    print(f"[{datetime_text()}] {text}", file=sys.stderr, flush=True)


def datetime_text() -> str:
    return time.strftime("%H:%M:%S")


def _has_printed_finished(job: Process) -> bool:
    return "finished" in job.tail(50).splitlines()


def _memory_mib(group: int) -> float:
    return sum(usage.resident_bytes for usage in of_group(group)) / 2**20


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    options = arguments().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    names = set(options.only or CHOICES)
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-bench-"))
    try:
        with Stores.in_folder(folder) as stores:
            bench = Bench(folder, stores, options)
            if not names.isdisjoint((*STREAMING, *GOLD)):
                topic, lake = bench.filled_topic(options.events), None
                for number in range(1, options.pairs + 1):
                    say(f"round {number} of {options.pairs}")
                    lake = bench.round(number, names, topic, lake)
            if "growth" in names:
                bench.growth(options.growth)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    except (ComponentError, ProduceError) as failure:
        print(f"{failure}\nthe folder {folder} is kept", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    measured = [*_earlier(options.json), *bench.measured]
    if options.json:
        options.json.write_text(json.dumps([measurement._asdict() for measurement in measured], indent=1) + "\n")
    print(printed(machine(), measured))
    if options.write:
        write_documentation(machine(), measured)
    return 0


def _earlier(file: Path | None) -> list[Measurement]:
    return [Measurement(**entry) for entry in json.loads(file.read_text())] if file and file.exists() else []


if __name__ == "__main__":
    sys.exit(main())
