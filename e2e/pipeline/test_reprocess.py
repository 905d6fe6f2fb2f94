"""A day parsed again from bronze: what a former parser misread is mended, what it quarantined is released, all in one commit.

The former parser is the present one with a mistake in it. The jobs run in this process, on real Kafka and S3.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import event_parser
import layers
from commit_log import CommitLog, Manifest
from e2e.pipeline.stream import PARTITIONS, QUIET, Stream
from e2e.pipeline.test_streaming import as_committed, refused
from job_log import JobError
from local import committed
from local.events import Event
from local.object_store import path_of
from local.produce import send
from local.proof import Proof, bronze_records, compare_bronze, compare_silver_and_quarantine, topic_records
from object_store import ObjectStore
from streaming_job import parse_again, parse_arguments

DAY, NEXT_DAY = "2026-01-15", "2026-01-16"
NOON_MS = 1_768_478_400_000
HOUR_MS = 3_600_000


def event(number: int, at_ms: int, word: str = "") -> Event:
    """Sent a second after it happened."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_ms // 1000))
    return Event(number, f"[USER_ACTIVITY] - SEARCH user={number} GET /search API_FINISH time={moment} {word}".encode(), at_ms + 1_000)


def send_days(stream: Stream) -> None:
    """Events of two days, some of them days late, which a file of many hours then holds; and what no parser reads."""
    sent = [event(number, NOON_MS + (8 + number % 8) * HOUR_MS, ("", "MISREAD", "REFUSED")[number % 3]) for number in range(240)]
    late = [Event(number, event(number, NOON_MS - number * HOUR_MS, "REFUSED").value, NOON_MS + 5_000) for number in range(30)]
    garbage = [Event(number, value, NOON_MS + number % 2 * 24 * HOUR_MS) for number, value in enumerate([None, b"", b"\xff\xfe", b"{", b"\r\n\x00"] * 4)]
    odd = [Event(number, b"[A] time=2026-01-15T12:00", 10**16) for number in range(3)]
    broken = [event(1, NOON_MS + 9 * HOUR_MS, "BREAKS")]
    every = [*sent, *late, *garbage, *odd, *broken]
    assert send(stream.kafka.bootstrap_servers, stream.topic, PARTITIONS, every) == len(every)


@contextmanager
def former_parser(breaks: bool = False) -> Iterator[None]:
    """It misreads some values, refuses others, and `breaks` at others."""
    parse = event_parser.parse

    def former(records: DataFrame, time_zone: str) -> DataFrame:
        parsed = parse(records, time_zone)
        text = F.col("text")
        broken = F.raise_error(F.lit("a mistake")).cast("string")
        wrong = {
            "action_type": F.when(text.contains("MISREAD"), F.lit("WRONG")).when(F.lit(breaks) & text.contains("BREAKS"), broken).otherwise(F.col("action_type")),
            "reason": F.when(text.contains("REFUSED"), F.lit("no_event")).otherwise(F.col("reason")),
        }
        return parsed.select(*(wrong.get(name, F.col(name)).alias(name) for name in parsed.columns))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "parse", former)
        yield


def reprocess(stream: Stream, day: str = DAY) -> str:
    return again(stream, "--date", day)


