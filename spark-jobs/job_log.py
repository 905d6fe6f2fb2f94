"""What a job says: one line an event on standard output, one sentence on standard error when it ends badly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any


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


def described(failure: BaseException) -> str:
    """One line: the name of the error at the root of what Spark raised, and its message."""
    causes = list(java_causes(failure))
    message = causes[-1].getMessage() if causes else failure
    lines = str(message or "no reason given").strip().splitlines() or ["no reason given"]
    # Of a Python worker the message is its stack trace, and the error stands in the last line.
    return f"{error_name(failure)}: {lines[-1 if lines[0].startswith('Traceback') else 0]}"[:500]


def error_name(failure: BaseException) -> str:
    """The name of the error at the root of a failure, e.g. ArithmeticException."""
    names = [str(cause.getClass().getSimpleName()) for cause in java_causes(failure)]
    return names[-1] if names else type(failure).__name__


def java_causes(failure: BaseException) -> Iterator[Any]:
    """The errors of the JVM that a failure is of, the root last; none when it is not of the JVM."""
    cause: Any = getattr(failure, "java_exception", None) or getattr(failure, "_origin", None)
    while cause is not None:
        yield cause
        cause = cause.getCause()


def is_of_the_network(failure: BaseException) -> bool:
    """Whether a failure to read files says nothing of the files: the object store does not answer, or the job is being stopped."""
    causes = list(java_causes(failure))
    if any("cancelled" in str(cause.getMessage()) or "SparkContext was shut down" in str(cause.getMessage()) for cause in causes):
        return True
    return any(str(cause.getClass().getName()).startswith(("com.amazonaws.", "java.net.", "javax.net.", "org.apache.http.")) for cause in causes)
