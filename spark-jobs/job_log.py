"""What a job says: one line an event on standard output, one sentence on standard error when it ends badly."""

from __future__ import annotations

import sys
from datetime import datetime, timezone


class JobError(Exception):
    """Ends the job with exit code 1 and this sentence alone, without a stack trace."""


def say(event: str, **facts: object) -> None:
    """One line: UTC time, what happened, then the facts as key=value."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    print(" ".join([now, event, *(f"{key}={value}" for key, value in facts.items())]), flush=True)


def fail(error: JobError) -> int:
    """Prints the sentence and gives the exit code."""
    print(error, file=sys.stderr, flush=True)
    return 1
