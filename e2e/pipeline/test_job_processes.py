"""The two jobs as processes: killed and stopped in the middle of a batch, and started on what is not there."""

from __future__ import annotations

import re

import pytest

from e2e.pipeline.stream import PATIENCE, QUIET, Held, Stream
from local.process import Process, free_port
from local.spark import JOBS

STREAMING, GOLD = JOBS / "streaming_job.py", JOBS / "gold_job.py"

WRITTEN, MANIFEST = "batch_writer:BatchWriter._written", "commit_log:CommitLog.create"
"""Every file is written and none is listed; the manifest is about to be written, or is there."""


def wait_for_end(process: Process) -> int:
    return process.wait(PATIENCE)


def traces(process: Process) -> list[str]:
    """Lines of Java's or Python's stack traces."""
    return re.findall(r"^\s+at [\w.$]+\(|Traceback|Exception in thread", process.output(), re.MULTILINE)


def gold_drains(stream: Stream, **changed: object) -> None:
    """Runs the gold job until its ledger names every committed file."""
    job = stream.submit(GOLD, stream.gold_arguments(**changed))
    files = len({file for commit in stream.commits() for file in commit.files["silver"]})
    job.wait_until(lambda: loaded(stream) == files, PATIENCE)
    job.terminate()
    assert wait_for_end(job) in (0, 143)


def loaded(stream: Stream) -> int:
    return int(stream.clickhouse.query(f"SELECT count(DISTINCT file) AS files FROM {stream.database}.gold_loads")[0]["files"])


@pytest.mark.parametrize(
    ("at", "after", "committed_then"),
    [(WRITTEN, False, 1), (MANIFEST, False, 1), (MANIFEST, True, 2)],
    ids=["before the listing", "before the manifest", "after the manifest"],
)
def test_the_streaming_job_is_killed_in_the_middle_of_a_batch(stream: Stream, at: str, after: bool, committed_then: int) -> None:
    stream.send(7_000, QUIET)
    job = stream.held("streaming_job", stream.arguments(), at, call=2, after=after).wait()
    job.process.kill()
    assert len(stream.commits()) == committed_then
    stream.drain()
    stream.prove()
    assert not stream.unnamed_files()


