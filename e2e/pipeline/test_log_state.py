"""State that is damaged, between two runs: the job goes on by itself and exact, or says in one sentence what to do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from batch_writer import Locations
from commit_log import CommitLog, Manifest
from e2e.pipeline.conftest import MakeStream
from e2e.pipeline.stream import LAYERS, QUIET, Stream
from e2e.pipeline.test_streaming import as_committed, refused
from job_log import JobError
from local.object_store import path_of
from object_store import ObjectStore
from recovery import Recovery
from streaming_job import parse_again, parse_arguments


def put(stream: Stream, url: str, content: bytes) -> None:
    with stream.object_store.files().open_output_stream(path_of(url)) as out:
        out.write(content)


def stored(stream: Stream, records: int = 7_000) -> list[object]:
    """After three batches."""
    stream.send(records, QUIET)
    stream.drain()
    return list(as_committed(stream.commits()))


def manifest(stream: Stream, sequence: int) -> str:
    return f"{stream.lake.commits}{sequence:020d}.json"


def read_by_another(stream: Stream) -> list[int]:
    """As gold reads the log."""
    return [one.sequence for one in CommitLog(ObjectStore(stream.spark), stream.lake.commits).manifests()]


def emptied(stream: Stream, url: str) -> None:
    put(stream, url, b"")


def torn(stream: Stream, url: str) -> None:
    content = stream.object_store.read(url)
    put(stream, url, content[: len(content) // 2])


def cut_on_the_disk(stream: Stream, url: str) -> None:
    """As a server's disk loses the end of a file: the server goes on to tell the checksum of the whole."""
    path = stream.object_store.folder / "buckets" / url.removeprefix("s3a://")
    path.write_bytes(path.read_bytes()[:-40])


def deleted(stream: Stream, url: str) -> None:
    stream.object_store.delete(url)


Damage = Callable[[Stream, str], None]


@pytest.mark.parametrize("damage", [deleted, emptied, torn])
@pytest.mark.parametrize("which", ["the newest of offsets", "all"])
def test_a_damaged_checkpoint_is_of_no_concern_to_the_next_run(stream: Stream, damage: Damage, which: str) -> None:
    stored(stream)
    files = [url for url in stream.object_store.list(stream.lake.streaming_checkpoint) if not url.endswith("/_owner.json")]
    newest = max((url for url in files if "/offsets/" in url), key=lambda url: int(url.rsplit("/", 1)[1]))
    for url in files if which == "all" else [newest]:
        damage(stream, url)
    stream.send(2_000, QUIET)
    stream.drain()
    assert stream.prove().bronze == 9_000
    runs = {url.split("/run=")[1].split("/")[0] for url in stream.object_store.list(stream.lake.streaming_checkpoint) if "/run=" in url}
    assert len(runs) == 1


def test_an_object_that_is_no_manifest_is_ignored_with_a_line(stream: Stream) -> None:
    stored(stream, 2_000)
    put(stream, f"{stream.lake.commits}note.txt", b"do not touch")
    put(stream, f"{manifest(stream, 0)}.bak", b"{}")
    stream.send(1_000, QUIET)
    said = stream.drain()
    assert f"is no manifest object={stream.lake.commits}note.txt\n" in said
    assert stream.prove().bronze == 3_000


@pytest.mark.parametrize(("damage", "words"), [(emptied, "is empty"), (torn, "is cut or is no JSON"), (cut_on_the_disk, "is damaged")])
def test_a_damaged_last_manifest_is_named_and_written_again_when_it_is_moved_away(stream: Stream, damage: Damage, words: str) -> None:
    before = stored(stream)
    damage(stream, manifest(stream, 2))
    sentence = refused(stream)
    assert sentence.startswith(f"{manifest(stream, 2)} {words}")
    assert "move it away, then start the streaming job, which writes it again from the files of its batch" in sentence
    with pytest.raises(JobError, match="move it away"):
        read_by_another(stream)
    deleted(stream, manifest(stream, 2))
    assert "rebuilt a manifest from the files of its batch sequence=2" in stream.drain()
    assert list(as_committed(stream.commits())) == before
    assert stream.prove().bronze == 7_000


@pytest.mark.parametrize(("damage", "words"), [(emptied, "is empty"), (torn, "is cut or is no JSON")])
def test_a_damaged_manifest_in_the_middle_is_named_at_the_streams_start(stream: Stream, damage: Damage, words: str) -> None:
    before = stored(stream)
    whole = stream.object_store.read(manifest(stream, 1))
    time.sleep(1.1)  # a store knows the second in which an object was written
    damage(stream, manifest(stream, 1))
    assert refused(stream).startswith(f"{manifest(stream, 1)} {words}")
    put(stream, manifest(stream, 1), whole)
    stream.drain()
    assert list(as_committed(stream.commits())) == before
    damage(stream, manifest(stream, 1))
    assert refused(stream).startswith(f"{manifest(stream, 1)} {words}")
    deleted(stream, manifest(stream, 1))
    assert "rebuilt a manifest from the files of its batch sequence=1" in stream.drain()
    assert list(as_committed(stream.commits())) == before


