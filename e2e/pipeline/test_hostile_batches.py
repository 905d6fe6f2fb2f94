"""Batches that broke the job or had no bound: timestamps that no clock shows, values that break an expression, aborted
transactions, events of every hour there is. The jobs run in this process, on real Kafka, S3 and ClickHouse.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import event_parser
import layers
import streaming_job
from batch_writer import OWN_HOURS, BatchWriter
from e2e.pipeline.stream import PARTITIONS, QUIET, Stream
from job_log import JobError
from local import committed
from local.events import Event, events
from local.produce import send
from object_store import ObjectStore
from streaming_job import StreamingJob

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
    stream.send(200, QUIET)
    send_events(stream, [Event(place, line(place), timestamp) for place, timestamp in enumerate([*outside, *inside])])
    stream.send(200, QUIET)
    output = stream.drain()
    assert "a record breaks the batch" in output
    proof = stream.prove()
    assert proof.reasons["unreadable_kafka_timestamp"] == len(outside)
    assert proof.bronze == 400 + len(outside) + len(inside)
    assert not stream.unnamed_files()


def test_timestamps_before_1970_are_stored_as_they_are_whatever_calendar_spark_reads_them_in(stream: Stream) -> None:
    before = [-1, -2, -86_400_000, -2_208_988_800_000, -2_208_988_800_001, -62_135_596_800_000, -(10**16), -(2**63)]
    stream.send(300, QUIET)
    send_events(stream, [Event(place, line(place), timestamp) for place, timestamp in enumerate(before)])
    stream.drain()
    proof = stream.prove()
    assert proof.reasons["unreadable_kafka_timestamp"] == len(before)


def test_a_topic_whose_every_timestamp_spark_cannot_read_is_stored_without_a_pass_that_fails(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    failing: list[object] = []
    monkeypatch.setattr(StreamingJob, "_give_up_attempt", lambda *_: failing.append(1))
    send_events(stream, [Event(place, line(place), 10**18 + place) for place in range(2_500)])
    output = stream.drain(max_offsets_per_trigger=10_000)
    assert "a record breaks the batch" in output
    assert not failing
    lines = [line for line in output.splitlines() if "quarantined records that cannot be read" in line]
    assert len(lines) <= 6
    assert sum(int(line.split(" records=")[1].split()[0]) for line in lines) == 2_500
    assert all(" reasons=unreadable_kafka_timestamp:" in line for line in lines)
    assert stream.prove().reasons["unreadable_kafka_timestamp"] == 2_500
    assert not stream.unnamed_files()


def breaking(monkeypatch: pytest.MonkeyPatch, stream: Stream) -> None:
    """A parser that ends at a value, as one with a bug would; the reference says so too."""
    parse, expected = event_parser.parse, stream.parse

    def with_a_bug(records: DataFrame, time_zone: str) -> DataFrame:
        parsed = parse(records, time_zone)
        broken: Column = F.raise_error(F.lit("the bug")).cast("string")
        return parsed.withColumn("user_id", F.when(F.col("text").contains("BREAKS"), broken).otherwise(F.col("user_id")))

    monkeypatch.setattr(layers, "parse", with_a_bug)
    stream.parse = lambda value: "RuntimeException" if value is not None and b"BREAKS" in value else expected(value)


def test_a_value_that_no_pass_gets_over_is_found_among_many_and_quarantined_with_the_errors_name(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking(monkeypatch, stream)
    stream.send(1_000, QUIET)
    send_events(stream, [Event(1, line(1) + b" BREAKS", NOW_MS)])
    stream.send(1_000, QUIET)
    stream.drain(max_offsets_per_trigger=10_000)
    assert stream.prove().reasons["RuntimeException"] == 1
    assert not stream.unnamed_files()
    assert 1 < len(stream.commits()) < 5


def test_a_batch_full_of_poison_is_read_by_the_driver_after_some_passes_that_fail(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_job, "MAX_FAILING_PASSES", 2)
    odd = random.Random(7)
    send_events(stream, [Event(place, line(place), 10**16 if odd.random() < 0.3 else NOW_MS) for place in range(3_500)])
    output = stream.drain(max_offsets_per_trigger=10_000)
    assert output.count("a record breaks the batch") == 2
    proof = stream.prove()
    assert 900 < proof.reasons["unreadable_kafka_timestamp"] < 1_200
    assert not stream.unnamed_files()


def test_a_job_that_is_started_again_in_the_middle_of_such_a_batch_goes_on_after_what_is_stored(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(1_000, QUIET)
    send_events(stream, [Event(1, line(1), 10**16)])
    stream.send(1_000, QUIET)
    readable = BatchWriter.readable
    monkeypatch.setattr(BatchWriter, "readable", lambda *_: crash())
    with pytest.raises(JobError, match="CrashError"):
        stream.drain(max_offsets_per_trigger=10_000)
    assert stream.commits()
    monkeypatch.setattr(BatchWriter, "readable", readable)
    stream.drain(max_offsets_per_trigger=10_000)
    assert stream.prove().bronze == 2_001


class CrashError(Exception):
    """What stands for the death of the job here."""


def crash() -> None:
    raise CrashError


def test_an_object_store_that_is_gone_is_not_taken_for_poison(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(500, QUIET)
    lost = stream.lake.bronze.replace("raw-data", "no-such-bucket")
    monkeypatch.setattr(ObjectStore, "check", lambda *_: None)
    with pytest.raises(JobError) as failure:
        stream.drain(bronze=lost)
    assert "a record breaks" not in str(failure.value)
    assert stream.commits() == []
    stream.drain()
    assert "RuntimeException" not in stream.prove().reasons


@pytest.fixture
def transactions(stream: Stream) -> Iterator[Transactions]:
    producers = Transactions(stream)
    yield producers
    producers.end()


class Transactions:
    """Producers that each have one transaction under way."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.open: list[Producer] = []

    def begin(self, first: int, count: int) -> Producer:
        """Writes `count` events to all partitions, up to the broker, within a transaction."""
        producer = Producer({"bootstrap.servers": self.stream.kafka.bootstrap_servers, "transactional.id": f"{self.stream.topic}-{first}", "log_level": 0})
        producer.init_transactions(30)
        producer.begin_transaction()
        for place, event in enumerate(events(QUIET, first, count)):
            producer.produce(self.stream.topic, event.value, partition=place % PARTITIONS, timestamp=event.timestamp_ms)
        producer.flush(30)
        self.open.append(producer)
        return producer

    def end(self) -> None:
        for producer in self.open:
            producer.abort_transaction(30)

    def commit(self, producer: Producer) -> None:
        producer.commit_transaction(30)
        self.open.remove(producer)

    def abort(self, producer: Producer) -> None:
        producer.abort_transaction(30)
        self.open.remove(producer)


