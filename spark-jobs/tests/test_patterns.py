"""Each regular expression of the jobs and of the generated SQL is matched in time proportional to the text.

A pattern is refused when a repetition without bound stands in another one, when a search has to begin it anew at every
character that it repeats, or when it and what follows can both take a character, so that the border is tried at each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import Column
from pyspark.sql import functions as F

import event_parser
from contract_gold import STATE_LOADS

# Every character of ASCII, and a few that stand for all others.
CHARACTERS = frozenset([*map(chr, range(128)), "\x85", "é", "\u2028", "😀"])
# Python's own reader of patterns, under the name that this version has for it.
sre: Any = vars(re).get("_parser") or vars(re)["sre_parse"]
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
Items = list[tuple[Any, Any]]


def faults(pattern: str) -> set[str]:
    # A possessive repetition is held to what a greedy one is.
    greedy = re.sub(r"([*+?}])\+", r"\1", pattern.replace(r"\z", r"\Z"))
    return set(_faults(list(sre.parse(greedy)), anchored=False, before=None))


def _faults(items: Items, anchored: bool, before: frozenset[str] | None) -> Iterator[str]:
    """`before` is what the character right before the items can be, None where a search begins."""
    for place, (kind, value) in enumerate(items):
        rest = items[place + 1 :]
        if kind is sre.SUBPATTERN:
            yield from _faults([*value[-1], *rest], anchored, before)
            return
        if kind is sre.BRANCH:
            for branch in value[1]:
                yield from _faults([*branch, *rest], anchored, before)
            return
        if kind in REPEATS and value[1] is not sre.MAXREPEAT and any(map(_has_repeat, value[2])):
            yield from _faults([*value[2], *rest], anchored, before)
            if value[0] > 0:
                return
        elif kind in REPEATS and value[1] is sre.MAXREPEAT:
            repeated = frozenset[str]().union(*(_first([item])[0] for item in _flat([*value[2]])))
            if any(map(_has_repeat, value[2])):
                yield "a repetition without bound in another one"
            if not anchored and rest and (before is None or before & repeated):
                yield "a search that begins anew at each character of a repetition"
            if _shares(repeated, rest):
                yield "a repetition that shares characters with what follows"
            before = repeated
        elif kind is sre.AT:
            anchored = anchored or value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            characters = _first([*value[1]])[0]
            if value[0] < 0:
                before = characters if kind is sre.ASSERT else CHARACTERS - characters
        else:
            before = _first([(kind, value)])[0]


def _shares(repeated: frozenset[str], rest: Items) -> bool:
    """Whether the border between a repetition and what follows can be in more than a few places."""
    following, may_be_nothing = _first(rest[:1])
    if not following & repeated:
        return bool(may_be_nothing and rest and _shares(repeated, rest[1:]))
    # One character that both can take is fine when the next one tells: giving back fails at once, everywhere but at one place.
    return _is_repeat(rest[0]) or bool(_first(rest[1:])[0] & repeated) or len(rest) == 1


def _is_repeat(item: tuple[Any, Any]) -> bool:
    return item[0] in REPEATS


def _has_repeat(item: tuple[Any, Any]) -> bool:
    return any(_is_repeat(one) and one[1][1] is sre.MAXREPEAT for one in _flat([item], into_repeats=True))


def _flat(items: Items, into_repeats: bool = False) -> Items:
    flat: Items = []
    for kind, value in items:
        if kind is sre.SUBPATTERN:
            flat += _flat([*value[-1]], into_repeats)
        elif kind is sre.BRANCH:
            flat += [item for branch in value[1] for item in _flat([*branch], into_repeats)]
        else:
            flat.append((kind, value))
            if into_repeats and kind in REPEATS:
                flat += _flat([*value[2]], into_repeats)
    return flat


def _first(items: Items) -> tuple[frozenset[str], bool]:
    """The characters that it can begin with, and whether it can be nothing."""
    characters: frozenset[str] = frozenset()
    for kind, value in items:
        may_be_nothing = False
        if kind is sre.LITERAL:
            characters |= {chr(value)}
        elif kind is sre.NOT_LITERAL:
            characters |= CHARACTERS - {chr(value)}
        elif kind is sre.ANY:
            characters |= CHARACTERS
        elif kind is sre.IN:
            characters |= {one for one in CHARACTERS if re.fullmatch(_class(value), one)}
        elif kind in REPEATS:
            inner, may_be_nothing = _first([*value[2]])
            characters |= inner
            may_be_nothing = may_be_nothing or value[0] == 0
        elif kind is sre.SUBPATTERN:
            inner, may_be_nothing = _first([*value[-1]])
            characters |= inner
        elif kind is sre.BRANCH:
            for branch in value[1]:
                inner, nothing = _first([*branch])
                characters |= inner
                may_be_nothing = may_be_nothing or nothing
        else:  # an anchor, or a look at what stands around
            may_be_nothing = True
        if not may_be_nothing:
            return characters, False
    return characters, True


def _class(items: Items) -> str:
    """The class as text again."""
    names = {sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_WORD: r"\w"}
    text = ""
    for kind, value in items:
        if kind is sre.NEGATE:
            text += "^"
        elif kind is sre.RANGE:
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            text += names[value] if kind is sre.CATEGORY else re.escape(chr(value))
    return f"[{text}]"


def of_parser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patterns that the parser hands to Spark while it builds its columns."""
    patterns: list[str] = []

    def spied(function: Any, place: int) -> Any:
        def spy(*arguments: Any, **named: Any) -> Any:
            patterns.append(arguments[place])
            return function(*arguments, **named)

        return spy

    monkeypatch.setattr(Column, "rlike", spied(Column.rlike, 1))
    for name in ("regexp_replace", "regexp_extract", "split"):
        monkeypatch.setattr(F, name, spied(getattr(F, name), 1))
    for _ in event_parser._steps.__wrapped__((), "Europe/Berlin"):
        pass
    return patterns


