"""`npm run bench`: measures the jobs on this machine against its limits and against jobs as they are usually written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local import fetch
from local.python import become

STREAMING = ("noop", "raw-copy", "streaming", "naive-streaming")
GOLD = ("noop-scan", "gold-spark", "gold-clickhouse", "naive-gold")
CHOICES = (*STREAMING, *GOLD, "growth")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="npm run bench --",
        description="Measures, in events a second and as ratios. Start-up counts. What a measurement needs is made before it and not counted.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--events", type=int, default=6_000_000, metavar="N", help="events of each measurement")
    parser.add_argument("--naive-gold-events", type=int, default=1_000_000, metavar="N", help="events that the naive gold job gets, at most: it needs minutes for a million")
    parser.add_argument("--pairs", type=int, default=3, metavar="N", help="how often everything is measured; the medians of the ratios within a round are reported")
    parser.add_argument("--only", nargs="+", choices=CHOICES, metavar="NAME", default=argparse.SUPPRESS, help=f"only these, of {', '.join(CHOICES)} (default: all)")
    parser.add_argument("--growth", nargs="+", type=int, default=[1, 2, 4, 8, 16], metavar="N", help="millions of events that the growth is measured at")
    parser.add_argument("--cores", type=int, default=2, metavar="N", help="task slots of every job")
    parser.add_argument("--max-offsets", type=int, default=1_000_000, metavar="N", help="the bound of a batch, for every streaming job")
    parser.add_argument("--json", type=Path, metavar="FILE", help="adds the measurements to this file; a later run with the same file reports them all")
    parser.add_argument("--write", action="store_true", help="writes docs/benchmarks.md")
    return parser


def main() -> int:
    arguments().parse_args()
    if code := fetch.fetched():
        return code
    return become(["-m", "bench.run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
