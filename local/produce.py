"""Writes made-up events into a topic, as fast as the machine can or at a given rate."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable

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


def produce(bootstrap_servers: str, topic: str, partitions: int, traffic: Traffic, count: int, processes: int = 2) -> None:
    """Writes events 0 to count - 1; each process makes every `processes`-th block."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_produce_blocks, args=(bootstrap_servers, topic, partitions, traffic, count, worker, processes)) for worker in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise ProduceError(f"the events could not be written to {topic} at {bootstrap_servers}")


def _produce_blocks(bootstrap_servers: str, topic: str, partitions: int, traffic: Traffic, count: int, worker: int, processes: int) -> None:
    die_with_parent()
    blocks = range(worker * BLOCK, count, processes * BLOCK)
    send(bootstrap_servers, topic, partitions, (event for first in blocks for event in events(traffic, first, min(BLOCK, count - first))))


def produce_at_rate(bootstrap_servers: str, topic: str, partitions: int, traffic: Traffic, count: int, rate: float, goes_on: Callable[[], bool]) -> int:
    """Writes up to `count` events at `rate` events a second, for as long as `goes_on` answers true; returns how many."""
    started = time.monotonic()

    def paced() -> Iterable[Event]:
        for number, event in enumerate(events(traffic, 0, count)):
            ahead = number / rate - (time.monotonic() - started)
            if ahead > 0.05:
                time.sleep(ahead)
                if not goes_on():
                    return
            yield event

    return send(bootstrap_servers, topic, partitions, paced())
