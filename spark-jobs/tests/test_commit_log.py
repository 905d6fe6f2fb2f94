"""The commit log on a real object store: what is whole is read in order, what is damaged or missing is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest
from pyspark.sql import SparkSession

from commit_log import CommitLog, Manifest, OffsetRange
from job_log import JobError
from local.lake import Lake
from local.object_store import path_of
from object_store import ObjectStore, StoredObject


@dataclass
class Log:
    """A commit log that a test writes by hand."""

    lake: Lake
    log: CommitLog

    @property
    def folder(self) -> str:
        return self.lake.commits

    def put(self, name: str, content: bytes) -> None:
        with self.lake.object_store.files().open_output_stream(path_of(f"{self.folder}{name}")) as out:
            out.write(content)

    def commit(self, *manifests: Manifest) -> None:
        assert all(self.log.create(one) for one in manifests)

    def commit_version_1(self, *sequences: int) -> None:
        for sequence in sequences:
            body = json.loads(manifest(sequence, None).to_json())
            for later in ("topic_id", "previous", "kind"):
                del body[later]
            self.put(f"{sequence:020d}.json", json.dumps({**body, "version": 1}).encode())

    def delete(self, sequence: int) -> None:
        self.lake.object_store.delete(self.log.url(sequence))

    def sequences(self, after: int | None = None, attempt: str | None = None) -> list[int]:
        return [one.sequence for one in self.log.manifests(after, attempt)]

    def refused(self, read: Callable[[], object]) -> str:
        """The one sentence with which reading ends."""
        with pytest.raises(JobError) as failure:
            read()
        assert "\n" not in str(failure.value)
        return str(failure.value)


def manifest(sequence: int, previous: int | None, attempt: str = "0123456789ab") -> Manifest:
    offsets = {0: OffsetRange(10 * sequence, 10 * sequence + 10)}
    files = [StoredObject(f"s3a://b/batch={sequence:020d}-{attempt}/a", 1)]
    return Manifest(sequence, attempt, "t", offsets, files, files, [], {"bronze": 10, "silver": 10, "quarantine": 0}, "id", previous)


def chain(first: int, last: int) -> list[Manifest]:
    return [manifest(sequence, None if sequence == first else sequence - 1) for sequence in range(first, last + 1)]


@pytest.fixture
def log(spark: SparkSession, lake: Lake) -> Log:
    return Log(lake, CommitLog(ObjectStore(spark), lake.commits))


def test_a_manifest_reads_as_it_was_written(log: Log) -> None:
    reprocess = replace(manifest(1, 0), kind="reprocess", bronze=[], replaces={"silver": ["s3a://b/old"], "quarantine": []})
    log.commit(manifest(0, None), reprocess)
    assert list(log.log.manifests()) == [manifest_at(manifest(0, None), log, 0), manifest_at(reprocess, log, 1)]


def manifest_at(one: Manifest, log: Log, sequence: int) -> Manifest:
    """With the moment that was stored."""
    return replace(one, committed_at=log.log.read(sequence).committed_at)


def test_the_log_is_read_from_its_beginning_or_behind_a_sequence(log: Log) -> None:
    assert log.sequences() == []
    log.commit(*chain(0, 4))
    assert log.sequences() == [0, 1, 2, 3, 4]
    assert log.sequences(after=2) == [3, 4]
    assert log.sequences(after=4) == []


def test_manifests_of_version_1_stay_readable_and_are_followed_by_those_of_now(log: Log) -> None:
    log.commit_version_1(7, 8)
    log.commit(manifest(9, 8))
    found = list(log.log.manifests())
    assert [(one.sequence, one.topic_id, one.kind) for one in found] == [(7, None, "batch"), (8, None, "batch"), (9, "id", "batch")]
    assert log.sequences(after=8) == [9]


@pytest.mark.parametrize("after", [None, 0])
def test_a_manifest_that_is_missing_in_the_middle_is_named(log: Log, after: int | None) -> None:
    log.commit(*chain(0, 4))
    log.delete(2)
    assert f"{log.folder}{2:020d}.json is missing in the commit log: 3 follows on it and not on 1" in log.refused(lambda: log.sequences(after))
    assert log.sequences(after=3) == [4]


def test_a_manifest_of_version_1_that_is_missing_is_named(log: Log) -> None:
    log.commit_version_1(0, 1, 3)
    assert f"{log.folder}{2:020d}.json is missing" in log.refused(log.sequences)


def test_a_log_without_its_first_manifest_is_refused(log: Log) -> None:
    log.commit(*chain(0, 2))
    log.delete(0)
    assert f"{log.folder}{0:020d}.json is missing in the commit log: 1 follows on it and not on None" in log.refused(log.sequences)


def test_a_manifest_that_was_read_before_has_to_be_there_still_and_the_same(log: Log) -> None:
    log.commit(*chain(0, 2))
    assert log.sequences(after=2, attempt="0123456789ab") == []
    assert "attempt 0123456789ab, and was of attempt ffffffffffff" in log.refused(lambda: log.sequences(after=2, attempt="ffffffffffff"))
    log.delete(2)
    assert f"{log.folder}{2:020d}.json, which was read before, is missing" in log.refused(lambda: log.sequences(after=2))


def test_a_log_that_begins_late_or_leaves_out_a_number_is_read_behind_any_number(log: Log) -> None:
    log.commit(*chain(5, 6), manifest(8, 6))
    assert [log.sequences(after) for after in (0, 5, 7)] == [[5, 6, 8], [6, 8], [8]]
    log.delete(6)
    assert f"{log.folder}{6:020d}.json" in log.refused(lambda: log.sequences(after=6))
    assert f"{log.folder}{6:020d}.json" in log.refused(lambda: log.sequences(after=5))


def test_a_manifest_that_follows_on_an_earlier_one_is_of_another_log(log: Log) -> None:
    log.commit(*chain(0, 2), manifest(3, 1))
    assert "two logs are mixed" in log.refused(log.sequences)


def torn(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (torn(manifest(1, 0).to_json()), "is cut or is no JSON"),
        (b"\xff\xfe", "is cut or is no JSON"),
        (b"[]", "is no manifest of version 1 or 2"),
        (b'{"version":3}', "is no manifest of version 1 or 2 but of version 3"),
        (b'{"version":2}', "lacks a field of a manifest"),
        (manifest(5, 4).to_json(), "holds the manifest of sequence 5"),
    ],
)
def test_a_damaged_manifest_is_named_wherever_the_log_is_read(log: Log, content: bytes, words: str) -> None:
    log.commit(manifest(0, None))
    log.put(f"{1:020d}.json", content)
    for sentence in (log.refused(log.log.last), log.refused(log.sequences)):
        assert sentence.startswith(f"{log.folder}{1:020d}.json {words}")
        assert "move it away" in sentence


def test_objects_that_are_no_manifests_are_ignored_with_a_line_each(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.commit(*chain(0, 2))
    for stray in ("note.txt", f"{0:020d}.json.bak", f"{1:020d}.json.d/x", "_owner.json"):
        log.put(stray, b"x")
    assert log.sequences() == [0, 1, 2]
    assert log.log.last() == log.log.read(2)
    said = capsys.readouterr().out
    assert [said.count(f"object={log.folder}{stray}\n") for stray in ("note.txt", f"{0:020d}.json.bak", f"{1:020d}.json.d/x", "_owner.json")] == [1, 1, 1, 0]


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 2_500])
def test_the_last_manifest_of_a_log_of_any_length_is_found(log: Log, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: Mapping[int, StoredObject] = {sequence: StoredObject(log.log.url(sequence), 1) for sequence in range(count)}

    def listing(_: ObjectStore, prefix: str, start_after: str | None = None) -> list[StoredObject]:
        return [found for found in listed.values() if start_after is None or found.url > start_after]

    monkeypatch.setattr(ObjectStore, "list", listing)
    monkeypatch.setattr(CommitLog, "read", lambda _, sequence: manifest(sequence, None))
    found = log.log.last()
    assert (found.sequence if found else None) == (count - 1 if count else None)