def again(stream: Stream, *which: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        parse_again(stream.spark, parse_arguments([*stream.arguments(), *which]))
    return said.getvalue()


def wrong(stream: Stream) -> list[str]:
    """What the layers get wrong, as the topic and the reference parser say."""
    commits, proof = stream.commits(), Proof()
    records = {(record.partition, record.offset): record for record in topic_records(stream.kafka, stream.topic)}
    bronze = compare_bronze(proof, records, bronze_records(stream.object_store, committed.files(commits, "bronze")))
    compare_silver_and_quarantine(proof, stream.object_store, commits, bronze, stream.parse)
    return proof.wrong


@pytest.fixture
def misread(stream: Stream) -> Stream:
    """Two days as the former parser stored them."""
    send_days(stream)
    with former_parser():
        stream.drain()
    assert wrong(stream)
    return stream


def test_what_a_former_parser_misread_refused_or_broke_at_is_as_the_present_one_says(stream: Stream) -> None:
    send_days(stream)
    with former_parser(breaks=True):
        stream.drain()
    later = [event(number, NOON_MS + (24 + number % 2) * HOUR_MS) for number in range(20)]
    assert send(stream.kafka.bootstrap_servers, stream.topic, PARTITIONS, later) == len(later)
    stream.drain()
    before = stream.commits()
    assert wrong(stream)

    reprocess(stream)
    # The last batch has nothing of this day; of all others every record is parsed again, with those of the days around.
    assert set(before[-1].files["silver"]) <= set(committed.files(stream.commits(), "silver"))
    assert wrong(stream) == []
    reprocess(stream, NEXT_DAY)
    assert not set(before[-1].files["silver"]) & set(committed.files(stream.commits(), "silver"))
    assert wrong(stream) == []
    after = stream.commits()
    assert committed.files(after, "bronze") == committed.files(before, "bronze")
    assert {commit.offsets[0][1] for commit in after[len(before) - 1 :]} == {before[-1].offsets[0][1]}
    assert {len(commit.replaces) for commit in after[len(before) :]} == {2}
    reprocess(stream)
    assert wrong(stream) == []


def test_a_day_of_which_nothing_is_there_is_no_error_and_no_commit(misread: Stream) -> None:
    before = misread.commits()
    assert "nothing of this day is in the lake" in reprocess(misread, "2027-01-15")
    assert misread.commits() == before


def just_before_a_commit(patch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Does something before the next manifest is created."""
    create = CommitLog.create

    def late(log: CommitLog, manifest: Manifest) -> bool:
        patch.setattr(CommitLog, "create", create)
        action()
        return create(log, manifest)

    patch.setattr(CommitLog, "create", late)


def test_a_stream_that_a_reprocess_overtakes_goes_on_under_the_next_sequence(misread: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = misread.commits()[-1].sequence
    send_days(misread)
    just_before_a_commit(monkeypatch, lambda: [reprocess(misread), reprocess(misread, NEXT_DAY)])
    misread.drain()
    kinds = [bool(commit.replaces) for commit in misread.commits() if commit.sequence > sequence]
    assert kinds[:2] == [True, True]
    assert not any(kinds[2:])
    assert wrong(misread) == []


def test_a_reprocess_that_a_stream_overtakes_goes_on_under_the_next_sequence(misread: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    send_days(misread)
    just_before_a_commit(monkeypatch, misread.drain)
    reprocess(misread)
    reprocess(misread, NEXT_DAY)
    assert wrong(misread) == []


def test_of_two_that_replace_the_same_files_the_second_is_refused_and_leaves_nothing(misread: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    just_before_a_commit(monkeypatch, lambda: reprocess(misread))
    with pytest.raises(JobError, match="has replaced files of these batches meanwhile; nothing of this run is committed, start it again"):
        reprocess(misread)
    named = {url for commit in misread.commits() for urls in commit.files.values() for url in urls}
    assert misread.unnamed_files() <= named


class CrashError(Exception):
    """What stands for the death of the job here."""


def crash() -> None:
    raise CrashError


def test_one_that_is_cut_off_changes_nothing_and_can_be_started_again(misread: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    before = misread.commits()
    put = ObjectStore.put
    # Before the copy of its manifest.
    monkeypatch.setattr(ObjectStore, "put", lambda store, url, content: crash() if "/_reprocess/" in url else put(store, url, content))
    with pytest.raises(CrashError):
        reprocess(misread)
    monkeypatch.setattr(ObjectStore, "put", put)
    assert misread.commits() == before
    misread.drain()
    assert misread.commits() == before
    for day in (DAY, NEXT_DAY):
        reprocess(misread, day)
    assert wrong(misread) == []


def test_a_day_whose_bronze_is_not_there_any_more_is_refused_and_stays(misread: Stream) -> None:
    before = misread.commits()
    misread.object_store.delete(before[0].files["bronze"][0])
    for which in (["--date", DAY], ["--batch", "0"]):
        with pytest.raises(JobError, match=r"files of bronze\) is not there any more; nothing has changed.*restore these files from a backup"):
            again(misread, *which)
    assert misread.commits() == before


@pytest.mark.parametrize(("sequence", "words"), [("7", "is not in the commit log, whose last is 1"), ("1", "has no record in bronze")])
def test_a_batch_that_is_none_is_refused(stream: Stream, sequence: str, words: str) -> None:
    send_light(stream)
    first = stream.manifests()[0]
    gone = replace(first, sequence=1, attempt="0" * 12, previous=0, kind="rebuilt", bronze=[], silver=[], quarantine=[], rows=dict.fromkeys(first.rows, 0))
    assert CommitLog(ObjectStore(stream.spark), stream.lake.commits).create(gone)
    with pytest.raises(JobError, match=f"--batch {sequence} {words}; nothing has changed"):
        again(stream, "--batch", sequence)
    assert "reprocessed" in again(stream, "--batch", "0")
    assert wrong(stream) == []


def deleted(stream: Stream, url: str) -> None:
    stream.object_store.delete(url)


def written(stream: Stream, url: str, content: bytes) -> None:
    with stream.object_store.files().open_output_stream(path_of(url)) as out:
        out.write(content)


def emptied(stream: Stream, url: str) -> None:
    written(stream, url, b"")


def truncated(stream: Stream, url: str) -> None:
    content = stream.object_store.read(url)
    written(stream, url, content[: len(content) // 2])


def garbled(stream: Stream, url: str) -> None:
    """As long as before."""
    content = stream.object_store.read(url)
    written(stream, url, content[:8] + bytes(len(content) - 8))


def send_light(stream: Stream) -> None:
    """Events of two days, late ones and garbage, of which none stops a pass: one batch."""
    sent = [event(number, NOON_MS + (8 + number % 8) * HOUR_MS, ("", "MISREAD", "REFUSED")[number % 3]) for number in range(120)]
    late = [Event(number, event(number, NOON_MS - number * HOUR_MS).value, NOON_MS + 5_000) for number in range(30)]
    garbage = [Event(number, value, NOON_MS + number % 2 * 24 * HOUR_MS) for number, value in enumerate([None, b"", b"\xff\xfe", b"{"])]
    every = [*sent, *late, *garbage]
    assert send(stream.kafka.bootstrap_servers, stream.topic, PARTITIONS, every) == len(every)
    stream.drain()


GATHERED = "/hour=__HIVE_DEFAULT_PARTITION__/"
OF_AN_HOUR = "/month=1/day=15/hour=21/"
Damage = Callable[[Stream, str], None]


def fold_one_by_one(stream: Stream) -> None:
    """As a gold job that takes one manifest at a time, and never looks ahead by itself."""
    gold = stream.gold()
    with redirect_stdout(io.StringIO()):
        for number, manifest in enumerate(stream.manifests()):
            gold.fold([manifest], number)


@pytest.mark.parametrize(
    ("engine", "damage", "place"),
    [
        ("spark", emptied, OF_AN_HOUR),
        ("clickhouse", emptied, GATHERED),
        ("spark", deleted, GATHERED),
        ("clickhouse", truncated, GATHERED),
        ("spark", garbled, OF_AN_HOUR),
        ("clickhouse", garbled, OF_AN_HOUR),
    ],
)
def test_a_silver_file_that_cannot_be_read_is_mended_by_the_remedy_that_gold_names(stream: Stream, engine: str, damage: Damage, place: str) -> None:
    stream.engine = engine
    send_light(stream)
    stream.send(200, QUIET)
    stream.drain()
    (lost,) = [url for url in stream.commits()[0].files["silver"] if place in url]
    damage(stream, lost)
    with pytest.raises(JobError) as ended:
        fold_one_by_one(stream)
    sentence = str(ended.value)
    assert sentence.startswith(f"silver file {lost}, which {stream.lake.commits}{0:020d}.json names, ")
    remedy = re.search(r"streaming_job\.py with its own arguments and (--batch \d+) \(1 such files in all\)\Z", sentence)
    assert remedy is not None
    assert "\n" not in sentence

    assert "reprocessed" in again(stream, *remedy[1].split())

    fold_one_by_one(stream)
    assert stream.compare().wrong == []
    # A second reprocess replaces what the first one made.
    again(stream, *remedy[1].split())
    fold_one_by_one(stream)
    assert stream.compare().wrong == []


@pytest.mark.parametrize(("damage", "layers"), [(deleted, ["silver"]), (truncated, ["silver", "quarantine"]), (emptied, ["quarantine"]), (garbled, ["silver", "quarantine"])])
def test_a_day_is_parsed_again_whatever_has_become_of_its_files(stream: Stream, damage: Damage, layers: list[str]) -> None:
    with former_parser():
        send_light(stream)
    assert wrong(stream)
    for layer in layers:
        for url in stream.commits()[0].files[layer]:
            if layer == "quarantine" or GATHERED in url or OF_AN_HOUR in url:
                damage(stream, url)
    assert "reprocessed" in reprocess(stream)
    assert wrong(stream) == []


def test_a_day_whose_only_file_is_one_of_many_hours_that_is_lost_is_not_said_to_be_empty(stream: Stream) -> None:
    late = [event(number, NOON_MS - 30 * 24 * HOUR_MS) for number in range(60)]
    late = [Event(one.key, one.value, NOON_MS) for one in late]
    assert send(stream.kafka.bootstrap_servers, stream.topic, PARTITIONS, late) == len(late)
    stream.drain()
    (lost,) = stream.commits()[0].files["silver"]
    assert GATHERED in lost
    deleted(stream, lost)
    said = reprocess(stream, "2025-12-16")
    assert "nothing of this day" not in said
    assert "reprocessed" in said
    fold_one_by_one(stream)
    assert stream.compare().wrong == []
    before = stream.commits()
    assert "nothing of this day is in the lake" in reprocess(stream, "2025-12-17")
    assert stream.commits() == before


def lose(stream: Stream, *sequences: int) -> None:
    for sequence in sequences:
        stream.object_store.delete(f"{stream.lake.commits}{sequence:020d}.json")


def with_a_reprocess(stream: Stream, batches_behind: int) -> list[tuple[object, ...]]:
    """Two batches, the first of them parsed again, and more behind; folded."""
    for _ in range(2):
        stream.send(200, QUIET)
        stream.drain()
    again(stream, "--batch", "0")
    for _ in range(batches_behind):
        stream.send(200, QUIET)
        stream.drain()
    fold_one_by_one(stream)
    return as_committed(stream.commits())


@pytest.mark.parametrize(("batches_behind", "lost"), [(0, [2]), (1, [2]), (1, [1, 2]), (2, [2, 3]), (1, [0, 1, 2, 3])], ids=str)
def test_the_lost_manifest_of_a_reprocess_is_restored_from_its_copy(stream: Stream, batches_behind: int, lost: list[int]) -> None:
    before = with_a_reprocess(stream, batches_behind)
    lose(stream, *lost)
    assert "restored the manifest of a reprocess from its copy sequence=2" in stream.drain()
    assert as_committed(stream.commits()) == before
    fold_one_by_one(stream)
    assert stream.compare().wrong == []


def test_one_whose_copy_is_lost_too_is_named_and_its_remedy_ends_exact(stream: Stream) -> None:
    with_a_reprocess(stream, 1)
    lose(stream, 2)
    for url in stream.object_store.list(f"{stream.lake.silver}_reprocess/"):
        deleted(stream, url)
    sentence = refused(stream)
    assert sentence.startswith(f"{stream.lake.commits}{2:020d}.json is lost and cannot be rebuilt: it held no offsets, so it was of a reprocess")
    assert "--accept-lost 2, and then parse the days or batches again" in sentence
    assert "accepted that a batch is lost sequence=2" in stream.drain(accept_lost=2)
    again(stream, "--batch", "0")
    fold_one_by_one(stream)
    assert stream.compare().wrong == []
    gold = stream.gold()
    with redirect_stdout(io.StringIO()) as said:
        gold.audit(stream.manifests())
    assert said.getvalue() == ""


def test_one_that_was_cut_off_between_the_copy_and_its_manifest_is_finished_by_the_stream(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    with former_parser():
        send_light(stream)
    just_before_a_commit(monkeypatch, crash)
    with pytest.raises(CrashError):
        reprocess(stream)
    assert wrong(stream)
    assert "restored the manifest of a reprocess from its copy" in stream.drain()
    assert wrong(stream) == []


def test_a_batch_that_a_reprocess_overtook_is_rebuilt_like_any_other(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(300, QUIET)
    stream.drain()
    stream.send(300, QUIET)
    just_before_a_commit(monkeypatch, lambda: again(stream, "--batch", "0"))
    assert "this one is written under the next sequence" in stream.drain()
    # What it wrote under the sequence that was taken is gone; the replaced files of batch 0 stay.
    assert not [url for url in stream.unnamed_files() if f"/batch={1:020d}-" in url]
    stream.send(200, QUIET)
    stream.drain()
    before = as_committed(stream.commits())
    assert [bool(commit.replaces) for commit in stream.commits()] == [False, True, False, False]
    lose(stream, 2)
    assert "rebuilt a manifest from the files of its batch sequence=2" in stream.drain()
    assert as_committed(stream.commits()) == before
    fold_one_by_one(stream)
    assert stream.compare().wrong == []
