"""A day parsed again from bronze: what a former parser misread is mended, what it quarantined is released, all in one commit.

The former parser is the present one with a mistake in it. The jobs run in this process, on real Kafka and S3.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import event_parser
import layers
from commit_log import CommitLog, Manifest
from e2e.pipeline.stream import PARTITIONS, Stream
from job_log import JobError
from local import committed
from local.events import Event
from local.produce import send
from local.proof import Proof, bronze_records, compare_bronze, compare_silver_and_quarantine, topic_records
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
    said = io.StringIO()
    with redirect_stdout(said):
        parse_again(stream.spark, parse_arguments([*stream.arguments(), "--date", day]))
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
    before = stream.commits()
    assert wrong(stream)

    def of_next_day() -> set[str]:
        return {url for url in committed.files(stream.commits(), "silver") if "/month=1/day=16/" in url}

    next_day = of_next_day()
    reprocess(stream)
    assert of_next_day() == next_day != set()
    reprocess(stream, NEXT_DAY)
    assert not of_next_day() & next_day
    # The late events of the day before shared a file with this day's.
    assert wrong(stream) == []
    after = stream.commits()
    assert committed.files(after, "bronze") == committed.files(before, "bronze")
    assert {commit.offsets[0][1] for commit in after[len(before) - 1 :]} == {before[-1].offsets[0][1]}
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
    with pytest.raises(JobError, match="has replaced files of this day meanwhile; nothing of this run is committed, start it again"):
        reprocess(misread)
    named = {url for commit in misread.commits() for urls in commit.files.values() for url in urls}
    assert misread.unnamed_files() <= named


class CrashError(Exception):
    """What stands for the death of the job here."""


def crash() -> None:
    raise CrashError


def test_one_that_is_cut_off_changes_nothing_and_can_be_started_again(misread: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    before = misread.commits()
    just_before_a_commit(monkeypatch, crash)
    with pytest.raises(CrashError):
        reprocess(misread)
    assert misread.commits() == before
    misread.drain()
    for day in (DAY, NEXT_DAY):
        reprocess(misread, day)
    assert wrong(misread) == []


def test_a_day_whose_bronze_is_not_there_any_more_is_refused_and_stays(misread: Stream) -> None:
    before = misread.commits()
    misread.object_store.delete(before[0].files["bronze"][0])
    with pytest.raises(JobError, match=r"files of bronze\) is not there any more"):
        reprocess(misread)
    assert misread.commits() == before
