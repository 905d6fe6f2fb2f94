"""Batches that broke the job or had no bound: timestamps that no clock shows, values that break an expression, aborted
transactions, events of every hour there is. The jobs run in this process, on real Kafka, S3 and ClickHouse.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from pyspark.sql import Column
from pyspark.sql import functions as F

import layers
from e2e.pipeline.stream import PARTITIONS, QUIET, Stream
from local import committed
from local.events import Event, events
from local.produce import send

NOW_MS = 1_768_435_200_000
FIRST_MS, END_MS = 86_400_000, 4_291_747_200_000
"""The Kafka timestamps of the contract: from 1970-01-02, before 2106."""


def line(number: int, event_ms: int = NOW_MS) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(event_ms // 1000))
    return f"[USER_ACTIVITY] - SEARCH user={number} GET /search API_FINISH time={moment} bytes=10".encode()


def send_events(stream: Stream, sent: list[Event]) -> None:
    assert send(stream.kafka.bootstrap_servers, stream.topic, PARTITIONS, sent) == len(sent)


def test_a_timestamp_that_no_clock_shows_is_stored_as_it_is_and_quarantined(stream: Stream) -> None:
    outside = [10**16, 2**63 - 1, 9_223_372_036_854_775, 9_223_372_036_854_776, 253_402_300_800_000, END_MS, FIRST_MS - 1, 1]
    inside = [FIRST_MS, END_MS - 1]
    stream.send(500, QUIET)
    send_events(stream, [Event(place, line(place), timestamp) for place, timestamp in enumerate([*outside, *inside])])
    stream.send(500, QUIET)
    output = stream.drain()
    assert "a record breaks the batch" in output
    proof = stream.prove()
    assert proof.reasons["unreadable_kafka_timestamp"] == len(outside)
    assert proof.bronze == 1_000 + len(outside) + len(inside)
    assert not stream.unnamed_files()


def test_timestamps_before_1970_are_stored_as_they_are_whatever_calendar_spark_reads_them_in(stream: Stream) -> None:
    before = [-1, -2, -86_400_000, -2_208_988_800_000, -2_208_988_800_001, -62_135_596_800_000, -(10**16), -(2**63)]
    stream.send(300, QUIET)
    send_events(stream, [Event(place, line(place), timestamp) for place, timestamp in enumerate(before)])
    stream.drain()
    proof = stream.prove()
    assert proof.reasons["unreadable_kafka_timestamp"] == len(before)
