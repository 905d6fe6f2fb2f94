"""Kafka records read by the plain client on the driver: what Spark's own source cannot read, and a batch's first times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import SparkSession

from commit_log import OffsetRange
from job_log import JobError

# So much of a topic is in the driver's memory at a time.
CHUNK_RECORDS = 1_000
_CHUNK_BYTES = 8 * 1024 * 1024
_PATIENCE_SECONDS = 60


class UnreadableTopicError(JobError):
    """The brokers do not give what the job asks for; the topic's state may say why."""


@dataclass(frozen=True)
class KafkaRecord:
    """A record as the brokers hold it; its timestamp is any 64-bit number."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


class KafkaRecords:
    """Reads committed records of one topic by partition and offset, through a consumer that stays open."""

    def __init__(self, spark: SparkSession, topic: str, options: Mapping[str, str]) -> None:
        """`options` are the Kafka client's own settings, with bootstrap.servers and isolation.level."""
        jvm: Any = spark._jvm
        self._jvm = jvm
        self._topic = topic
        self._options = dict(options)
        self._consumer: Any = None

    def chunks(self, ranges: Mapping[int, OffsetRange]) -> Iterator[tuple[list[KafkaRecord], dict[int, OffsetRange]]]:
        """The records of the ranges in order, a bounded number at a time, with the part of the ranges that they are."""
        records: list[KafkaRecord] = []
        size = 0
        part: dict[int, OffsetRange] = {}
        for partition, range_ in sorted(ranges.items()):
            part[partition] = OffsetRange(range_.from_, range_.from_)
            for record in self._read(partition, range_):
                if len(records) == CHUNK_RECORDS or size > _CHUNK_BYTES:
                    yield records, part
                    records, size, part = [], 0, {partition: OffsetRange(record.offset, record.offset)}
                records.append(record)
                size += len(record.value or b"")
                part[partition] = OffsetRange(part[partition].from_, record.offset + 1)
            part[partition] = OffsetRange(part[partition].from_, range_.until)
        yield records, part

    def first_timestamps(self, ranges: Mapping[int, OffsetRange]) -> list[int]:
        """The timestamp of the first record of each range that has one, in milliseconds."""
        found: dict[int, int] = {}
        partitions = {p: self._partition(p) for p, range_ in ranges.items() if range_.until > range_.from_}
        consumer = self._assigned({partitions[p]: ranges[p].from_ for p in partitions})
        deadline = time.monotonic() + _PATIENCE_SECONDS
        waiting = set(partitions)
        while waiting and time.monotonic() < deadline:
            answer = self._poll(consumer)
            for p in sorted(waiting):
                records = answer.records(partitions[p])
                if not records.isEmpty():
                    found[p] = int(records.get(0).timestamp())
                if p in found or int(consumer.position(partitions[p])) >= ranges[p].until:
                    waiting.discard(p)
        # Nothing more is fetched in the background.
        consumer.unsubscribe()
        return [found[p] for p in sorted(found)]

    def close(self) -> None:
        if self._consumer is not None:
            try:
                self._consumer.close()
            except Py4JError:
                pass  # a batch that outlasts the stop is using it, or the JVM is gone
            self._consumer = None

    def _read(self, partition: int, range_: OffsetRange) -> Iterator[KafkaRecord]:
        if range_.until <= range_.from_:
            return
        key = self._partition(partition)
        consumer = self._assigned({key: range_.from_})
        position, deadline = range_.from_, time.monotonic() + _PATIENCE_SECONDS
        while position < range_.until:
            for record in self._poll(consumer).records(key):
                offset = int(record.offset())
                if offset < range_.until:
                    value = record.value()
                    yield KafkaRecord(partition, offset, int(record.timestamp()), None if value is None else bytes(value))
            # Offsets of aborted records and of a transaction's end are passed without a record.
            before, position = position, int(consumer.position(key))
            if position > before:
                deadline = time.monotonic() + _PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise UnreadableTopicError(
                    f"--topic {self._topic}: the brokers give no record of partition {partition} from offset {position} on for {_PATIENCE_SECONDS} s; start the job again when they do"
                )
        consumer.unsubscribe()

    def _poll(self, consumer: Any) -> Any:
        try:
            return consumer.poll(self._jvm.java.time.Duration.ofMillis(1000))
        except Py4JJavaError as error:
            cause = error.java_exception
            raise UnreadableTopicError(f"--topic {self._topic} cannot be read: {cause.getClass().getSimpleName()}: {cause.getMessage()}") from None

    def _assigned(self, positions: Mapping[Any, int]) -> Any:
        if self._consumer is None:
            properties = self._jvm.java.util.Properties()
            # A timestamp is all that most calls want: no more is fetched than what holds one record.
            own = {"enable.auto.commit": "false", "auto.offset.reset": "none", "max.partition.fetch.bytes": "65536", "fetch.max.wait.ms": "20"}
            for name, value in {**self._options, **own}.items():
                properties.setProperty(name, value)
            bytes_ = self._jvm.org.apache.kafka.common.serialization.ByteArrayDeserializer
            self._consumer = self._jvm.org.apache.kafka.clients.consumer.KafkaConsumer(properties, bytes_(), bytes_())
        partitions = self._jvm.java.util.ArrayList()
        for partition in positions:
            partitions.add(partition)
        self._consumer.assign(partitions)
        for partition, offset in positions.items():
            self._consumer.seek(partition, offset)
        return self._consumer

    def _partition(self, number: int) -> Any:
        return self._jvm.org.apache.kafka.common.TopicPartition(self._topic, number)
