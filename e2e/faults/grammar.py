"""The event grammar of the contract, read once more: what silver has to hold for a value, or why it is quarantined.

Written from the contract's words and by hand, character by character, so that it shares neither code nor a regular expression
with the jobs.
"""

from __future__ import annotations

import calendar
import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SPACE = " \t\r\n"
UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")
METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"))
STATUSES = frozenset(("API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED"))
FIRST_US = 86_400_000_000  # 1970-01-02
END_US = calendar.timegm((2106, 1, 1, 0, 0, 0)) * 1_000_000
MOST_BYTES, MOST_LATENCY_MS, MOST_USER_DIGITS = 2**40 - 1, 2**31 - 1, 20
LONGEST_VALUE, MOST_LEVELS, MOST_DIGITS = 1 << 20, 1000, 1000


@dataclass(frozen=True)
class Event:
    """What silver holds beside the record's place, times in microseconds UTC."""

    raw_json_clean: str
    event_type: str | None = None
    action_type: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    http_method: str | None = None
    endpoint: str | None = None
    status: str | None = None
    event_us: int = 0
    bytes: int | None = None
    latency_ms: int | None = None

    @property
    def is_failed(self) -> bool:
        return self.status == "FAILED"


@dataclass(frozen=True)
class Quarantined:
    """Why a record is not in silver."""

    reason: str