def test_sigterm_lets_the_batch_under_way_end_and_no_other_begin(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    job = stream.held("streaming_job", stream.arguments(), MANIFEST, call=2).wait()
    job.process.terminate()
    job.release()
    assert wait_for_end(job.process) in (0, 143), job.process.tail(40)
    assert "stopping batch=complete" in job.process.output()
    assert not traces(job.process)
    assert len(stream.commits()) == 2
    assert not stream.unnamed_files()
    stream.drain()
    stream.prove()


def test_a_batch_that_outlasts_the_stop_timeout_is_cut_and_read_again(stream: Stream) -> None:
    stream.send(5_000, QUIET)
    job = stream.held("streaming_job", stream.arguments(stop_timeout_seconds=2), MANIFEST, call=2).wait()
    job.process.terminate()
    wait_for_end(job.process)
    assert len(stream.commits()) == 1
    stream.drain()
    stream.prove()
    assert not stream.unnamed_files()


AN_HOUR = 3600


def test_a_backlog_is_read_batch_after_batch_and_only_a_batch_that_is_not_full_waits_for_the_trigger(stream: Stream) -> None:
    stream.send(10_000, QUIET)
    job = stream.submit(STREAMING, stream.arguments(trigger_seconds=AN_HOUR))
    job.wait_until(lambda: len(stream.commits()) == 3, PATIENCE)
    job.terminate()
    assert wait_for_end(job) in (0, 143), job.tail(40)
    assert len(stream.commits()) == 3
    stream.drain()
    stream.prove()


def test_gold_folds_commit_after_commit_without_waiting_for_the_trigger(stream: Stream) -> None:
    stream.send(7_000, QUIET)
    stream.drain()
    assert len(stream.commits()) == 3
    gold_drains(stream, trigger_seconds=AN_HOUR, max_files_per_trigger=1)
    stream.prove()


def held_gold(stream: Stream) -> Held:
    """All tables of a batch are in, its ledger is not."""
    stream.send(3_000, QUIET)
    stream.drain()
    return stream.held("gold_job", stream.gold_arguments(), "gold_ledger:note").wait()


@pytest.mark.parametrize("engine", ["spark", "clickhouse"])
def test_the_gold_job_is_killed_in_the_middle_of_a_batch(stream: Stream, engine: str) -> None:
    stream.engine = engine
    job = held_gold(stream)
    job.process.kill()
    assert loaded(stream) == 0
    gold_drains(stream)
    stream.prove()


def test_sigterm_lets_golds_batch_end(stream: Stream) -> None:
    job = held_gold(stream)
    job.process.terminate()
    job.release()
    assert wait_for_end(job.process) in (0, 143), job.process.tail(40)
    assert "stopping batch=complete" in job.process.output()
    assert loaded(stream) > 0
    stream.prove()


def test_a_table_that_vanishes_under_gold_is_one_sentence(stream: Stream) -> None:
    stream.send(3_000, QUIET)
    stream.drain()
    job = stream.held("gold_job", stream.gold_arguments(), "gold_ledger:loaded").wait()
    stream.clickhouse.execute(f"DROP TABLE {stream.database}.server_health_states SYNC")
    job.release()
    ends_with_one_sentence(job.process, r"a table of database '\w+' does not exist in ClickHouse at \S+; run schema_job.py first")


def ends_with_one_sentence(job: Process, said: str) -> None:
    """Code 1, the sentence as the last line, and nothing of Java's or Python's before it."""
    assert wait_for_end(job) == 1, job.tail(40)
    output = job.output()
    assert re.fullmatch(said, output.splitlines()[-1]), output
    assert not traces(job), output


NO_STORE = {"spark.hadoop.fs.s3a.endpoint": f"http://127.0.0.1:{free_port()}"}


@pytest.mark.parametrize(
    ("changed", "environment", "conf", "said"),
    [
        ({"topic": "no-such-topic"}, {}, {}, r"--topic no-such-topic: \S+ has no such topic; create it or correct the name"),
        ({"bootstrap_servers": "127.0.0.1:9"}, {}, {}, r"--bootstrap-servers 127\.0\.0\.1:9 does not answer \(.*\); correct the address or start the brokers"),
        ({"bronze": "s3a://no-such-bucket/x/"}, {}, {}, r"--bronze s3a://no-such-bucket/x/ cannot be used: bucket 'no-such-bucket' does not exist; .*"),
        ({"silver": "/data/silver"}, {}, {}, r"--silver is '/data/silver'; it must be an object-store location such as .*"),
        ({}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, {}, r"--bronze \S+ cannot be used: the object store refuses the credentials \(\w+\); correct AWS_ACCESS_KEY_ID and .*"),
        ({}, {}, NO_STORE, r"--bronze \S+ cannot be used: the object store cannot be reached \(.*\); correct spark.hadoop.fs.s3a.endpoint"),
    ],
    ids=["absent topic", "unreachable broker", "absent bucket", "local path", "wrong key", "unreachable store"],
)
def test_what_the_streaming_job_cannot_use_is_one_sentence(stream: Stream, changed: dict[str, object], environment: dict[str, str], conf: dict[str, str], said: str) -> None:
    ends_with_one_sentence(stream.submit(STREAMING, stream.arguments(**changed), environment, conf), said)


@pytest.mark.parametrize(
    ("environment", "conf", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, {}, r"--commits \S+ cannot be used: the object store refuses the credentials \(\w+\); correct AWS_ACCESS_KEY_ID and .*"),
        ({}, NO_STORE, r"--commits \S+ cannot be used: the object store cannot be reached \(.*\); correct spark.hadoop.fs.s3a.endpoint"),
    ],
    ids=["wrong key", "unreachable store"],
)
def test_what_the_gold_job_cannot_use_is_one_sentence(stream: Stream, environment: dict[str, str], conf: dict[str, str], said: str) -> None:
    ends_with_one_sentence(stream.submit(GOLD, stream.gold_arguments(), environment, conf), said)
