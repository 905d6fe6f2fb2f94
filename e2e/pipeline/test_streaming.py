"""The streaming job alone: every record once in bronze, and once in silver or quarantine, whatever happens to it."""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import committed
from local.events import Event, Traffic, events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import Process
from local.produce import send
from local.proof import Proof, bronze_records, compare_bronze, compare_silver_and_quarantine, topic_records
from local.reference_parser import reference_parser
from local.spark import JOBS, submit

HARD = Traffic(hostile_share=0.05, late_share=0.01)
QUIET = Traffic(hostile_share=0.02)
CRASHING = Path(__file__).parent / "crashing_streaming_job.py"
PARTITIONS = 3
PATIENCE = 300


@dataclass
class Stream:
    """A topic, a lake and the runs of the job between them."""

    kafka: Kafka
    object_store: ObjectStore
    folder: Path
    topic: str
    lake: Lake
    sent: int = 0
    runs: int = 0

    def send(self, count: int, traffic: Traffic = HARD) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, events(traffic, self.sent, count))
        self.sent += count

    def send_values(self, values: list[bytes | None]) -> None:
        send(self.kafka.bootstrap_servers, self.topic, PARTITIONS, (Event(key, value, 1_768_435_200_000 + key) for key, value in enumerate(values)))

    def arguments(self, **changed: object) -> list[str]:
        given = {
            "bootstrap-servers": self.kafka.bootstrap_servers,
            "topic": self.topic,
            "bronze": self.lake.bronze,
            "silver": self.lake.silver,
            "quarantine": self.lake.quarantine,
            "commits": self.lake.commits,
            "checkpoint": self.lake.streaming_checkpoint,
            "trigger-seconds": 1,
            "max-offsets-per-trigger": 3000,
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        return [text for name, value in given.items() for text in (f"--{name}", str(value))]

    def start(self, *flags: str, **changed: object) -> Process:
        return self.submit(JOBS / "streaming_job.py", [*self.arguments(**changed), *flags])

    def submit(self, job: Path, arguments: list[str], environment: dict[str, str] | None = None) -> Process:
        self.runs += 1
        return submit(job, arguments, self.folder / f"run-{self.runs}", object_store=self.object_store, extra_environment=environment)

    def drain(self, **changed: object) -> str:
        """Runs the job until everything is stored; gives what it printed."""
        process = self.start("--until-caught-up", **changed)
        code = process.wait(PATIENCE)
        assert code == 0, process.tail(40)
        return process.output()

    def refused(self, **changed: object) -> str:
        """Runs the job, which has to end with code 1 and one sentence; gives the sentence."""
        process = self.start("--until-caught-up", **changed)
        assert process.wait(PATIENCE) == 1, process.tail(40)
        output = process.output()
        assert not re.search(r"^\s+at |Traceback", output, re.MULTILINE), output
        return [line for line in output.splitlines() if line.strip()][-1]

    def wait_for_commits(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(self.commits()) < count:
            assert time.monotonic() < deadline, f"no {count} commits after {PATIENCE} s; the logs are in {self.folder}"
            time.sleep(0.2)

    def unnamed_files(self) -> set[str]:
        """Files in the three layers that no manifest names."""
        layers = ("bronze", "silver", "quarantine")
        there = {url for layer in layers for url in self.object_store.list(getattr(self.lake, layer))}
        return there - {url for layer in layers for url in committed.files(self.commits(), layer)}

    def commits(self) -> list[committed.Commit]:
        return committed.CommitLog(self.object_store, self.lake.commits).commits()

    def prove(self) -> Proof:
        """Compares what is committed with a plain consumer's dump of the topic and the reference parser."""
        proof = Proof()
        records = {(record.partition, record.offset): record for record in topic_records(self.kafka, self.topic)}
        proof.records = len(records)
        commits = self.commits()
        bronze = compare_bronze(proof, records, bronze_records(self.object_store, committed.files(commits, "bronze")))
        compare_silver_and_quarantine(proof, self.object_store, commits, bronze, reference_parser("UTC"))
        assert not proof.wrong, "\n".join(proof.wrong)
        assert proof.bronze == proof.records == proof.silver + proof.quarantine
        assert {layer: sum(commit.rows[layer] for commit in commits) for layer in ("bronze", "silver", "quarantine")} == {
            "bronze": proof.bronze,
            "silver": proof.silver,
            "quarantine": proof.quarantine,
        }
        return proof


@pytest.fixture
def stream(kafka: Kafka, object_store: ObjectStore, state_folder: Path) -> Stream:
    name = f"s{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, PARTITIONS)
    return Stream(kafka, object_store, state_folder / name, name, Lake.create(object_store, f"{name}-"))


def test_every_record_is_once_in_bronze_and_once_in_silver_or_quarantine(stream: Stream) -> None:
    stream.send(10_000)
    stream.drain()
    assert stream.prove().quarantine > 0
    assert len(stream.commits()) > 2
    assert not stream.unnamed_files()


@pytest.mark.parametrize(("stage", "committed_then"), [("after bronze", 1), ("before the manifest", 1), ("after the manifest", 2)])
def test_a_crash_at_any_stage_of_a_batch_neither_loses_nor_doubles(stream: Stream, stage: str, committed_then: int) -> None:
    stream.send(9_000, QUIET)
    process = stream.submit(CRASHING, [*stream.arguments(), "--until-caught-up"], {"CRASH_AT": stage})
    assert process.wait(PATIENCE) == -9, process.tail(40)
    assert len(stream.commits()) == committed_then
    before = stream.unnamed_files()
    output = stream.drain()
    stream.prove()
    assert not stream.unnamed_files()
    assert bool(before) == (stage != "after the manifest")
    assert ("removed files that no manifest names" in output) == bool(before)


def test_a_deleted_checkpoint_goes_on_from_the_commit_log(stream: Stream) -> None:
    stream.send(4_000, QUIET)
    stream.drain()
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.send(2_000, QUIET)
    output = stream.drain()
    assert f"sequence={stream.commits()[1].sequence} offsets=" in output
    stream.prove()


def test_a_lost_commit_log_is_rebuilt_from_bronze_under_a_higher_sequence(stream: Stream) -> None:
    stream.send(5_000, QUIET)
    stream.drain()
    before = stream.commits()
    stream.object_store.delete(stream.lake.commits)
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.send(2_000, QUIET)
    output = stream.drain()
    assert "rebuilt the commit log from bronze" in output
    after = stream.commits()
    assert after[0].sequence == before[-1].sequence + 1
    assert set(after[0].files["silver"]) == set(committed.files(before, "silver"))
    stream.prove()


def test_a_lost_commit_log_is_not_rebuilt_when_a_file_of_bronze_is_missing_too(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    stream.drain()
    middle = stream.commits()[1]
    stream.object_store.delete(stream.lake.commits)
    for url in middle.files["bronze"]:
        stream.object_store.delete(url)
    sentence = stream.refused()
    assert "the commit log is lost and cannot be rebuilt" in sentence
    assert middle.files["silver"][0].split("/batch=")[1].split("/")[0] in sentence
    assert stream.commits() == []


def test_of_two_drivers_one_stops_and_nothing_is_double(stream: Stream) -> None:
    stream.send(12_000, QUIET)
    first = stream.start("--until-caught-up")
    second = stream.start("--until-caught-up", checkpoint=stream.lake.streaming_checkpoint.rstrip("/") + "-2/")
    codes = {first.wait(PATIENCE): first, second.wait(PATIENCE): second}
    if 1 in codes:  # else one had ended before the other began
        assert "only one streaming job may run on a commit log" in codes[1].output()
    stream.drain()
    stream.prove()
    assert not stream.unnamed_files()


def test_records_that_a_producer_sent_twice_are_two_records(stream: Stream) -> None:
    stream.send(1_500, QUIET)
    stream.sent = 0
    stream.send(1_500, QUIET)
    stream.drain()
    assert stream.prove().bronze == 3_000


def test_a_batch_of_nothing_readable_goes_to_quarantine_and_the_next_one_on(stream: Stream) -> None:
    stream.send(3_000, QUIET)
    stream.send_values([None, b"", b"\xff\xfe", b"{", b"[A] time=never", "ü".encode(), b"x" * 1_000_000] * 300)
    stream.send(3_000, QUIET)
    stream.drain(max_offsets_per_trigger=1000)
    proof = stream.prove()
    assert proof.quarantine > 2_100
    assert any(commit.rows["silver"] == 0 for commit in stream.commits())


def test_sigterm_lets_the_batch_end_and_the_next_start_goes_on(stream: Stream) -> None:
    stream.send(9_000, QUIET)
    process = stream.start()
    stream.wait_for_commits(1)
    process.terminate()
    assert process.wait(PATIENCE) in (0, 143), process.tail(40)
    assert "stopping batch=complete" in process.output()
    assert not stream.unnamed_files()
    stream.drain()
    stream.prove()


def test_a_checkpoint_ahead_of_the_commit_log_is_refused_and_its_deletion_mends_it(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    stream.drain()
    last = stream.commits()[-1]
    stream.object_store.delete(f"{stream.lake.commits}{last.sequence:020d}.json")
    stream.send(1_000, QUIET)
    sentence = stream.refused()
    assert "is ahead of the commit log" in sentence
    assert "delete the checkpoint" in sentence
    stream.object_store.delete(stream.lake.streaming_checkpoint)
    stream.drain()
    stream.prove()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"topic": "no-such-topic"}, "--topic no-such-topic: .* has no such topic"),
        ({"bootstrap_servers": "127.0.0.1:9"}, "--bootstrap-servers 127.0.0.1:9 does not answer"),
        ({"bronze": "s3a://no-such-bucket/x/"}, "--bronze s3a://no-such-bucket/x/ cannot be used: bucket 'no-such-bucket' does not exist"),
        ({"silver": "/data/silver"}, "--silver is '/data/silver'; it must be an object-store location"),
    ],
)
def test_what_is_not_there_is_named_in_one_sentence(stream: Stream, changed: dict[str, object], said: str) -> None:
    assert re.search(said, stream.refused(**changed))


def test_wrong_credentials_are_named_in_one_sentence(stream: Stream) -> None:
    process = stream.submit(JOBS / "streaming_job.py", stream.arguments(), {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert process.wait(PATIENCE) == 1
    assert "the object store refuses the credentials" in process.output().splitlines()[-1]
    assert "\tat " not in process.output()
