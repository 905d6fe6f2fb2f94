"""The made-up events are the same for the same seed, however they are made."""

from __future__ import annotations

import re
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from local.events import BLOCK, Traffic, events

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO  \[http-nio-8080-exec-\d\] c\.e\.was\.ActivityLogger : \[USER_ACTIVITY\] - [A-Z_]+ user=(?:\d+|-) "
    r"(?:GET|POST) /\S+ (?:API_CALL|API_FINISH|DATA_LOOKUP|FAILED) time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} session=[0-9a-f]+ bytes=\d+ latency_ms=\d+"
)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), first=st.integers(0, 3 * BLOCK), count=st.integers(0, BLOCK + 1))
def test_a_part_is_what_it_is_within_the_whole(seed: int, first: int, count: int) -> None:
    traffic = Traffic(seed=seed, hostile_share=0.01, late_share=0.01)

    whole = list(events(traffic, 0, first + count))

    assert list(events(traffic, first, count)) == whole[first:]
    assert len(whole) == first + count


def test_another_seed_gives_other_events() -> None:
    assert list(events(Traffic(seed=1), 0, 100)) != list(events(Traffic(seed=2), 0, 100))


def test_a_plain_event_is_a_line_of_the_contract() -> None:
    for event in events(Traffic(hostile_share=0), 0, 2_000):
        assert event.value is not None
        assert LINE.fullmatch(event.value.decode())


def test_the_hostile_share_is_what_it_says() -> None:
    plain = sum(1 for event in events(Traffic(hostile_share=0.2), 0, 20_000) if event.value is not None and LINE.fullmatch(event.value.decode("utf-8", "replace")))

    assert 0.78 < plain / 20_000 < 0.82


def test_every_session_begins_at_the_main_page_and_has_one_user() -> None:
    actions: dict[str, list[str]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    for event in events(Traffic(hostile_share=0), 0, BLOCK):
        fields = (event.value or b"").decode().split(" : ")[1].split()
        session = next(field for field in fields if field.startswith("session="))
        actions[session].append(fields[2])
        users[session].add(fields[3])

    assert {walk[0] for walk in actions.values()} == {"MAIN"}
    assert all(len(user) == 1 for user in users.values())
    assert {"SEARCH", "CATEGORY", "ITEM", "CART_ADD", "ORDER", "ORDER_STATUS"} <= {action for walk in actions.values() for action in walk}


def test_late_events_are_up_to_26_hours_from_when_they_are_sent() -> None:
    from local.proof import micros

    delays = []
    for event in events(Traffic(hostile_share=0, late_share=0.5), 0, 5_000):
        happened = micros((event.value or b"").decode().split("time=")[1].split()[0])
        delays.append((event.timestamp_ms * 1000 - happened) / 3_600e6)

    assert max(delays) > 20
    assert min(delays) < -20
    assert max(map(abs, delays)) < 26.01
