"""A topic is its id: one that was deleted and created again under its name is never stored as if it were the former."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from batch_writer import BatchWriter
from clickhouse import ClickHouse as Client
from e2e.pipeline.stream import LAYERS, PARTITIONS, PATIENCE, QUIET, Stream
from e2e.pipeline.test_job_processes import STREAMING, traces, wait_for_end
from job_log import JobError
from local.clickhouse import WRITER
from local.lake import Lake
from local.object_store import path_of
from schema_job import apply


def delete(stream: Stream) -> None:
    admin = stream.kafka.admin()  # must live until the result is there
    admin.delete_topics([stream.topic])[stream.topic].result(30)
    while stream.topic in admin.list_topics(timeout=10).topics:
        pass


def recreate(stream: Stream) -> None:
    delete(stream)
    stream.kafka.create_topic(stream.topic, PARTITIONS)


def refused(stream: Stream) -> str:
    with pytest.raises(JobError) as failure:
        stream.drain()
    assert "\n" not in str(failure.value)
    return str(failure.value)


def topic_ids(stream: Stream) -> set[str | None]:
    return {manifest.topic_id for manifest in stream.manifests()}


def with_new_folders(stream: Stream) -> Stream:
    """What the refusal says to do. The tables are others too, so that the proof counts the new topic alone."""
    lake = Lake.create(stream.object_store, f"t{uuid.uuid4().hex[:8]}-")
    database = f"{stream.database}_new"
    apply(Client(stream.clickhouse.url, WRITER, stream.clickhouse.password, database), None)
    return replace(stream, lake=lake, database=database)


@pytest.mark.parametrize("count", [6_000, 1_000], ids=["with more records", "with fewer records"])
def test_a_topic_that_was_created_again_is_refused_and_stored_whole_in_new_folders(stream: Stream, count: int) -> None:
    stream.send(3_000, QUIET)
    stream.drain()
    before = stream.commits()
    (former,) = topic_ids(stream)
    recreate(stream)
    stream.send(count, QUIET)
    sentence = refused(stream)
    assert sentence.startswith(f"--topic {stream.topic} was deleted and created again: its id is ")
    assert f"what is stored is of {former}; {stream.lake.commits} keeps the former records up to partition 0: " in sentence
    assert "give the job new folders beside the old ones: --bronze, --silver, --quarantine and --commits" in sentence
    assert refused(stream) == sentence
    assert stream.commits() == before
    beside = with_new_folders(stream)
    beside.drain()
    assert beside.prove().bronze == count
    assert topic_ids(beside).isdisjoint({former, None})
    stream.clickhouse.execute(f"DROP DATABASE {beside.database} SYNC")


def test_a_topic_that_was_created_again_while_a_batch_was_read_commits_nothing(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(2_000, QUIET)
    stream.drain()
    before = stream.commits()
    stream.send(2_000, QUIET)
    listed = BatchWriter._written

    def recreated_after_it_was_read(*arguments: object) -> object:
        recreate(stream)
        return listed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(BatchWriter, "_written", recreated_after_it_was_read)
    assert "was deleted and created again" in refused(stream)
    assert stream.commits() == before
    assert not stream.unnamed_files()


@pytest.mark.parametrize("count", [6_000, 1_000, None], ids=["created again with more records", "created again with fewer records", "deleted"])
def test_what_happens_to_a_topic_under_a_running_job_ends_it_with_a_sentence(stream: Stream, count: int | None) -> None:
    stream.send(3_000, QUIET)
    job = stream.submit(STREAMING, stream.arguments())
    job.wait_until(lambda: sum(commit.rows["bronze"] for commit in stream.commits()) == 3_000, PATIENCE)
    before = stream.commits()
    if count is None:
        delete(stream)
    else:
        recreate(stream)
        stream.send(count, QUIET)
    assert wait_for_end(job) == 1
    assert not traces(job)
    assert ("was deleted and created again" if count else f"--topic {stream.topic}: {stream.kafka.bootstrap_servers} has no such topic") in job.tail(1)
    assert stream.commits() == before
    assert not stream.unnamed_files()


def test_where_no_id_was_stored_a_shorter_topic_gives_it_away(stream: Stream) -> None:
    stream.send(3_000, QUIET)
    stream.drain()
    for url in stream.object_store.list(stream.lake.commits):
        if "/_" in url:
            continue
        body = json.loads(stream.object_store.read(url))
        with stream.object_store.files().open_output_stream(path_of(url)) as out:
            out.write(json.dumps({key: value for key, value in body.items() if key not in ("topic_id", "previous", "kind")} | {"version": 1}).encode())
    stream.drain()
    recreate(stream)
    stream.send(500, QUIET)
    sentence = refused(stream)
    assert f"--topic {stream.topic} holds less than is stored of it (partition 0: " in sentence
    assert {len(stream.object_store.list(getattr(stream.lake, layer))) > 0 for layer in LAYERS} == {True}
