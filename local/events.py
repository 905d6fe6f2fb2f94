"""Made-up activity of a shop: the log lines of its web servers, the same for the same seed on every machine.

Event number i is a pure function of (seed, i), in blocks of BLOCK events that can be made in any order and by any process.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BLOCK = 10_000
_SESSIONS_AT_ONCE = 250
_SECOND = 1_000_000  # microseconds


@dataclass(frozen=True)
class Event:
    """One Kafka record to be."""

    key: int
    """Equal for the events of one session: what the partition is chosen by."""
    value: bytes | None
    timestamp_ms: int
    """When the web server sent it, ms since 1970, UTC."""


@dataclass(frozen=True)
class Traffic:
    """What the events are like."""

    seed: int = 1
    start_seconds: int = 1_768_435_200
    """Event time of event 0, in seconds since 1970; the default is 2026-01-15T00:00:00Z."""
    events_per_second: int = 1_000
    """How much event time passes, not how fast events are made."""
    users: int = 50_000
    hostile_share: float = 0.001
    """Share of records that are no plain line: unreadable, in the other encoding, or made to mislead a parser."""
    late_share: float = 0.0
    """Share of events that happened up to 26 hours before, or seem to happen up to 26 hours after, they are sent."""


# What a visitor does next, with its probability; the walk begins at MAIN and ends at None.
_WALK: dict[str, tuple[tuple[float, str | None], ...]] = {
    "MAIN": ((0.40, "SEARCH"), (0.70, "CATEGORY"), (0.90, "ITEM"), (1.0, None)),
    "SEARCH": ((0.20, "SEARCH"), (0.75, "ITEM"), (0.85, "MAIN"), (1.0, None)),
    "CATEGORY": ((0.65, "ITEM"), (0.80, "CATEGORY"), (0.88, "MAIN"), (1.0, None)),
    "ITEM": ((0.30, "CART_ADD"), (0.55, "ITEM"), (0.70, "SEARCH"), (1.0, None)),
    "CART_ADD": ((0.45, "ORDER"), (0.75, "ITEM"), (1.0, None)),
    "ORDER": ((0.50, "ORDER_STATUS"), (1.0, None)),
    "ORDER_STATUS": ((0.30, "ORDER_STATUS"), (0.50, "MAIN"), (1.0, None)),
}
_REQUEST = {
    "MAIN": "GET /main",
    "SEARCH": "GET /search",
    "CATEGORY": "GET /store/category",
    "ITEM": "GET /store/{}",
    "CART_ADD": "POST /cart",
    "ORDER": "POST /order",
    "ORDER_STATUS": "GET /orderstatus",
}


def events(traffic: Traffic, first: int, count: int) -> Iterator[Event]:
    """Events `first` to `first + count - 1`."""
    for block in range(first // BLOCK, (first + count + BLOCK - 1) // BLOCK):
        begin = block * BLOCK
        for number, event in enumerate(_block(traffic, block), begin):
            if number >= first + count:
                return
            if number >= first:
                yield event


def _block(traffic: Traffic, block: int) -> Iterator[Event]:
    draw = random.Random(traffic.seed * 1_000_003 + block).random
    step = _SECOND // traffic.events_per_second
    now = traffic.start_seconds * _SECOND + block * BLOCK * step
    next_session = block * BLOCK
    sessions: list[tuple[int, str, str, str | None]] = []
    second, stamp = -1, ""
    for number in range(BLOCK):
        now += step
        place = int(draw() * _SESSIONS_AT_ONCE)
        if place >= len(sessions):
            place = len(sessions)
            sessions.append((0, "", "", None))
        key, user, name, action = sessions[place]
        if action is None:
            next_session += 1
            key, name, action = next_session, f"{next_session * 2654435761 & 0xFFFFFFFF:x}", "MAIN"
            user = "-" if draw() < 0.08 else str(10_000 + int(draw() ** 2 * traffic.users))
        chance = draw()
        follow = next(then for bound, then in _WALK[action] if chance < bound)
        sessions[place] = (key, user, name, follow)

        happened, sent = now + int(draw() * step), now + step + int(draw() * 500_000)
        if draw() < traffic.late_share:
            happened += int((draw() * 2 - 1) * 26 * 3600) * _SECOND
        if happened // _SECOND != second:
            second = happened // _SECOND
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        micros = happened % _SECOND
        latency = 3 + int(draw() ** 3 * 400)
        request = _REQUEST[action] if action != "ITEM" else f"GET /store/{int(draw() * 5000)}"
        status = "API_FINISH" if chance > 0.3 else "API_CALL" if chance > 0.15 else "DATA_LOOKUP" if chance > 0.02 else "FAILED"
        if draw() < traffic.hostile_share:
            value = _HOSTILE[int(draw() * len(_HOSTILE))](_Parts(number, action, user, request, status, f"{stamp}.{micros:06d}", name))
        else:
            value = (
                f"{stamp[:10]} {stamp[11:]}.{micros // 1000:03d} INFO  [http-nio-8080-exec-{number % 10}] c.e.was.ActivityLogger : "
                f"[USER_ACTIVITY] - {action} user={user} {request} {status} time={stamp}.{micros:06d} session={name} "
                f"bytes={200 + int(draw() ** 2 * 20_000)} latency_ms={latency}"
            ).encode()
        yield Event(key, value, sent // 1000)


@dataclass(frozen=True)
class _Parts:
    number: int
    action: str
    user: str
    request: str
    status: str
    time: str
    session: str

    def line(self, prefix: str = "2026-01-15 00:00:00.007 INFO : ", time: str | None = None, tail: str = "") -> bytes:
        time = f" time={self.time}" if time is None else time
        return f"{prefix}[USER_ACTIVITY] - {self.action} user={self.user} {self.request} {self.status}{time} session={self.session}{tail}".encode()


def _json(parts: _Parts) -> bytes:
    method, path = parts.request.split(" ")
    fields = {"event_type": "USER_ACTIVITY", "action_type": parts.action, "http_method": method, "endpoint": path, "status": parts.status}
    fields |= {"event_time": parts.time, "session_id": parts.session} | ({} if parts.user == "-" else {"user_id": parts.user})
    return json.dumps({**fields, "bytes": 512 + parts.number}).encode()


_HOSTILE: tuple[Callable[[_Parts], bytes | None], ...] = (
    _json,
    lambda parts: None,
    lambda parts: b"",
    lambda parts: b"\xff\xfe" + parts.line(),
    lambda parts: b"GET /main 200 2026",
    lambda parts: parts.line(time=""),
    lambda parts: parts.line(time=" time=yesterday"),
    lambda parts: parts.line(time=" time=2026-13-45T00:00:00"),
    lambda parts: b'{"event_type": "USER_ACTIVITY", ',
    lambda parts: b"[1, 2, 3]",
    lambda parts: parts.line(prefix=""),
    lambda parts: parts.line(prefix="2026 [main] [http-nio-8080-exec-1] [a1] user=2026 time=2020-01-01T00:00:00 "),
    lambda parts: parts.line(tail="\r\n"),
    lambda parts: parts.line(time=f" time={parts.time}Z"),
    lambda parts: parts.line(time=f" time={parts.time[:19]}+09:00"),
    lambda parts: parts.line(tail=" note=한국어☕"),
    lambda parts: parts.line(tail=" padding=" + "x" * 20_000),
    lambda parts: f"[SYSTEM] HEARTBEAT time={parts.time}".encode(),
    lambda parts: f"[USER_ACTIVITY] - ITEM GET /store/550E8400-e29b-41d4-a716-446655440000 user=7 {parts.status} time={parts.time}".encode(),
    lambda parts: f"[USER_ACTIVITY] - ITEM GET /store/123abc/ user=7 {parts.status} time={parts.time} bytes=1".encode(),
)
