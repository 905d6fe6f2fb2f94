"""Every record once in bronze, once in silver or quarantine, and counted once by gold, whatever happens on the way.

The jobs run in this process, on real Kafka, S3 and ClickHouse; test_job_processes.py kills and stops them as processes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.cimpl import NewPartitions
from pyspark.sql import functions as F

import batch_writer
from batch_writer import OWN_HOURS, BatchWriter, Locations, WrittenBatch, new_attempt, own_hours
from commit_log import CommitLog, Manifest, OffsetRange
from e2e.pipeline.conftest import MakeStream
from e2e.pipeline.stream import HARD, LAYERS, QUIET, Stream
from job_log import JobError
from kafka_records import KafkaRecords
from layers import quarantine_rows, records
from local import committed
from local.events import Traffic
from local.object_store import path_of
from object_store import ObjectStore, StoredObject


def refused(stream: Stream, **changed: object) -> str:
    """The one sentence with which the job ends."""
    with pytest.raises(JobError) as failure:
        stream.drain(**changed)
    sentence = str(failure.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("engine", ["spark", "clickhouse"])
def test_every_record_is_stored_once_and_counted_once(stream: Stream, engine: str) -> None:
    stream.engine = engine
    stream.send(7_000)
    stream.drain()
    assert stream.prove().quarantine > 0
    assert not stream.unnamed_files()
    assert all(0 < commit.rows["bronze"] <= stream.batch for commit in stream.commits())


def test_events_up_to_26_hours_late_and_early_are_counted_in_their_own_hour(stream: Stream) -> None:
    stream.send(1_000, Traffic(hostile_share=0.02, late_share=0.4))
    stream.drain()
    stream.prove()
    folders = {url.rsplit("/batch=", 1)[0] for url in committed.files(stream.commits(), "silver")}
    assert 1 < len(folders) <= OWN_HOURS + 1
    assert any("year=__HIVE_DEFAULT_PARTITION__" in folder for folder in folders)


class CrashError(Exception):
    """What stands for the death of the job here: nothing after it runs."""


@dataclass
class CrashInBatch:
    """Ends the second batch at a stage of it."""

    monkeypatch: pytest.MonkeyPatch

    def at(self, stage: str) -> None:
        getattr(self, stage.replace(" ", "_"))()

    def after_silver(self) -> None:
        side_by_side = batch_writer._side_by_side
        batches: list[int] = []

        def silver_alone(*actions: Callable[[], None]) -> None:
            batches.append(1)
            side_by_side(*actions[: 1 if len(batches) == 2 else None])
            if len(batches) == 2:
                raise CrashError

        self.monkeypatch.setattr(batch_writer, "_side_by_side", silver_alone)

    def before_the_manifest(self) -> None:
        create = CommitLog.create
        self.monkeypatch.setattr(CommitLog, "create", lambda log, manifest: create(log, manifest) if manifest.sequence == 0 else crash())

    def after_the_manifest(self) -> None:
        create = CommitLog.create
        self.monkeypatch.setattr(CommitLog, "create", lambda log, manifest: create(log, manifest) and (manifest.sequence == 0 or crash()))


def crash() -> bool:
    raise CrashError


def crash_at(stage: str, stream: Stream) -> None:
    with pytest.MonkeyPatch.context() as patch:
        CrashInBatch(patch).at(stage)
        assert "CrashError" in refused(stream)


@pytest.mark.parametrize(("stage", "committed_then"), [("after silver", 1), ("before the manifest", 1), ("after the manifest", 2)])
def test_a_crash_at_any_stage_of_a_batch_neither_loses_nor_doubles(stream: Stream, stage: str, committed_then: int) -> None:
    stream.send(7_000, QUIET)
    crash_at(stage, stream)
    assert len(stream.commits()) == committed_then
    left = stream.unnamed_files()
    assert bool(left) == (stage != "after the manifest")
    stream.fold()  # gold never reads what the crash left
    output = stream.drain()
    stream.prove()
    assert not stream.unnamed_files()
    assert ("removed files that no manifest names" in output) == (stage == "after silver")
    assert ("rebuilt a manifest from the files of its batch sequence=1" in output) == (stage == "before the manifest")


def test_a_deleted_checkpoint_goes_on_from_the_commit_log(stream: Stream) -> None:
    stream.send(4_000, QUIET)
    stream.drain()
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    before = stream.commits()
    assert "batch sequence" not in stream.drain()
    assert stream.commits() == before
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.send(2_000, QUIET)
    output = stream.drain()
    assert f"sequence={before[-1].sequence} offsets=" in output
    stream.prove()


def test_a_lost_commit_log_is_rebuilt_batch_for_batch_and_gold_counts_nothing_again(stream: Stream) -> None:
    stream.send(5_000, QUIET)
    stream.drain()
    stream.prove()
    before = stream.commits()
    stream.object_store.delete(stream.lake.commits)
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.send(2_000, QUIET)
    output = stream.drain()
    assert output.count("rebuilt a manifest from the files of its batch") == len(before)
    assert as_committed(stream.commits()[: len(before)]) == as_committed(before)
    stream.prove()


def test_a_commit_log_that_is_lost_after_a_crash_is_rebuilt_without_the_batch_that_was_cut(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    crash_at("after silver", stream)
    stream.object_store.delete(stream.lake.commits)
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.drain()
    stream.prove()
    assert not stream.unnamed_files()


def as_committed(commits: list[committed.Commit]) -> list[tuple[object, ...]]:
    """Without the order of files and the layers' empty lists, which are not stored."""
    return [(one.sequence, one.topic, one.offsets, {layer: sorted(files) for layer, files in one.files.items()}, one.rows) for one in commits]


