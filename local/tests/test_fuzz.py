"""A bounded run of the fuzzer; and the fuzzer itself: it finds what it is for, and makes it small."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

import event_parser
from local.clickhouse import ClickHouse
from local.fuzz import Readers, fuzz, shrunk
from local.fuzz_values import Values, smaller


@pytest.fixture(scope="module")
def readers(spark: SparkSession, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Readers:
    return Readers(spark, clickhouse, tmp_path_factory.mktemp("fuzz"))


def test_the_jobs_and_the_reference_read_hostile_values_alike(readers: Readers) -> None:
    tally, found = fuzz(readers, seed=14, count=100_000, say=print)

    assert [str(one) for one in found] == []
    assert tally.values == 100_000
    assert tally.silver > 20_000
    assert set(tally.reasons) == {
        *("null_value", "too_long", "not_utf8", "malformed_json", "no_event", "no_time"),
        *("unreadable_time", "time_out_of_range", "number_out_of_range"),
    }


def test_the_same_seed_makes_the_same_values() -> None:
    assert Values(1, 2).take(500) == Values(1, 2).take(500)
    assert Values(1, 2).take(500) != Values(1, 3).take(500)


def test_a_value_gets_smaller_in_every_place() -> None:
    candidates = list(smaller(b"abcdefgh"))

    assert b"abcd" in candidates
    assert b"efgh" in candidates
    assert b"bcdefgh" in candidates
    assert all(len(one) < 8 for one in candidates)


@pytest.fixture
def without_a_look_at_escapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(event_parser, "_NO_CHARACTER", "(?!)")
    event_parser._steps.cache_clear()
    yield
    event_parser._steps.cache_clear()


@pytest.mark.usefixtures("without_a_look_at_escapes")
def test_a_fault_of_the_parser_is_found_and_made_small(readers: Readers) -> None:
    _, found = fuzz(readers, seed=1, count=20_000, say=print)

    difference = next(one for one in found if one.found["reason"] is None and one.wanted["reason"] == "malformed_json")
    small = shrunk(readers, difference, seconds=30)
    assert len(small.value or b"") <= len(difference.value or b"")
    assert b"\\u" in (small.value or b"")
    assert "against 'malformed_json'" in str(small)


def test_a_fault_of_gold_is_found(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    former = {**readers._of_spark, "route": readers._of_spark["route"].replace(r"\\z", "$")}
    monkeypatch.setattr(readers, "_of_spark", former)

    _, found = fuzz(readers, seed=1, count=20_000, say=print)

    assert {one.readers for one in found} == {"gold by Spark against plain Python"}
    assert any("\u2028" in (one.value or b"").decode() or "\x85" in (one.value or b"").decode() for one in found)
