"""`npm run faults`: the pipeline on real components under faults, with a ledger and a checker that share nothing with the jobs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from local import fetch
from local.python import become

JOBS = fetch.REPOSITORY / "spark-jobs"


def options() -> argparse.Namespace:
    """What the command line says. Ends the process, with code 2 and a sentence, when it can not be used."""
    parser = _parser()
    chosen = parser.parse_args()
    if chosen.ci:
        chosen.seconds, chosen.rounds = chosen.seconds or 5.0, min(chosen.rounds, 8)
    chosen.minutes = 0.0 if chosen.fault or chosen.mixes or chosen.soak else 5.5 if chosen.ci else 14.0
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npm run faults --",
        description="Lets faults loose on the whole pipeline, one after the other or in mixes, and compares ledger, layers and tables after each.",
    )
    parser.add_argument("--list", action="store_true", help="the faults, one a line")
    parser.add_argument("--fault", action="append", metavar="NAME", help="this one alone; may be given several times")
    parser.add_argument("--seed", type=_from(0), default=1, metavar="N", help="the same seed gives the same values, moments and mixes (default: %(default)s)")
    parser.add_argument("--mixes", type=_from(1), metavar="N", help="N mixes of three to five faults on top of each other, with the seeds from --seed on")
    parser.add_argument("--soak", type=_from(1), metavar="MINUTES", help="every fault once, then mixes until the time is over")
    parser.add_argument("--ci", action="store_true", help="the faults that a commit is held to, in under six minutes")
    parser.add_argument("--bugs", action="store_true", help="puts each deliberate bug into a copy of the jobs and says whether the suite catches it")
    parser.add_argument("--bug", action="append", metavar="NAME", help="this deliberate bug alone")
    parser.add_argument("--report", metavar="FILE", help="writes seed, timeline, recovery times and broken invariants there; a failed run writes them in any case")
    parser.add_argument("--engine", choices=("spark", "clickhouse"), default="spark", help="who folds silver into gold at first (default: %(default)s)")
    parser.add_argument("--rate", type=_from(1), default=40, metavar="R", help="records a second straight to Kafka (default: %(default)s)")
    parser.add_argument("--hostile", type=_share, default=0.1, metavar="SHARE", help="how many of them nobody should send (default: %(default)s)")
    parser.add_argument("--seconds", type=_from(1), metavar="N", help="how long a fault lasts that lasts (default: 8 to 20, by the seed)")
    parser.add_argument("--rounds", type=_from(1), default=20, metavar="N", help="how often a kill at a named point is repeated (default: %(default)s)")
    parser.add_argument("--code", default=str(JOBS), metavar="FOLDER", help="the jobs under test (default: spark-jobs)")
    return parser


def _from(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} cannot be used; give a whole number from {least}")
        return int(text)

    return number


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give a number from 0 to 1")
    return share


def main() -> int:
    options()
    if code := fetch.fetched():
        return code
    return become(["-m", "e2e.faults.run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
