"""`npm run local`: the whole pipeline on this machine, from an event to the five tables, with the proof at the end."""

from __future__ import annotations

import argparse
import sys

from local import fetch
from local.python import become


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="npm run local --",
        description="Starts Kafka, an S3 server, ClickHouse and both Spark jobs on this machine, drives them, and ends with the five tables and the proof.",
    )
    parser.add_argument("--source", choices=("was", "kafka"), default="was", help="requests to the web server, or made-up log lines straight into Kafka (default: %(default)s)")
    parser.add_argument("--events", type=_count, default=20_000, metavar="N", help="how many requests or lines (default: %(default)s)")
    parser.add_argument("--rate", type=_count, metavar="R", help="how many a second (default: 500 requests; lines as fast as the machine makes them)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed gives the same events (default: %(default)s)")
    parser.add_argument("--engine", choices=("spark", "clickhouse"), default="spark", help="who folds silver into gold (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="after the proof, leave everything running until Ctrl-C, and keep its folder")
    return parser


def _count(text: str) -> int:
    try:
        number = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of events; give a whole number from 1, e.g. 100000")
    return number


def main() -> int:
    arguments().parse_args()
    if code := fetch.fetched():
        return code
    return become(["-m", "local.run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