def test_records_of_aborted_and_of_open_transactions_are_not_in_the_lake(stream: Stream, transactions: Transactions) -> None:
    transactions.commit(transactions.begin(0, 100))
    transactions.abort(transactions.begin(100, 100))
    still_open = transactions.begin(200, 100)
    output = stream.drain()
    assert stream.prove().bronze == 100
    assert " lag=0 " in output
    transactions.commit(still_open)
    stream.drain()
    assert stream.prove().bronze == 200
    assert sum(commit.rows["bronze"] for commit in stream.commits()) == 200


def test_a_batch_of_nothing_but_aborted_records_is_committed_without_files(stream: Stream, transactions: Transactions) -> None:
    stream.send(300, QUIET)
    stream.drain()
    transactions.abort(transactions.begin(300, 100))
    stream.drain()
    last = stream.commits()[-1]
    assert sum(until - from_ for from_, until in last.offsets.values()) >= 100
    assert last.rows == {"bronze": 0, "silver": 0, "quarantine": 0}
    assert not any(last.files.values())
    assert not stream.unnamed_files()
    stream.send(300, QUIET)
    stream.drain()
    assert stream.prove().bronze == 600


def test_poison_between_aborted_records_is_found(stream: Stream, transactions: Transactions) -> None:
    transactions.commit(transactions.begin(0, 300))
    transactions.abort(transactions.begin(300, 300))
    send_events(stream, [Event(place, line(place), 10**16) for place in range(3)])
    transactions.abort(transactions.begin(600, 1_500))
    transactions.commit(transactions.begin(3_000, 1_500))
    stream.drain(max_offsets_per_trigger=10_000)
    proof = stream.prove()
    assert proof.bronze == 1_803
    assert proof.reasons["unreadable_kafka_timestamp"] == 3


def test_a_batch_of_many_hours_makes_a_bounded_number_of_files(stream: Stream) -> None:
    hour = 3_600_000
    send_events(stream, [Event(place, line(place, NOW_MS + (place - 1_000) * hour), NOW_MS) for place in range(1_900)])
    stream.drain()
    assert len(stream.commits()) == 1
    silver = committed.files(stream.commits(), "silver")
    assert len([url for url in silver if "year=__HIVE_DEFAULT_PARTITION__/" in url]) == 1
    assert len(silver) <= OWN_HOURS + 1
    assert stream.prove().silver == 1_900
    stream.engine = "spark"
    stream.prove()


def test_the_hours_of_a_batch_have_files_of_their_own(stream: Stream) -> None:
    hour = 3_600_000
    send_events(stream, [Event(place, line(place, NOW_MS + place % 4 * hour), NOW_MS + place % 4 * hour) for place in range(400)])
    stream.drain()
    silver = committed.files(stream.commits(), "silver")
    assert len(silver) == 4
    assert not [url for url in silver if "__HIVE_DEFAULT_PARTITION__" in url]
    stream.prove()