def of_gold() -> list[str]:
    """Every text in gold's expressions on either engine that is a pattern."""
    sources = [event for load in STATE_LOADS for event in load.events]
    sources += [load.from_file for load in STATE_LOADS]
    texts = [text.replace("\\\\", "\\") for source in dict.fromkeys(sources) for text in re.findall(r"'([^']*)'", source)]
    return [text for text in texts if re.search(r"[*+?$^]|\[.*\]", text) and text != "?"]


@pytest.mark.usefixtures("spark")
def test_no_pattern_costs_more_than_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    parsers, golds = of_parser(monkeypatch), of_gold()

    assert len(parsers) > 15
    assert len(golds) >= 5
    assert {pattern: found for pattern in dict.fromkeys([*parsers, *golds]) if (found := faults(pattern))} == {}


@pytest.mark.parametrize(
    ("costly", "cheap"),
    [
        (r"(?<=.)/+$", r"(?<![^/])[0-9]++(?![^/])"),
        (r"^(.+?)/+$", r"^([a-z]+?)/+$"),
        (r"^(?:x|(/+))/+$", r"^(?:x|(/+))[a-z]+$"),
        (r"\A(?: a=[a-z]*)? ?[a-z]*\z", r"\A(?: a=[a-z]*)? [a-z]*\z"),
        (r"[ \t]+$", r"\A[ \t]+\z"),
        (r"\A(?:a+b?)*\z", r"\A(?:ab?)*\z"),
        (r"\A[a-z/]*/[a-z]+\z", r"\A[a-z/]*/[0-9]+\z"),
        (r"\A[a-z]*[a-y]*\z", r"\A[a-z]*[0-9]*\z"),
        (r"x[a-z]*y?[a-z]*1", r"\A[a-z]*1?[0-9]\z"),
        (r"a[a-z]*1", r"\[[a-z]*1"),
    ],
)
def test_a_costly_pattern_is_told_from_a_cheap_one(costly: str, cheap: str) -> None:
    assert faults(costly)
    assert not faults(cheap)
