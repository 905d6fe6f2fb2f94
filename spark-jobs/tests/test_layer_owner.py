"""Whose a layer's folder is, on a real object store."""

from __future__ import annotations

import threading

import pytest
from pyspark import InheritableThread
from pyspark.sql import SparkSession

from job_log import JobError
from layer_owner import LogIdentity, claim
from local.lake import Lake
from object_store import ObjectStore


def folders(lake: Lake, *, swapped: bool = False) -> dict[str, str]:
    bronze, silver = (lake.silver, lake.bronze) if swapped else (lake.bronze, lake.silver)
    return {"bronze": bronze, "silver": silver, "quarantine": lake.quarantine}


def beside(folder: str) -> str:
    """A folder whose name begins like another's."""
    return f"{folder.removesuffix('/')}-b/"


@pytest.fixture
def store(spark: SparkSession) -> ObjectStore:
    return ObjectStore(spark)


def test_a_folder_stays_with_the_log_that_claimed_it_first(store: ObjectStore, lake: Lake) -> None:
    first = claim(store, lake.commits, folders(lake), "a", "id")
    assert claim(store, lake.commits, folders(lake), "a", "id") == first
    assert len([url for url in lake.object_store.list(lake.silver) if url.endswith("/_owner.json")]) == 1
    other = beside(lake.commits)
    with pytest.raises(JobError, match=f"belongs to the commit log {lake.commits} of topic a .*, not to --commits {other} ") as refusal:
        claim(store, other, folders(lake), "b", "id b")
    assert "\n" not in str(refusal.value)
    assert claim(store, other, {"bronze": beside(lake.bronze)}, "b", "id b").log != first.log


def test_a_log_that_was_lost_takes_its_identity_from_its_layers(store: ObjectStore, lake: Lake) -> None:
    first = claim(store, lake.commits, folders(lake), "a", "id")
    lake.object_store.delete(lake.commits)
    assert claim(store, lake.commits, folders(lake), "a", "another id") == first
    lake.object_store.delete(lake.commits)
    with pytest.raises(JobError, match="holds topic a, not --topic b"):
        claim(store, lake.commits, folders(lake), "b", "id")


def test_a_marker_that_has_expired_is_written_again(store: ObjectStore, lake: Lake) -> None:
    first = claim(store, lake.commits, folders(lake), "a", "id")
    lake.object_store.delete(f"{lake.silver}_owner.json")
    assert claim(store, lake.commits, folders(lake), "a", "id") == first
    assert f"{lake.silver}_owner.json" in lake.object_store.list(lake.silver)


def test_a_damaged_marker_is_named(store: ObjectStore, lake: Lake) -> None:
    claim(store, lake.commits, folders(lake), "a", "id")
    store.put(f"{lake.silver}_owner.json", b"{")
    with pytest.raises(JobError, match=f"{lake.silver}_owner.json is damaged .*; remove it"):
        claim(store, lake.commits, folders(lake), "a", "id")


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_first_starts_at_once_one_gets_all_folders(store: ObjectStore, lake: Lake, swapped: bool) -> None:
    for round_ in range(10):
        barrier = threading.Barrier(2)
        outcomes: dict[str, LogIdentity | JobError] = {}

        def start(name: str, barrier: threading.Barrier = barrier, outcomes: dict[str, LogIdentity | JobError] = outcomes, round_: int = round_) -> None:
            barrier.wait()
            layers = {layer: f"{url}{round_}/" for layer, url in folders(lake, swapped=swapped and name == "b").items()}
            try:
                outcomes[name] = claim(store, f"{lake.commits}{round_}/{name}/", layers, name, "id")
            except JobError as refusal:
                outcomes[name] = refusal

        threads = [InheritableThread(target=start, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(type(one).__name__ for one in outcomes.values()) == ["JobError", "LogIdentity"], outcomes


def markers(lake: Lake) -> set[str]:
    return {url for folder in (lake.bronze, lake.silver, lake.quarantine, lake.commits) for url in lake.object_store.list(folder) if url.endswith("/_owner.json")}


@pytest.mark.parametrize("deep", ["", "a/b/"])
def test_a_folder_inside_one_of_another_log_is_refused_whichever_was_there_first(store: ObjectStore, lake: Lake, deep: str) -> None:
    other = f"{lake.commits}other/"
    mine = {"silver": lake.silver}
    of_other = {"silver": f"{lake.silver}{deep}inside/"}
    claim(store, other, of_other, "b", "id b")
    before = markers(lake)
    with pytest.raises(JobError, match=f"--silver {lake.silver} has {of_other['silver']} inside, which belongs to the commit log {other} of topic b") as refusal:
        claim(store, f"{lake.commits}mine/", mine, "a", "id a")
    assert "\n" not in str(refusal.value)
    assert markers(lake) == before
    lake.object_store.delete(of_other["silver"])
    lake.object_store.delete(other)

    first = claim(store, f"{lake.commits}mine/", mine, "a", "id a")
    before = markers(lake)
    with pytest.raises(JobError, match=f"--silver {of_other['silver']} lies inside {lake.silver}, which belongs to the commit log {lake.commits}mine/ of topic a"):
        claim(store, other, of_other, "b", "id b")
    assert markers(lake) == before
    assert claim(store, other, {"silver": beside(lake.silver)}, "b", "id b").log != first.log


def test_a_log_may_have_its_own_folders_inside_each_other(store: ObjectStore, lake: Lake) -> None:
    own = {"silver": lake.silver, "quarantine": f"{lake.silver}quarantine/"}
    assert claim(store, lake.commits, own, "a", "id") == claim(store, lake.commits, own, "a", "id")