def parse(value: bytes | None, timestamp_ms: int = FIRST_US // 1000, time_zone: str = "UTC") -> Event | Quarantined:
    """One Kafka record."""
    if not FIRST_US <= timestamp_ms * 1000 < END_US:
        return Quarantined("unreadable_kafka_timestamp")
    if value is None:
        return Quarantined("null_value")
    if len(value) > LONGEST_VALUE:
        return Quarantined("too_long")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return Quarantined("not_utf8")
    trimmed = text.strip(SPACE)
    if trimmed.startswith("{") and trimmed.endswith("}"):
        try:
            body = _object(trimmed)
        except (ValueError, RecursionError):
            found = _line(text, time_zone)
            return Quarantined("malformed_json") if found == Quarantined("no_event") else found
        return _json(text, body, time_zone)
    return _line(text, time_zone)


def _line(text: str, time_zone: str) -> Event | Quarantined:
    start, end = _bracket(text)
    if start < 0:
        return Quarantined("no_event")
    fields: dict[str, str] = {"event_type": text[start + 1 : end - 1]}
    tokens = _tokens(text[end:])
    if tokens and tokens[0] == "-":
        tokens = tokens[1:]
    if tokens and _is_action(tokens[0]) and not (tokens[0] in METHODS and len(tokens) > 1 and tokens[1].startswith("/")):
        fields["action_type"] = tokens[0]
        tokens = tokens[1:]
    names = {"user": "user_id", "time": "event_time", "session": "session_id", "bytes": "bytes", "latency_ms": "latency_ms"}
    for number, token in enumerate(tokens):
        name, equals, value = token.partition("=")
        if equals and name in names:
            fields.setdefault(names[name], value)
        elif token.startswith("/"):
            if "endpoint" not in fields:
                fields["endpoint"] = token
                if number and tokens[number - 1] in METHODS:
                    fields["http_method"] = tokens[number - 1]
        elif token in STATUSES:
            fields.setdefault("status", token)
    return _event(text[start:], fields, time_zone)


def _event(clean: str, fields: dict[str, str], time_zone: str) -> Event | Quarantined:
    if "event_type" not in fields:
        return Quarantined("no_event")
    if "event_time" not in fields:
        return Quarantined("no_time")
    moment = _time(fields["event_time"], time_zone)
    if moment is None:
        return Quarantined("unreadable_time")
    if not FIRST_US <= moment < END_US:
        return Quarantined("time_out_of_range")
    user, size, latency = _digits(fields.get("user_id")), _integer(fields.get("bytes")), _integer(fields.get("latency_ms"))
    if len(user or "") > MOST_USER_DIGITS or not 0 <= (size or 0) <= MOST_BYTES or not 0 <= (latency or 0) <= MOST_LATENCY_MS:
        return Quarantined("number_out_of_range")
    session = fields.get("session_id")
    return Event(
        raw_json_clean=clean,
        event_type=fields["event_type"],
        action_type=fields.get("action_type"),
        user_id=user,
        session_id=session if session and session != "-" else user,
        http_method=fields.get("http_method"),
        endpoint=fields.get("endpoint"),
        status=fields.get("status"),
        event_us=moment,
        bytes=size,
        latency_ms=latency,
    )


def _bracket(text: str) -> tuple[int, int]:
    """Where the first `[EVENT_TYPE]` begins and ends; -1 when there is none."""
    start = text.find("[")
    while start >= 0:
        end = start + 1
        while end < len(text) and (text[end] in UPPER or text[end] == "_"):
            end += 1
        if end > start + 1 and end < len(text) and text[end] == "]":
            return start, end + 1
        start = text.find("[", start + 1)
    return -1, -1


def _tokens(text: str) -> list[str]:
    for blank in "\t\r\n":
        text = text.replace(blank, " ")
    return [token for token in text.split(" ") if token]


def _is_action(token: str) -> bool:
    return token[0] in UPPER and all(one in UPPER or one in DIGITS or one == "_" for one in token)


def _digits(text: str | None) -> str | None:
    return text if text and all(one in DIGITS for one in text) else None


def _integer(text: str | None) -> int | None:
    """Digits with or without a minus; one too long for any range is as good as below it."""
    negative = bool(text) and (text or "").startswith("-")
    digits = _digits((text or "")[1:] if negative else text)
    if digits is None:
        return None
    digits = digits.lstrip("0")
    if len(digits) > 30:
        return -1
    return -int(digits or "0") if negative else int(digits or "0")


def _time(text: str, time_zone: str) -> int | None:
    """Microseconds since 1970, or None when it is no readable time."""
    body, zone = text, ""
    if body.endswith("Z"):
        body, zone = body[:-1], "Z"
    else:
        sign = max(body.rfind("+"), body.rfind("-"))
        if sign > 10:
            body, zone = body[:sign], body[sign:]
    if "." in body:
        body, fraction = body.split(".", 1)
        if not 1 <= len(fraction) <= 6 or _digits(fraction) is None or len(body) != 19:
            return None
    else:
        fraction = "0"
    shape = "dddd-dd-ddTdd:dd:dd" if len(body) == 19 else "dddd-dd-ddTdd:dd"
    if len(body) != len(shape) or any(one not in DIGITS if form == "d" else one != form for one, form in zip(body, shape, strict=True)):
        return None
    try:
        local = datetime(int(body[:4]), int(body[5:7]), int(body[8:10]), int(body[11:13]), int(body[14:16]), int(body[17:19] or 0))
    except ValueError:
        return None
    if zone in ("", "Z"):
        offset = 0
        if not zone and time_zone != "UTC":
            shift = local.replace(tzinfo=ZoneInfo(time_zone)).utcoffset()
            offset = 0 if shift is None else int(shift.total_seconds())
    else:
        found = _offset(zone)
        if found is None:
            return None
        offset = found
    seconds = (local - datetime(1970, 1, 1)) // timedelta(seconds=1) - offset
    return seconds * 1_000_000 + int(fraction.ljust(6, "0"))


def _offset(zone: str) -> int | None:
    digits = zone[1:]
    if len(digits) == 5 and digits[2] == ":":
        digits = digits[:2] + digits[3:]
    if len(digits) not in (2, 4) or _digits(digits) is None:
        return None
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    if minutes > 18 * 60 or int(digits[2:] or 0) > 59:
        return None
    return (-1 if zone[0] == "-" else 1) * minutes * 60


class _Integer(str):
    """An integer of JSON, as its digits stand there."""


def _object(text: str) -> dict[str, Any]:
    """One JSON object by RFC 8259, within the contract's limits. Raises ValueError, or RecursionError beyond any limit."""
    if _levels(text) > MOST_LEVELS:
        raise ValueError("levels")
    former = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        body = json.loads(text, parse_int=_of_integer, parse_float=_of_fraction, parse_constant=_refuse, object_pairs_hook=_of_pairs)
    finally:
        sys.setrecursionlimit(former)
    if not isinstance(body, dict) or _half_a_pair(text):
        raise ValueError("no object")
    return body


def _levels(text: str) -> int:
    deepest = level = 0
    in_string = escaped = False
    for one in text:
        if in_string:
            in_string = escaped or one != '"'
            escaped = not escaped and one == "\\"
        elif one == '"':
            in_string = True
        elif one in "{[":
            level += 1
            deepest = max(deepest, level)
        elif one in "}]":
            level -= 1
    return deepest


def _half_a_pair(text: str) -> bool:
    """Whether an escape names half of a surrogate pair without the other half beside it."""
    units: list[tuple[int, int]] = []
    place = text.find("\\")
    while place >= 0:
        if text[place + 1] == "u":
            units.append((place, int(text[place + 2 : place + 6], 16)))
        place = text.find("\\", place + 2)
    number = 0
    while number < len(units):
        at, unit = units[number]
        if 0xD800 <= unit < 0xDC00:
            if number + 1 == len(units) or units[number + 1][0] != at + 6 or not 0xDC00 <= units[number + 1][1] < 0xE000:
                return True
            number += 1
        elif 0xDC00 <= unit < 0xE000:
            return True
        number += 1
    return False


def _of_integer(text: str) -> _Integer:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise ValueError("digits")
    return _Integer("0" if text == "-0" else text)


def _of_fraction(text: str) -> None:
    if sum(one in DIGITS for one in text) > MOST_DIGITS:
        raise ValueError("digits")


def _refuse(text: str) -> None:
    raise ValueError(text)


def _of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs)


def _json(text: str, body: dict[str, Any], time_zone: str) -> Event | Quarantined:
    def fits(name: str, value: str) -> bool:
        if name == "event_type":
            return all(one in UPPER or one == "_" for one in value)
        if name == "action_type":
            return _is_action(value)
        if name == "http_method":
            return value in METHODS
        if name == "status":
            return value in STATUSES
        return name != "endpoint" or value.startswith("/")

    names = ("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "event_time", "bytes", "latency_ms")
    values = {name: body[name] for name in names if isinstance(body.get(name), str)}
    fields = {name: str(value) for name, value in values.items() if value and not any(one in SPACE for one in value) and fits(name, value)}
    return _event(text, fields, time_zone)
