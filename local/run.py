"""Runs the pipeline once: starts it, drives it, waits until gold has counted everything, proves it and stops it."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

from confluent_kafka import KafkaException

from local import fetch
from local.__main__ import REQUESTS_A_SECOND, options
from local.clickhouse import ClickHouseError
from local.events import Traffic
from local.pipeline import Pipeline, Progress, Settings, Stores
from local.process import ComponentError, Process, running
from local.produce import ProduceError, Production
from local.proof import Proof
from local.recount import KEYS
from local.spark import Pods
from local.usage import as_table
from local.web_server import WebServer

Say = Callable[[str], None]
Report = Callable[[Progress], None]
_SECONDS_OF_SILENCE = 10
# What a question to a part raises when that part has just died.
_UNANSWERED = (OSError, HTTPException, KafkaException, ClickHouseError, ProduceError)


def main() -> int:
    chosen = options()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _hang_up)
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-"))
    print(f"everything is in {folder}", flush=True)
    try:
        with Stores.in_folder(folder) as stores, Pipeline(folder, stores, Settings(engine=chosen.engine)) as pipeline:
            proof = _watched(pipeline, chosen)
    except KeyboardInterrupt as interrupt:
        # A second Ctrl-C has cut the orderly stop short: what is left goes now, and a third one changes nothing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in reversed(running()):
            process.kill()
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
        print("" if interrupt.args else "\n", f"stopped; the folder {folder} is kept" if chosen.keep else "stopped", sep="", flush=True)
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


def _hang_up(number: int, frame: FrameType | None) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)  # the terminal is gone
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    raise KeyboardInterrupt


def _watched(pipeline: Pipeline, options: Namespace) -> Proof:
    """The run. What ends it is a part that died, when one did, and not the question to it that was under way."""
    try:
        return _run(pipeline, options)
    except KeyboardInterrupt:
        print("\nstopping; Ctrl-C again stops at once", flush=True)
        raise KeyboardInterrupt("told") from None
    except _UNANSWERED:
        time.sleep(0.5)  # a process closes its connections before it is gone
        pipeline.check_alive()
        raise


def _run(pipeline: Pipeline, options: Namespace) -> Proof:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    shown: tuple[Progress | None, float] = (None, started)

    def report(progress: Progress) -> None:
        nonlocal shown
        if progress != shown[0] or time.monotonic() > shown[1] + _SECONDS_OF_SILENCE:
            shown = progress, time.monotonic()
            say(str(progress))

    pipeline.create().apply_schema()
    say(f"Kafka {pipeline.kafka.bootstrap_servers}, S3 {pipeline.object_store.endpoint}, ClickHouse {pipeline.clickhouse.url}")
    pipeline.start_streaming(pods=options.executors and Pods.of_chart("activity-streaming", options.executors))
    pipeline.start_gold(pods=options.executors and Pods.of_chart("activity-gold", options.executors))
    say(f"the streaming job and the gold job (engine {pipeline.settings.engine}) are starting")
    requests: Requests | None = None
    if options.source == "was":
        requests = _drive_with_requests(pipeline, options, say, report)
    else:
        _drive_with_lines(pipeline, options, report)
    pipeline.wait_until_drained(600 + options.events / 5_000, report)
    usage = as_table(pipeline.parts())
    for table in KEYS:
        print(f"\n{table}\n{pipeline.table_as_text(table)}", flush=True)
    say("comparing the layers and counting gold again")
    proof = pipeline.prove()
    if requests is not None:
        counted = f"requests answered {requests.answered:,}, records in the topic {proof.records:,}"
        if requests.unanswered:
            counted += f", requests without an answer {requests.unanswered:,} (each may be logged or not)"
        if not requests.answered <= proof.records <= requests.answered + requests.unanswered:
            proof.wrong.append(counted)
        print(f"  {counted}")
    print(proof)
    print(f"\nuntil gold had counted everything, start-up included\n{usage}", flush=True)
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


@dataclass(frozen=True)
class Requests:
    """What became of the requests that were sent."""

    answered: int
    unanswered: int


def _drive_with_requests(pipeline: Pipeline, options: Namespace, say: Say, report: Report) -> Requests:
    rate = options.rate or REQUESTS_A_SECOND
    seconds = math.ceil(options.events / rate)
    command = [fetch.REPOSITORY / "node_modules" / ".bin" / "tsx", "scripts/load.ts", "--rate", math.ceil(options.events / seconds), "--seconds", seconds]
    with WebServer(pipeline.folder, pipeline.kafka.bootstrap_servers, pipeline.settings.topic) as server:
        say(f"the web server is {server.url}")
        load = Process("the load generator", [*command, "--seed", options.seed, "--url", server.url], pipeline.folder / "load.log", cwd=fetch.REPOSITORY)
        try:
            while load.exit_code is None:
                time.sleep(1)
                pipeline.check_alive()
                server.check_alive()
                report(pipeline.progress())
        finally:
            load.stop()
    # Its code is 1, and its report there, when it could not keep the rate.
    result: dict[str, Any] = json.loads(load.tail(1)) if load.exit_code in (0, 1) and load.tail(1).startswith("{") else {}
    if not result.get("answered"):
        raise ComponentError(f"the load generator ended with code {load.exit_code}: {load.tail()}")
    say(f"{result['answered']:,} requests answered, p99 {result['latencyMs']['p99']:.1f} ms")
    if load.exit_code != 0:
        say(f"{rate:,} a second were too many for this machine: {result['unanswered']:,} got no answer within 10 s, {result['skipped']:,} were not sent; give a smaller --rate")
    return Requests(result["answered"], result["unanswered"])


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
