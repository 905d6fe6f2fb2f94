"""The contract's grammar of an event in plain Python, token by token: what the streaming job's parser is compared with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

Parse = Callable[[bytes | None], "dict[str, object] | str"]

METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}
STATUSES = {"API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED"}
FIELDS = ("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "event_time", "bytes", "latency_ms")
_WHITE = " \t\r\n"
_EVENT = re.compile(r"\[([A-Z_]+)\]")
_ACTION = re.compile(r"[A-Z][A-Z0-9_]*")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_END = datetime(2106, 1, 1, tzinfo=timezone.utc)


def reference_parser(time_zone: str) -> Parse:
    """A parser with the zone of the times that name none.

    It takes a record's value and gives the columns of silver that come from it (event_time in microseconds since 1970,
    UTC), or the reason of its quarantine.
    """
    zone = ZoneInfo(time_zone)

    def parse(value: bytes | None) -> dict[str, object] | str:
        if value is None:
            return "null_value"
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return "not_utf8"
        looks_like_json = text.strip(_WHITE)[:1] == "{" and text.strip(_WHITE)[-1:] == "}"
        found = _object(text) if looks_like_json else None
        clean, fields = (text, _of_object(found)) if found is not None else _of_line(text)
        if looks_like_json and found is None and clean is None:
            return "malformed_json"
        if fields["event_type"] is None:
            return "no_event"
        if fields["event_time"] is None:
            return "no_time"
        event_time = _micros(fields["event_time"], zone)
        if event_time is None:
            return "unreadable_time"
        user = _number(fields["user_id"])
        return {
            "raw_json_clean": clean,
            "event_type": fields["event_type"],
            "action_type": fields["action_type"],
            "user_id": None if user is None else fields["user_id"],
            "session_id": fields["session_id"] if fields["session_id"] not in (None, "", "-") else None if user is None else fields["user_id"],
            "http_method": fields["http_method"],
            "endpoint": fields["endpoint"],
            "status": fields["status"],
            "is_failed": fields["status"] == "FAILED",
            "event_time": event_time,
            "bytes": _long(fields["bytes"]),
            "latency_ms": _long(fields["latency_ms"]),
        }

    return parse


def _of_line(text: str) -> tuple[str | None, dict[str, str | None]]:
    fields: dict[str, str | None] = dict.fromkeys(FIELDS)
    event = _EVENT.search(text)
    if event is None:
        return None, fields
    fields["event_type"] = event[1]
    rest = text[event.end() :].lstrip(_WHITE)
    tokens = [token for token in re.split(f"[{_WHITE}]+", rest.removeprefix("-")) if token]
    before = None
    for position, token in enumerate(tokens):
        name, equals, value = token.partition("=")
        names_path_next = token in METHODS and tokens[position + 1 : position + 2] and tokens[position + 1].startswith("/")
        if position == 0 and _ACTION.fullmatch(token) and not names_path_next:
            fields["action_type"] = token
        else:
            field = {"user": "user_id", "time": "event_time", "session": "session_id"}.get(name, name)
            if equals and name in ("user", "time", "session", "bytes", "latency_ms") and fields[field] is None:
                fields[field] = value
            if token.startswith("/") and fields["endpoint"] is None:
                fields["endpoint"] = token
                fields["http_method"] = before if before in METHODS else None
            if token in STATUSES and fields["status"] is None:
                fields["status"] = token
            before = token
    return text[event.start() :].rstrip(_WHITE), fields


def _object(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _of_object(found: dict[str, object]) -> dict[str, str | None]:
    kinds = {"event_type": r"[A-Z_]+", "action_type": _ACTION.pattern, "endpoint": rf"/[^{_WHITE}]*"}
    fields: dict[str, str | None] = {}
    for name in FIELDS:
        value = found.get(name)
        text = value if isinstance(value, str) else None
        allowed = {"http_method": METHODS, "status": STATUSES}.get(name)
        fits = text is not None and (text in allowed if allowed else re.fullmatch(kinds.get(name, rf"[^{_WHITE}]+"), text))
        fields[name] = text if fits else None
    return fields


def _number(text: str | None) -> str | None:
    return text if text is not None and re.fullmatch("[0-9]+", text) else None


def _long(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None or int(number) >= 2**63 else int(number)


def _micros(text: str, zone: ZoneInfo) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, named, sign, hours, minutes = match.groups()
    offset = timezone(timedelta(0))
    try:
        if sign:
            if int(minutes or 0) > 59 or int(hours) * 60 + int(minutes or 0) > 18 * 60:
                return None
            offset = timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes or 0)))
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0")), offset if named else zone)
    except ValueError:
        return None
    moment = moment.astimezone(timezone.utc)
    return (moment - _EPOCH) // timedelta(microseconds=1) if _EPOCH <= moment < _END else None
