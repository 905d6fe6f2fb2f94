"""Writes made-up events into a topic, as fast as the machine can or at a given rate."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterable, Iterator

from confluent_kafka import KafkaError, Message, Producer

from local.events import BLOCK, Event, Traffic, events
from local.process import die_with_parent


class ProduceError(Exception):
    """Records that the broker did not acknowledge."""


def send(bootstrap_servers: str, topic: str, partitions: int, records: Iterable[Event]) -> int:
    """Sends records, each to the partition of its key, and returns how many were acknowledged, which is all of them.

    Raises ProduceError when one was not within two minutes.
    """
    failed: list[str] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(str(error))

    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "batch.num.messages": 50_000,
            "queue.buffering.max.messages": 200_000,
            "message.max.bytes": 4_194_304,
            "delivery.report.only.error": True,
            "message.timeout.ms": 120_000,
            "log_level": 0,
        }
    )
    sent = 0
    for record in records:
        while True:
            try:
                producer.produce(topic, record.value, partition=record.key % partitions, timestamp=record.timestamp_ms, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        sent += 1
        if sent % 1000 == 0:
            producer.poll(0)
    unsent = producer.flush(120)
    if failed or unsent:
        raise ProduceError(f"{len(failed) + unsent} of {sent} records were not acknowledged by {bootstrap_servers}: {failed[0] if failed else 'no answer'}")
    return sent


class Production:
    """Processes that write events 0 to count - 1, each every `processes`-th block, all together `rate` events a second."""

    def __init__(self, bootstrap_servers: str, topic: str, partitions: int, traffic: Traffic, count: int, rate: float | None = None, processes: int = 2) -> None:
        context = multiprocessing.get_context("spawn")
        self._target = f"{topic} at {bootstrap_servers}"
        pace = None if rate is None else rate / processes
        self._workers = [
            context.Process(target=_produce_blocks, args=(bootstrap_servers, topic, partitions, traffic, range(first * BLOCK, count, processes * BLOCK), count, pace))
            for first in range(processes)
        ]
        # They inherit that Ctrl-C is not for them, but for the process that starts them.
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for worker in self._workers:
                worker.start()
        finally:
            signal.signal(signal.SIGINT, former)

    @property
    def running(self) -> bool:
        """Whether events are still being written. Raises ProduceError when some could not be."""
        if any(worker.exitcode for worker in self._workers):
            self.stop()
            raise ProduceError(f"the events could not be written to {self._target}")
        return any(worker.exitcode is None for worker in self._workers)

    def wait(self) -> None:
        """Returns when every event is acknowledged. Raises ProduceError when one could not be written; an interrupt ends the processes."""
        try:
            for worker in self._workers:
                worker.join()
        except KeyboardInterrupt:
            self.stop()
            raise
        if self.running:
            raise ProduceError(f"the events could not be written to {self._target}")

    def stop(self) -> None:
        """Ends the processes; what they had not sent is not written."""
        for worker in self._workers:
            worker.kill()
            worker.join()


def _produce_blocks(bootstrap_servers: str, topic: str, partitions: int, traffic: Traffic, firsts: range, count: int, rate: float | None) -> None:
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():  # it was gone before it could be followed
        return
    every = (event for first in firsts for event in events(traffic, first, min(BLOCK, count - first)))
    send(bootstrap_servers, topic, partitions, every if rate is None else _paced(every, rate))


def _paced(every: Iterable[Event], rate: float) -> Iterator[Event]:
    started = time.monotonic()
    for number, event in enumerate(every):
        ahead = number / rate - (time.monotonic() - started)
        if ahead > 0.05:
            time.sleep(ahead)
        yield event