def test_a_lost_commit_log_is_not_rebuilt_when_a_file_of_bronze_is_missing_too(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    stream.drain()
    before = stream.commits()
    stream.object_store.delete(stream.lake.commits)
    for url in before[1].files["bronze"]:
        stream.object_store.delete(url)
    sentence = refused(stream)
    assert sentence.startswith(f"{stream.lake.commits}{1:020d}.json is lost and cannot be rebuilt: none of its files is there")
    assert refused(stream) == sentence
    stream.drain(accept_lost=1)
    lost, *after = [one for one in stream.commits() if one.sequence > 0]
    assert lost.rows["bronze"] == 0
    assert lost.offsets == before[1].offsets
    assert as_committed(after) == as_committed(before[2:])
    stream.drain()
    assert f"{before[1].rows['bronze']:,} records are not in bronze" in "\n".join(stream.compare().wrong)


def test_an_emptied_lake_is_filled_again_from_the_topic(make_stream: MakeStream) -> None:
    stream = make_stream()
    stream.send(5_000, QUIET)
    stream.drain()
    for location in (*(getattr(stream.lake, layer) for layer in LAYERS), stream.lake.commits, stream.lake.streaming_checkpoint):
        stream.object_store.delete(location)
    stream.drain()
    stream.prove()


def test_records_that_the_brokers_deleted_before_they_were_stored_are_named(stream: Stream) -> None:
    stream.send(1_500, QUIET)
    stream.drain()
    stored = stream.commits()[-1].offsets[0][1]
    stream.send(1_500, QUIET)
    gone = stored + 100
    admin = stream.kafka.admin()  # must live until the result is there
    for deleted in admin.delete_records([TopicPartition(stream.topic, 0, gone)]).values():
        deleted.result(30)
    sentence = refused(stream)
    assert f"the brokers have deleted records that are not stored (partition 0: {stored} to {gone - 1})" in sentence
    assert sentence.endswith("to go on without them start the job once with --accept-lost 1")
    assert len(stream.commits()) == 1
    stream.drain(accept_lost=1)
    stream.drain()
    assert stream.commits()[1].offsets[0] == (stored, gone)
    assert sum(commit.rows["bronze"] for commit in stream.commits()) == 2_900


def test_records_that_the_brokers_delete_under_the_job_are_named_as_at_a_start(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(1_500, QUIET)
    stream.drain()
    stored = stream.commits()[-1].offsets[0][1]
    stream.send(1_500, QUIET)
    read = KafkaRecords.first_timestamps
    admin = stream.kafka.admin()  # must live until the result is there

    def read_too_late(self: KafkaRecords, ranges: Mapping[int, OffsetRange]) -> list[int]:
        admin.delete_records([TopicPartition(stream.topic, 0, stored + 100)])[TopicPartition(stream.topic, 0)].result(30)
        return read(self, ranges)

    with monkeypatch.context() as patched:
        patched.setattr(KafkaRecords, "first_timestamps", read_too_late)
        sentence = refused(stream)
    assert f"the brokers have deleted records that are not stored (partition 0: {stored} to {stored + 99})" in sentence
    assert sentence.endswith("to go on without them start the job once with --accept-lost 1")
    assert refused(stream) == sentence
    assert len(stream.commits()) == 1


@pytest.mark.parametrize("gone", [20, 0])
def test_a_partition_that_was_added_is_stored_from_its_first_record_on_or_what_is_gone_of_it_is_named(stream: Stream, gone: int) -> None:
    stream.send(600, QUIET)
    stream.drain()
    added = max(stream.commits()[-1].offsets) + 1
    admin = stream.kafka.admin()  # must live until the result is there
    admin.create_partitions([NewPartitions(stream.topic, added + 1)])[stream.topic].result(30)
    producer = Producer({"bootstrap.servers": stream.kafka.bootstrap_servers, "topic.metadata.refresh.interval.ms": 200})
    while added not in producer.list_topics(stream.topic, timeout=10).topics[stream.topic].partitions:
        time.sleep(0.1)
    for number in range(50):
        producer.produce(stream.topic, f"record {number}".encode(), partition=added)
    assert producer.flush(30) == 0
    if gone > 0:
        admin.delete_records([TopicPartition(stream.topic, added, gone)])[TopicPartition(stream.topic, added)].result(30)
        sentence = refused(stream)
        assert f"the brokers have deleted records that are not stored (partition {added}: 0 to {gone - 1})" in sentence
        assert sentence.endswith("to go on without them start the job once with --accept-lost 1")
        assert len(stream.commits()) == 1
        stream.drain(accept_lost=1)
        assert stream.commits()[1].offsets[added] == (0, gone)
    stream.drain()
    assert stream.commits()[-1].offsets[added] == (gone, 50)
    assert sum(commit.rows["bronze"] for commit in stream.commits()) == 650 - gone


def test_another_topics_commit_log_is_refused(make_stream: MakeStream) -> None:
    stream = make_stream()
    stream.send(100, QUIET)
    stream.drain()
    other = make_stream()
    assert refused(other) == f"--commits holds topic {stream.topic}, not --topic {other.topic}; give each topic its own commit log"


def rival_commits(stream: Stream) -> None:
    """What another driver on the same commit log does: it stores all that is in the topic, in two batches."""
    store, lake = ObjectStore(stream.spark), stream.lake
    writer = BatchWriter(store, Locations(*(getattr(lake, layer).rstrip("/") for layer in LAYERS)), stream.topic, "UTC")
    ends = stream.kafka.end_offsets(stream.topic)
    middle = {partition: end // 2 for partition, end in ends.items()}
    begin = dict.fromkeys(ends, 0)
    for sequence, (first, until) in enumerate([(begin, middle), (middle, ends)]):
        kafka = stream.spark.read.format("kafka").option("kafka.bootstrap.servers", stream.kafka.bootstrap_servers).option("subscribe", stream.topic)
        bounds = {"startingOffsets": offsets_json(stream.topic, first), "endingOffsets": offsets_json(stream.topic, until)}
        attempt = new_attempt()
        written = writer.write(records(kafka.options(**bounds).load()), sum(until.values()) - sum(first.values()), f"{sequence:020d}-{attempt}", own_hours([]))
        ranges = {partition: OffsetRange(first[partition], until[partition]) for partition in ends}
        assert CommitLog(store, lake.commits).create(Manifest(sequence, attempt, stream.topic, ranges, *written.layers, written.rows, previous=sequence - 1 if sequence else None))


def offsets_json(topic: str, offsets: dict[int, int]) -> str:
    return json.dumps({topic: offsets})


def run_beside_a_rival(stream: Stream, monkeypatch: pytest.MonkeyPatch, then: Callable[[], object] = lambda: None) -> None:
    """Just before the job commits its first batch, a rival commits more under the same sequence and the next."""
    stream.send(4_000, QUIET)
    create = CommitLog.create

    def create_too_late(log: CommitLog, manifest: Manifest) -> bool:
        monkeypatch.setattr(CommitLog, "create", create)
        rival_commits(stream)
        created = CommitLog.create(log, manifest)
        then()
        return created

    monkeypatch.setattr(CommitLog, "create", create_too_late)


def test_of_two_drivers_the_second_to_commit_stops_and_removes_its_files(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    run_beside_a_rival(stream, monkeypatch)
    assert "only one streaming job may run on a commit log" in refused(stream, max_offsets_per_trigger=1_000)
    assert not stream.unnamed_files()
    stream.drain()
    stream.prove()


def test_a_put_that_is_repeated_because_its_answer_was_lost_is_not_taken_for_a_rivals(stream: Stream) -> None:
    store, url = ObjectStore(stream.spark), f"{stream.lake.commits}{0:020d}.json"
    assert store.create(url, b"one")
    assert store.create(url, b"one")
    assert not store.create(url, b"another")
    assert store.read(url) == b"one"


def test_records_that_a_producer_sent_twice_are_two_records(stream: Stream) -> None:
    stream.send(1_500, QUIET)
    stream.sent = 0
    stream.send(1_500, QUIET)
    stream.drain()
    assert stream.prove().bronze == 3_000


def test_a_poison_batch_in_the_middle_goes_to_quarantine_and_the_next_one_on(stream: Stream) -> None:
    stream.send(1_000, QUIET)
    stream.drain()
    stream.send_values([*[None, b"", b"\xff\xfe", b"{", b"[A] time=never", "ü".encode()] * 60, *[b"x" * 1_000_000] * 5])
    stream.drain()
    stream.send(1_000, QUIET)
    stream.drain()
    assert stream.prove().quarantine > 365
    assert [commit.rows["silver"] == 0 for commit in stream.commits()] == [False, True, False]


def test_more_quarantined_records_than_travel_through_the_driver_are_all_stored(stream: Stream) -> None:
    stream.send_values([b"", b"no event"] * batch_writer.FEW)
    stream.send(500, QUIET)
    stream.drain()
    assert len(stream.commits()) == 1
    assert stream.prove().quarantine > 2 * batch_writer.FEW


def test_a_write_that_fails_commits_nothing_and_the_next_start_makes_up_for_it(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(2_000, QUIET)
    write = BatchWriter._write_quarantine
    monkeypatch.setattr(BatchWriter, "_write_quarantine", lambda *_: crash())
    assert "CrashError" in refused(stream)
    assert stream.commits() == []
    monkeypatch.setattr(BatchWriter, "_write_quarantine", write)
    stream.drain()
    stream.prove()


class TestMutations:
    """Each takes one thing away that exactness rests on; the proof then has to find it."""

    def wrong(self, stream: Stream) -> str:
        stream.fold()
        return "\n".join(stream.compare().wrong)

    def test_a_manifest_before_its_files_loses_what_a_crash_cuts(self, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
        stream.send(2_000, QUIET)
        none_yet = WrittenBatch({layer: [] for layer in LAYERS}, dict.fromkeys(LAYERS, 0))
        create = CommitLog.create
        monkeypatch.setattr(BatchWriter, "write", lambda *_: none_yet)
        monkeypatch.setattr(CommitLog, "create", lambda log, manifest: create(log, manifest) and crash())
        assert "CrashError" in refused(stream)
        monkeypatch.undo()
        stream.drain()
        assert "2,000 records are not in bronze" in self.wrong(stream)

    def test_a_manifest_that_is_overwritten_loses_what_a_rival_stored(self, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
        def put(store: ObjectStore, url: str, content: bytes) -> bool:
            with stream.object_store.files().open_output_stream(path_of(url)) as out:
                out.write(content)
            return True

        monkeypatch.setattr(ObjectStore, "create", put)
        run_beside_a_rival(stream, monkeypatch, then=crash)
        assert "CrashError" in refused(stream, max_offsets_per_trigger=1_000)
        stream.drain()
        assert "records are not in bronze" in self.wrong(stream)

    def test_a_quarantine_of_what_parses_is_seen(self, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
        stream.send(500, HARD)
        monkeypatch.setattr(batch_writer, "FEW", 0)
        inverted = F.when(F.col("reason").isNull(), F.lit("no_event"))
        monkeypatch.setattr(batch_writer, "quarantine_rows", lambda parsed: quarantine_rows(parsed.withColumn("reason", inverted)))
        stream.drain()
        wrong = self.wrong(stream)
        assert "records of bronze are neither in silver nor in quarantine" in wrong
        assert "records are twice in silver or quarantine" in wrong

    def test_a_gold_that_reads_whatever_lies_in_silver_counts_a_crashed_batch_twice(self, stream: Stream) -> None:
        stream.send(5_000, QUIET)
        crash_at("after silver", stream)  # a batch that is whole would be committed at the next start
        left = sorted(url for url in stream.unnamed_files() if url.startswith(stream.lake.silver))
        stray = Manifest(0, "stray", stream.topic, {}, [], [StoredObject(url, 1) for url in left], [], {"silver": 0})
        stream.fold([stray])
        stream.drain()
        assert "total_requests" in self.wrong(stream)
