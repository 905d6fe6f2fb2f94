"""Runs the pipeline once: starts it, drives it, waits until gold has counted everything, proves it and stops it."""

from __future__ import annotations

import json
import math
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from local import fetch
from local.__main__ import arguments
from local.events import Traffic
from local.pipeline import Pipeline, Progress, Settings, Stores
from local.process import ComponentError, Process, running
from local.produce import ProduceError, Production
from local.proof import Proof
from local.recount import KEYS
from local.web_server import WebServer

Say = Callable[[str], None]
Report = Callable[[Progress], None]
_REQUESTS_A_SECOND = 500


def main() -> int:
    options = arguments().parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-"))
    print(f"everything is in {folder}", flush=True)
    try:
        with Stores.in_folder(folder) as stores, Pipeline(folder, stores, Settings(engine=options.engine)) as pipeline:
            proof = _run(pipeline, options)
    except KeyboardInterrupt:
        # A second Ctrl-C has cut the orderly stop short: what is left goes now, and a third one changes nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in reversed(running()):
            process.kill()
        print("\nstopped", flush=True)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        return 130
    except (ComponentError, ProduceError) as failure:
        print(f"{failure}\nthe folder {folder} is kept", file=sys.stderr)
        return 1
    if proof.wrong:
        print(f"the folder {folder} is kept", file=sys.stderr)
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(pipeline: Pipeline, options: Namespace) -> Proof:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    shown: list[Progress] = []

    def report(progress: Progress) -> None:
        if shown[-1:] != [progress]:
            shown.append(progress)
            say(str(progress))

    pipeline.create().apply_schema()
    say(f"Kafka {pipeline.kafka.bootstrap_servers}, S3 {pipeline.object_store.endpoint}, ClickHouse {pipeline.clickhouse.url}")
    pipeline.start_streaming()
    pipeline.start_gold()
    say(f"the streaming job and the gold job (engine {pipeline.settings.engine}) are starting")
    if options.source == "was":
        answered = _drive_with_requests(pipeline, options, say, report)
    else:
        _drive_with_lines(pipeline, options, report)
    pipeline.wait_until_drained(600 + options.events / 5_000, report)
    for table in KEYS:
        print(f"\n{table}\n{pipeline.table_as_text(table)}", flush=True)
    say("comparing the layers and counting gold again")
    proof = pipeline.prove()
    if options.source == "was":
        if answered != proof.records:
            proof.wrong.append(f"{answered:,} requests were answered, but {proof.records:,} records are in the topic")
        print(f"  requests answered {answered:,}, records in the topic {proof.records:,}")
    print(proof, flush=True)
    if options.keep:
        _stay(pipeline, say)
    return proof


def _drive_with_lines(pipeline: Pipeline, options: Namespace, report: Report) -> None:
    settings = pipeline.settings
    production = Production(pipeline.kafka.bootstrap_servers, settings.topic, settings.partitions, Traffic(seed=options.seed), options.events, options.rate)
    try:
        while production.running:
            time.sleep(1)
            pipeline.check_alive()
            report(pipeline.progress())
    finally:
        production.stop()


def _drive_with_requests(pipeline: Pipeline, options: Namespace, say: Say, report: Report) -> int:
    rate = options.rate or _REQUESTS_A_SECOND
    seconds = math.ceil(options.events / rate)
    command = [fetch.REPOSITORY / "node_modules" / ".bin" / "tsx", "scripts/load.ts", "--rate", math.ceil(options.events / seconds), "--seconds", seconds]
    with WebServer(pipeline.folder, pipeline.kafka.bootstrap_servers, pipeline.settings.topic) as server:
        say(f"the web server is {server.url}")
        load = Process("the load generator", [*command, "--seed", options.seed, "--url", server.url], pipeline.folder / "load.log", cwd=fetch.REPOSITORY)
        try:
            while load.exit_code is None:
                time.sleep(1)
                pipeline.check_alive()
                report(pipeline.progress())
        finally:
            load.stop()
    if load.exit_code != 0:
        raise ComponentError(f"the load generator ended with code {load.exit_code}: {load.tail()}")
    result = json.loads(load.tail(1))
    say(f"{result['answered']:,} requests answered, p99 {result['latencyMs']['p99']:.1f} ms")
    return int(result["answered"])


def _stay(pipeline: Pipeline, say: Say) -> None:
    store, clickhouse = pipeline.object_store, pipeline.clickhouse
    say("everything stays up until Ctrl-C")
    print(f"  Kafka       {pipeline.kafka.bootstrap_servers}, topic {pipeline.settings.topic}")
    print(f"  S3          {store.endpoint}, access key {store.access_key}, secret key {store.secret_key}")
    print(f"  ClickHouse  {clickhouse.url}, database {pipeline.settings.database}, user reader, password {clickhouse.password}", flush=True)
    while True:
        time.sleep(1)
        pipeline.check_alive()


if __name__ == "__main__":
    sys.exit(main())