@pytest.mark.parametrize("lost", [[1], [0], [0, 1], [2], [1, 2]], ids=str)
def test_manifests_that_are_lost_are_noticed_by_a_reader_and_written_again_by_the_job(stream: Stream, lost: list[int]) -> None:
    before = stored(stream)
    stream.fold()
    for sequence in lost:
        deleted(stream, manifest(stream, sequence))
    if 2 not in lost:
        with pytest.raises(JobError, match=f"{max(lost):020d}.json is missing in the commit log"):
            read_by_another(stream)
    said = stream.drain()
    assert [f"sequence={sequence} attempt=" in said for sequence in (0, 1, 2)] == [sequence in lost for sequence in (0, 1, 2)]
    assert list(as_committed(stream.commits())) == before
    assert read_by_another(stream) == [0, 1, 2]
    assert stream.prove().bronze == 7_000


def test_a_manifest_that_is_lost_with_a_file_of_bronze_is_named_and_goes_when_that_is_accepted(stream: Stream) -> None:
    stored(stream)
    middle = stream.commits()[1]
    deleted(stream, manifest(stream, 1))
    deleted(stream, middle.files["bronze"][0])
    sentence = refused(stream)
    assert sentence.startswith(f"{manifest(stream, 1)} is lost and cannot be rebuilt: ")
    assert sentence.endswith("or start the job once with --accept-lost 1 to go on without the batch")
    assert "accepted that a batch is lost sequence=1" in stream.drain(accept_lost=1)
    assert [commit.rows["bronze"] == 0 for commit in stream.commits()] == [False, True, False]
    assert stream.commits()[1].offsets == middle.offsets
    assert read_by_another(stream) == [0, 1, 2]
    assert "is lost" not in stream.drain()


@pytest.mark.parametrize(("layer", "damage"), [("silver", deleted), ("silver", torn), ("quarantine", deleted)])
def test_one_that_is_lost_with_a_file_of_silver_or_quarantine_is_mended_from_bronze(stream: Stream, layer: str, damage: Damage) -> None:
    stored(stream)
    middle = stream.commits()[1]
    deleted(stream, manifest(stream, 1))
    damage(stream, middle.files[layer][0])
    sentence = refused(stream)
    assert sentence.startswith(f"{manifest(stream, 1)} is lost and cannot be rebuilt: ")
    assert sentence.endswith("--accept-lost 1, which keeps bronze, and then compute silver and quarantine from it with --batch 1")
    assert "accepted that silver and quarantine of a batch are lost sequence=1" in stream.drain(accept_lost=1)
    assert [stream.commits()[1].rows[one] for one in LAYERS] == [middle.rows["bronze"], 0, 0]
    for batches in (["--batch", "0", "--batch", "1"], ["--batch", "1"]):
        parse_again(stream.spark, parse_arguments([*stream.arguments(), *batches]))
        stream.fold()
        assert stream.compare().wrong == []


def test_a_driver_that_finds_anothers_batch_complete_commits_it_and_the_other_leaves_its_files(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.send(4_000, QUIET)
    create = CommitLog.create

    def create_too_late(log: CommitLog, manifest: Manifest) -> bool:
        monkeypatch.setattr(CommitLog, "create", create)
        locations = Locations(*(getattr(stream.lake, layer).rstrip("/") for layer in LAYERS))
        found = Recovery(stream.spark, ObjectStore(stream.spark), log, locations, stream.topic, None, []).restored(log.last())
        assert found is not None
        assert (found.kind, found.attempt) == ("rebuilt", manifest.attempt)
        return log.create(manifest)

    monkeypatch.setattr(CommitLog, "create", create_too_late)
    assert "only one streaming job may run on a commit log" in refused(stream)
    assert not stream.unnamed_files()
    stream.drain()
    assert stream.prove().bronze == 4_000


def test_a_second_commit_log_in_the_same_folders_is_refused_and_in_its_own_runs(make_stream: MakeStream) -> None:
    stream, other = make_stream(), make_stream()
    stored(stream, 2_000)
    before = stream.commits()
    other.send(1_000, QUIET)
    commits = f"{other.lake.commits.removesuffix('/')}-2/"
    sentence = refused(other, commits=commits)
    assert f"belongs to the commit log {stream.lake.commits} of topic {stream.topic} " in sentence
    assert f"not to --commits {commits} " in sentence
    assert "give each commit log its own --bronze, --silver, --quarantine" in sentence
    assert refused(other, commits=commits) == sentence
    assert stream.commits() == before
    stream.send(500, QUIET)
    stream.drain()
    own = {name: f"{getattr(stream.lake, name).removesuffix('/')}-2/" for name in LAYERS}
    other.drain(**own, commits=commits, checkpoint=f"{stream.lake.streaming_checkpoint.removesuffix('/')}-2/")
    assert stream.prove().bronze == 2_500
