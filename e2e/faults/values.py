"""What the generator sends: log lines of a shop, and at all times values that nobody should send."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

METHODS = {"MAIN": "GET", "SEARCH": "GET", "CATEGORY": "GET", "ITEM": "GET", "CART_ADD": "POST", "ORDER": "POST", "ORDER_STATUS": "GET"}
PATHS = {"MAIN": "/main", "SEARCH": "/search", "CATEGORY": "/store/category", "CART_ADD": "/cart", "ORDER": "/order", "ORDER_STATUS": "/orderstatus"}


@dataclass(frozen=True)
class Value:
    """A record to send."""

    kind: str
    value: bytes | None
    timestamp_ms: int


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def usual(chance: random.Random, number: int, now: datetime) -> Value:
    """A line as the web servers write it; one in two hundred is late by up to a day."""
    moment = now - timedelta(microseconds=chance.randrange(2_000_000))
    if chance.random() < 0.005:
        moment -= timedelta(seconds=chance.randrange(86_400))
    return Value("usual", _line(chance, number, moment).encode(), _milliseconds(now))


def _line(chance: random.Random, number: int, moment: datetime, path: str | None = None) -> str:
    action = chance.choice(list(METHODS))
    user = chance.randrange(1, 300)
    where = path or PATHS.get(action) or f"/store/{chance.randrange(500)}"
    status = "FAILED" if chance.random() < 0.05 else "API_FINISH"
    size = min(int(chance.lognormvariate(8, 2)), 50_000_000)
    return (
        f"{moment:%Y-%m-%d %H:%M:%S} INFO  [http-nio-{number % 9}-exec] shop.Log : [USER_ACTIVITY] - {action} "
        f"user={'-' if user % 17 == 0 else user} {METHODS[action]} {where} {status} time={_iso(moment)} "
        f"session=g{number:x} bytes={size} latency_ms={chance.randrange(900)}"
    )


def _json(chance: random.Random, number: int, now: datetime, **changed: object) -> str:
    fields: dict[str, object] = {
        "event_type": "USER_ACTIVITY",
        "action_type": "ITEM",
        "user_id": str(chance.randrange(1, 300)),
        "session_id": f"j{number:x}",
        "http_method": "GET",
        "endpoint": f"/store/{chance.randrange(500)}",
        "status": "API_FINISH",
        "event_time": _iso(now),
        "bytes": chance.randrange(100_000),
        "latency_ms": 3,
    }
    return json.dumps({**fields, **changed})


Make = Callable[[random.Random, int, datetime], "bytes | str | None"]


def _with_path(path: str) -> Make:
    return lambda chance, number, now: _line(chance, number, now, path)


def _with_field(name: str, literal: str) -> Make:
    """JSON whose field has a value that json.dumps would not write."""
    return lambda chance, number, now: _json(chance, number, now, **{name: "@@"}).replace('"@@"', literal)


def _with_time(text: str) -> Make:
    return lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /store/7 API_FINISH time={text} session=t{number:x} bytes=1"


_SMALL: dict[str, Make] = {
    "json": lambda chance, number, now: _json(chance, number, now),
    "null": lambda chance, number, now: None,
    "empty": lambda chance, number, now: b"",
    "not-utf8": lambda chance, number, now: b"[USER_ACTIVITY] - ITEM \xff\xfe" + str(number).encode(),
    "no-event": lambda chance, number, now: f"2026-01-15 INFO nothing here {number}",
    "no-time": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=5 GET /store/{number} API_FINISH",
    "time-of-no-day": _with_time("2026-02-30T00:00:00"),
    "time-2106": _with_time("2106-01-01T00:00:00Z"),
    "time-1969": _with_time("1969-12-31T23:59:59.999999Z"),
    "time-zone": _with_time("2026-11-30T12:00:00.5+09:00"),
    "time-zone-too-far": _with_time("2026-11-30T12:00:00+19:00"),
    "time-garbage": _with_time("yesterday"),
    "fields-twice": lambda chance, number, now: _line(chance, number, now) + f" user=1 session=x{number} bytes=9 time=1999-01-01T00:00:00",
    "two-events": lambda chance, number, now: _line(chance, number, now) + " [OTHER] - ORDER",
    "odd-brackets": lambda chance, number, now: f"[a] [B2] [] [[ ]] {_line(chance, number, now)}",
    "year-in-prefix": lambda chance, number, now: f"user=2026 time=2020-01-01T00:00:00 {_line(chance, number, now)}",
    "line-feeds": lambda chance, number, now: _line(chance, number, now).replace(" ", "\n", 3).replace(" GET ", "\tGET\r\n"),
    "emoji": _with_path("/store/\U0001f4a9/\u202e/\u0130"),
    "quotes": _with_path('/store/"\\u0000"/\\x\'/{}'),
    "control": _with_path("/store/\x01\x02\x7f"),
    "upper-and-uuid": lambda chance, number, now: _line(chance, number, now, f"/A/{uuid.UUID(int=chance.getrandbits(128))}/B9/0/"),
    "query": lambda chance, number, now: _line(chance, number, now, f"/Search?q={number}&x=/1/"),
    "slash-tail": _with_path("/store/17///"),
    "only-slashes": _with_path("////"),
    "bytes-not-a-number": lambda chance, number, now: _line(chance, number, now).replace("bytes=", "bytes=-"),
    "anonymous": lambda chance, number, now: f"[VIEW] time={_iso(now)} session=-",
    "long-user": lambda chance, number, now: _line(chance, number, now).replace("user=", f"user={'9' * 40}"),
    "nul": _with_path("/store/\x00"),
    "byte-order-mark": lambda chance, number, now: "\ufeff" + _line(chance, number, now),
    "json-true": _with_field("session_id", "true"),
    "json-object": _with_field("session_id", '{"a":1}'),
    "json-array": _with_field("session_id", "[1]"),
    "json-float": _with_field("session_id", "1e5"),
    "json-decimal": _with_field("session_id", "1.10"),
    "json-surrogate": _with_field("session_id", '"\\ud800"'),
    "json-tail": lambda chance, number, now: _json(chance, number, now) + " x}",
    "json-two": lambda chance, number, now: _json(chance, number, now) * 2,
    "json-brace": lambda chance, number, now: _json(chance, number, now) + "}",
    "json-repeated": lambda chance, number, now: _json(chance, number, now)[:-1] + ', "bytes": 1, "bytes": 2}',
    "json-digits": _with_field("bytes", "9" * 1_500),
    "json-cut": lambda chance, number, now: _json(chance, number, now)[:-9],
    "line-separator": _with_path("/store/17\u2028"),
    "next-line": _with_path("/store/17\u0085"),
    "line-separator-slash": _with_path("/A\u2028/"),
    "bytes-2^40": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} bytes={2**40}",
    "bytes-most": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} bytes={2**40 - 1}",
    "bytes-minus-zero": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} bytes=-0",
    "latency-most": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} latency_ms={2**31 - 1}",
    "json-pair": _with_field("session_id", '"\\ud83d\\udca9"'),
    "json-of-line": lambda chance, number, now: "{" + _line(chance, number, now) + "}",
    "bytes-2^63": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} bytes={2**63}",
    "bytes-greatest": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} bytes={2**63 - 1}",
    "latency-greatest": lambda chance, number, now: f"[USER_ACTIVITY] - ITEM user=7 GET /a API_FINISH time={_iso(now)} latency_ms={2**63 - 1}",
    "time-first": _with_time("1970-01-02T00:00:00Z"),
    "time-epoch": _with_time("1970-01-01T00:00:00Z"),
    "time-2105": _with_time("2105-12-31T23:59:59.999999Z"),
}
_LARGE: dict[str, Make] = {
    "json-depth": _with_field("unknown", "[" * 5_000 + "]" * 5_000),
    "slashes": _with_path("/" * 64_000 + "X"),
    "long-path": _with_path("/" + "a1" * 32_000),
    "long-number-path": _with_path("/store/" + "7" * 64_000),
    "long-prefix": lambda chance, number, now: "[" * 64_000 + _line(chance, number, now),
    "slashes-mebibyte": _with_path("/" * 1_000_000 + "X"),
    "hour": lambda chance, number, now: _line(chance, number, now - timedelta(hours=number, minutes=1)),
    "spaces": lambda chance, number, now: _line(chance, number, now).replace(" - ", " " * 64_000, 1),
}
_FAR_TIMESTAMP_MS = 10**16
_RARE = ("json-depth", "slashes", "long-path", "long-number-path", "long-prefix", "spaces")


def kinds() -> list[str]:
    return ["usual", *_SMALL, *_LARGE, "far-timestamp"]


def value(kind: str, chance: random.Random, number: int, now: datetime | None = None) -> Value:
    """One value of a kind."""
    now = now or datetime.now(timezone.utc)
    if kind == "usual":
        return usual(chance, number, now)
    if kind == "far-timestamp":
        return Value(kind, _line(chance, number, now).encode(), _FAR_TIMESTAMP_MS)
    made = ({**_SMALL, **_LARGE})[kind](chance, number, now)
    encoded = made.encode(errors="surrogatepass") if isinstance(made, str) else made
    return Value(kind, encoded, _milliseconds(now))


def any_value(chance: random.Random, number: int, hostile_share: float) -> Value:
    """A usual line, or with `hostile_share` one of the others; the large ones and a timestamp of the far future are rare."""
    roll = chance.random()
    if roll >= hostile_share:
        return value("usual", chance, number)
    if roll < hostile_share * 0.0005:
        return value("far-timestamp", chance, number)
    if roll < hostile_share * 0.04:
        return value(chance.choice(_RARE), chance, number)
    return value(chance.choice([*_SMALL]), chance, number)
