"""The event grammar of the contract, read once more: what silver has to hold for a value, or why it is quarantined.

Written from the contract's words and by hand, character by character, so that it shares neither code nor a regular expression
with the jobs.
"""

from __future__ import annotations

import calendar
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SPACE = " \t\r\n"
UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")
METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"))
STATUSES = frozenset(("API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED"))
FIRST_US = 0  # 1970-01-01
END_US = calendar.timegm((2106, 1, 1, 0, 0, 0)) * 1_000_000
GREATEST_NUMBER = 2**63 - 1
FIRST_TIMESTAMP_MS = 86_400_000  # 1970-01-02


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


def parse(value: bytes | None, timestamp_ms: int = FIRST_TIMESTAMP_MS, time_zone: str = "UTC") -> Event | Quarantined:
    """One Kafka record."""
    if not FIRST_TIMESTAMP_MS <= timestamp_ms < END_US // 1000:
        return Quarantined("unreadable_kafka_timestamp")
    if value is None:
        return Quarantined("null_value")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return Quarantined("not_utf8")
    trimmed = text.strip(SPACE)
    if trimmed.startswith("{"):
        return _json(text, trimmed, time_zone)
    return _line(text, time_zone)


def _line(text: str, time_zone: str) -> Event | Quarantined:
    start, end = _bracket(text)
    if start < 0:
        return Quarantined("no_event")
    fields: dict[str, str] = {}
    tokens = _tokens(text[end:])
    first_is_dash = bool(tokens) and tokens[0] == "-"
    if first_is_dash:
        tokens = tokens[1:]
    if tokens and _is_action(tokens[0]) and not (tokens[0] in METHODS and len(tokens) > 1 and tokens[1].startswith("/")):
        fields["action"] = tokens[0]
        tokens = tokens[1:]
    for number, token in enumerate(tokens):
        name, equals, value = token.partition("=")
        if equals and name in ("user", "time", "session", "bytes", "latency_ms"):
            fields.setdefault(name, value)
        elif token.startswith("/"):
            if "path" not in fields:
                fields["path"] = token
                if number and tokens[number - 1] in METHODS:
                    fields["method"] = tokens[number - 1]
        elif token in STATUSES:
            fields.setdefault("status", token)
    if "time" not in fields:
        return Quarantined("no_time")
    moment = _time(fields["time"], time_zone)
    if moment is None:
        return Quarantined("unreadable_time")
    return _event(text[start:], text[start + 1 : end - 1], fields, moment)


def _event(clean: str, event_type: str | None, fields: dict[str, str], moment: int) -> Event:
    user = _digits(fields.get("user"))
    session = fields.get("session")
    return Event(
        raw_json_clean=clean,
        event_type=event_type,
        action_type=fields.get("action"),
        user_id=user,
        session_id=session if session and session != "-" else user,
        http_method=fields.get("method"),
        endpoint=fields.get("path"),
        status=fields.get("status"),
        event_us=moment,
        bytes=_number(fields.get("bytes")),
        latency_ms=_number(fields.get("latency_ms")),
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


def _number(text: str | None) -> int | None:
    if not text or _digits(text) is None:
        return None
    stripped = text.lstrip("0")
    if len(stripped) > 19:
        return None
    number = int(stripped or "0")
    return number if number <= GREATEST_NUMBER else None


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
    moment = seconds * 1_000_000 + int(fraction.ljust(6, "0"))
    return moment if FIRST_US <= moment < END_US else None


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


def _json(text: str, trimmed: str, time_zone: str) -> Event | Quarantined:
    try:
        body = json.loads(trimmed)
    except (ValueError, RecursionError):
        return Quarantined("malformed_json")

    def of(name: str) -> str | None:
        value = body.get(name)
        return value if isinstance(value, str) else str(value) if isinstance(value, int) and not isinstance(value, bool) else None

    if of("event_time") is None:
        return Quarantined("no_time")
    moment = _time(of("event_time") or "", time_zone)
    if moment is None:
        return Quarantined("unreadable_time")
    event_type = of("event_type")
    if not event_type or not all(one in UPPER or one == "_" for one in event_type):
        return Quarantined("no_event")
    names = {"action": "action_type", "user": "user_id", "session": "session_id", "method": "http_method", "path": "endpoint"}
    names.update({name: name for name in ("status", "bytes", "latency_ms")})
    fields = {short: value for short, name in names.items() if (value := of(name)) is not None}
    return _event(text, event_type, fields, moment)
