"""Records that end whatever reads them: which failures they can be the reason of, and which records they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors.exceptions.captured import CapturedException

from job_log import JobError, error_name, java_causes
from kafka_records import KafkaRecord

# What the object store, the brokers, the network and a disk fail with. Everything else may be a record's doing.
_OUTSIDE = (
    "com.amazonaws.",
    "org.apache.hadoop.",
    "org.apache.http.",
    "org.apache.kafka.",
    "java.io.",
    "java.net.",
    "java.nio.",
    "java.util.concurrent.TimeoutException",
    "javax.net.",
    "java.lang.Interrupted",
)

_SLICES = 32

Item = TypeVar("Item")
# The slices of some items, and what reads those of the given numbers.
Trial = tuple[Sequence[Sequence[Item]], Callable[[Sequence[int]], None]]


@dataclass(frozen=True)
class Poison:
    """A record that no pass gets over, byte for byte, and why."""

    record: KafkaRecord
    reason: str


def may_be_a_record(failure: BaseException) -> bool:
    """Whether a record can be why a batch failed: not when the object store, the brokers or the job itself ended it."""
    if isinstance(failure, JobError) or not isinstance(failure, (Py4JJavaError, CapturedException)):
        return False
    causes = list(java_causes(failure))
    texts = [str(cause.getMessage()) for cause in causes]
    if any("cancelled" in text or "SparkContext was shut down" in text or "stopped SparkContext" in text for text in texts):
        return False
    return not any(str(cause.getClass().getName()).startswith(_OUTSIDE) for cause in causes)


def isolated(items: Sequence[Item], trial: Callable[[Sequence[Item], int], Trial[Item]]) -> tuple[list[Item], list[tuple[Item, str]]]:
    """Splits items into those that can be read, and those that end whatever reads them, with the error's name.

    What fails is tried again in at most 32 slices, in halves of them: one item of a thousand is found in some 25 short
    tries. An item is poison only when it fails alone, twice.
    """
    sound: list[Item] = []
    poison: list[tuple[Item, str]] = []
    pending = [list(items)] if items else []
    while pending:
        part = pending.pop()
        slices, try_ = trial(part, min(_SLICES, len(part)))
        failing = dict(_failing(try_, range(len(slices))))
        for number, slice_ in enumerate(slices):
            if number not in failing:
                sound += slice_
            elif len(slice_) > 1:
                pending.append(list(slice_))
            elif _failure(try_, [number]) is None:
                sound += slice_
            else:
                poison.append((slice_[0], error_name(failing[number])))
    return sound, poison


def _failing(try_: Callable[[Sequence[int]], None], numbers: Sequence[int]) -> Iterator[tuple[int, Exception]]:
    """The slices that fail alone, and how."""
    failure = _failure(try_, numbers)
    if failure is None:
        return
    if len(numbers) == 1:
        yield numbers[0], failure
        return
    middle = len(numbers) // 2
    yield from _failing(try_, numbers[:middle])
    yield from _failing(try_, numbers[middle:])


def _failure(try_: Callable[[Sequence[int]], None], numbers: Sequence[int]) -> Exception | None:
    try:
        try_(numbers)
    except (Py4JError, CapturedException) as failure:
        if not may_be_a_record(failure):
            raise
        return failure
    return None
