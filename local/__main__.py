"""`npm run local`: the whole pipeline on this machine, from an event to the five tables, with the proof at the end."""

from __future__ import annotations

import argparse
import math
import sys

from local import fetch
from local.python import become

# What the load generator takes (scripts/load.ts), and what it is asked for without --rate.
_MOST_REQUESTS_A_SECOND = 5000
_MOST_SECONDS_OF_REQUESTS = 3600
REQUESTS_A_SECOND = 500


def options() -> argparse.Namespace:
    """What the command line says. Ends the process, with code 2 and a sentence, when it can not be used."""
    parser = _parser()
    options = parser.parse_args()
    if options.source == "was":
        rate = options.rate or REQUESTS_A_SECOND
        if rate > _MOST_REQUESTS_A_SECOND:
            parser.error(f"--rate is {rate:,} but requests come at most {_MOST_REQUESTS_A_SECOND:,} a second; give less, or take --source kafka")
        if math.ceil(options.events / rate) > _MOST_SECONDS_OF_REQUESTS:
            most = rate * _MOST_SECONDS_OF_REQUESTS
            parser.error(f"--events is {options.events:,} but {rate:,} requests a second come for an hour at most, which is {most:,}; give less, or take --source kafka")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npm run local --",
        description="Starts Kafka, an S3 server, ClickHouse and both Spark jobs on this machine, drives them, and ends with the five tables and the proof.",
    )
    parser.add_argument("--source", choices=("was", "kafka"), default="was", help="requests to the web server, or made-up log lines straight into Kafka (default: %(default)s)")
    parser.add_argument("--events", type=_count, default=20_000, metavar="N", help="how many requests or lines (default: %(default)s)")
    parser.add_argument("--rate", type=_count, metavar="R", help=f"how many a second (default: {REQUESTS_A_SECOND} requests; lines as fast as the machine makes them)")
    parser.add_argument("--seed", type=_seed, default=1, metavar="S", help="the same seed gives the same events (default: %(default)s)")
    parser.add_argument("--engine", choices=("spark", "clickhouse"), default="spark", help="who folds silver into gold (default: %(default)s)")
    executors = "each job as a driver and N executors, processes of their own with the chart's heaps (default: one process a job)"
    parser.add_argument("--executors", type=int, choices=range(1, 9), metavar="N", help=executors)
    parser.add_argument("--keep", action="store_true", help="after the proof, leave everything running until Ctrl-C, and keep its folder")
    return parser


def _count(text: str) -> int:
    try:
        number = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not how many; give a whole number from 1, e.g. 100000")
    return number


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give a whole number from 0 to {2**31}")
    return int(text)


def main() -> int:
    options()
    if code := fetch.fetched():
        return code
    return become(["-m", "local.run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
