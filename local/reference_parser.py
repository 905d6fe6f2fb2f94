"""The contract's grammar of an event in plain Python, token by token: what the streaming job's parser is compared with.

It shares no code with the jobs, recurses nowhere and raises for no value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

Parse = Callable[[bytes | None], "dict[str, object] | str"]
Json = str | int | None
"""A JSON value as far as an event asks: a string, an integer, or None for any other."""

METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"}
STATUSES = {"API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED"}
LONGEST, LEVELS, JSON_DIGITS, USER_DIGITS = 2**20, 1000, 1000, 20
HIGHEST = {"bytes": 2**40 - 1, "latency_ms": 2**31 - 1}
_WHITE = " \t\r\n"
_EVENT = re.compile(r"\[([A-Z_]+)\]")
_ACTION = re.compile(r"[A-Z][A-Z0-9_]*")
_DIGITS = re.compile(r"[0-9]+")
_INTEGER = re.compile(r"(-?)0*([0-9]+)")
_GAP = re.compile(f"[{_WHITE}]+")
_TOKEN = re.compile(f"[^{_WHITE}]+")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?(Z|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_FIRST_US, _END_US = ((datetime(*day) - _EPOCH) // timedelta(microseconds=1) for day in ((1970, 1, 2), (2106, 1, 1)))


def reference_parser(time_zone: str) -> Parse:
    """A parser with the zone of the times that name none.

    It takes a record's value and gives the columns of silver that come from it (event_time in microseconds since 1970,
    UTC), or the reason of its quarantine.
    """
    zone = ZoneInfo(time_zone)

    def parse(value: bytes | None) -> dict[str, object] | str:
        if value is None:
            return "null_value"
        if len(value) > LONGEST:
            return "too_long"
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return "not_utf8"
        inner = text.strip(_WHITE)
        is_braced = inner[:1] == "{" and inner[-1:] == "}"
        found = _object(inner) if is_braced else None
        clean, fields = (text, _of_object(found)) if found is not None else _of_line(text)
        if is_braced and clean is None:
            return "malformed_json"
        if fields["event_type"] is None:
            return "no_event"
        if fields["event_time"] is None:
            return "no_time"
        event_time = _micros(fields["event_time"], zone)
        if event_time is None:
            return "unreadable_time"
        if not _FIRST_US <= event_time < _END_US:
            return "time_out_of_range"
        user = fields["user_id"] if fields["user_id"] and _DIGITS.fullmatch(fields["user_id"]) else None
        numbers = {name: _integer(fields[name]) for name in HIGHEST}
        if len(user or "") > USER_DIGITS or any(number is not None and not 0 <= number <= HIGHEST[name] for name, number in numbers.items()):
            return "number_out_of_range"
        return {
            "raw_json_clean": clean,
            "event_type": fields["event_type"],
            "action_type": fields["action_type"],
            "user_id": user,
            "session_id": fields["session_id"] if fields["session_id"] not in (None, "", "-") else user,
            "http_method": fields["http_method"],
            "endpoint": fields["endpoint"],
            "status": fields["status"],
            "is_failed": fields["status"] == "FAILED",
            "event_time": event_time,
            **numbers,
        }

    return parse


_NO_FIELDS: dict[str, str | None] = dict.fromkeys(("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "event_time", "bytes", "latency_ms"))
_KEYS = {"user": "user_id", "time": "event_time", "session": "session_id", "bytes": "bytes", "latency_ms": "latency_ms"}


def _of_line(text: str) -> tuple[str | None, dict[str, str | None]]:
    fields = _NO_FIELDS.copy()
    event = _EVENT.search(text)
    if event is None:
        return None, fields
    fields["event_type"] = event[1]
    rest = text[event.end() :].lstrip(_WHITE)
    tokens = [token for token in _GAP.split(rest.removeprefix("-")) if token]
    before = None
    for position, token in enumerate(tokens):
        if position == 0 and _ACTION.fullmatch(token) and not (token in METHODS and len(tokens) > 1 and tokens[1][0] == "/"):
            fields["action_type"] = token
            continue
        name, equals, value = token.partition("=")
        field = _KEYS.get(name) if equals else None
        if field is not None and fields[field] is None:
            fields[field] = value
        elif token[0] == "/" and fields["endpoint"] is None:
            fields["endpoint"] = token
            fields["http_method"] = before if before in METHODS else None
        elif token in STATUSES and fields["status"] is None:
            fields["status"] = token
        before = token
    return text[event.start() :].rstrip(_WHITE), fields


def _of_object(found: dict[str, Json]) -> dict[str, str | None]:
    fields = _NO_FIELDS.copy()
    for name in fields:
        value = found.get(name)
        text = value if isinstance(value, str) else None if value is None else str(value)
        if text is not None and _TOKEN.fullmatch(text) and _fits(name, text):
            fields[name] = text
    return fields


def _fits(name: str, text: str) -> bool:
    if name == "event_type":
        return _EVENT.fullmatch(f"[{text}]") is not None
    if name == "action_type":
        return _ACTION.fullmatch(text) is not None
    if name == "endpoint":
        return text[0] == "/"
    return text in METHODS if name == "http_method" else text in STATUSES if name == "status" else True


# ------------------------------------------------------------------------------------------------------ JSON

_LEXEME = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?))
      | (?P<word>true|false|null)
      | (?P<mark>[][{}:,])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class _NoJsonError(Exception):
    """The text is no JSON object as the contract has it."""


def _object(text: str) -> dict[str, Json] | None:
    """The outermost members of the object that the text is; None when it is none."""
    try:
        return _members(_lexemes(text))
    except _NoJsonError:
        return None


def _lexemes(text: str) -> Iterator[tuple[str, Json]]:
    """(kind, value): a mark or `value`, with what the value says; `end` after the last one."""
    position = 0
    while position < len(text):
        match = _LEXEME.match(text, position)
        if match is None:
            raise _NoJsonError
        position = match.end()
        kind = match.lastgroup
        if kind == "mark":
            yield match["mark"], None
        elif kind == "string":
            yield "string", _string(match["string"][1:-1])
        elif kind == "word":
            yield "value", None
        else:
            number = match["number"]
            if len(number) > JSON_DIGITS and sum(character.isdigit() for character in number) > JSON_DIGITS:
                raise _NoJsonError
            yield "value", int(number) if not match["rest"] else None
    yield "end", None


def _string(escaped: str) -> str:
    """What a JSON string without its quotes says."""
    if "\\" not in escaped:
        return escaped
    text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else _ESCAPED.get(escape[2], escape[2]), escaped)
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _NoJsonError from None


def _members(lexemes: Iterator[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    open_marks: list[str] = []
    name: Json = None
    may_close = False  # right after an opening mark
    for kind, value in lexemes:
        if not open_marks:
            if kind != "{":
                raise _NoJsonError
            open_marks, may_close = ["{"], True
            continue
        if not (may_close and kind == ("}" if open_marks[-1] == "{" else "]")):
            if open_marks[-1] == "{":
                if kind != "string" or next(lexemes)[0] != ":":
                    raise _NoJsonError
                if len(open_marks) == 1:
                    name = value
                kind, value = next(lexemes)
            if kind not in ("string", "value", "{", "["):
                raise _NoJsonError
            if len(open_marks) == 1:
                members[str(name)] = value
            if kind in ("{", "["):
                open_marks.append(kind)
                may_close = True
                if len(open_marks) > LEVELS:
                    raise _NoJsonError
                continue
            kind, _ = next(lexemes)
        # After a value: as many ends of objects and arrays as there are, then a comma or the end.
        while kind in ("}", "]"):
            if open_marks.pop() != ("{" if kind == "}" else "["):
                raise _NoJsonError
            kind, _ = next(lexemes)
            if not open_marks:
                if kind != "end":
                    raise _NoJsonError
                return members
        if kind != ",":
            raise _NoJsonError
        may_close = False
    raise _NoJsonError


# --------------------------------------------------------------------------------------- numbers and times


def _integer(text: str | None) -> int | None:
    match = None if text is None else _INTEGER.fullmatch(text)
    if match is None:
        return None
    # A number of more digits than any range has is beyond it, whatever it is.
    return int(match[1] + match[2][:30])


def _days(year: int, month: int, day: int) -> int | None:
    """Days since 1970-01-01 of the proleptic Gregorian calendar, which has a year 0; None when it has no such day."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not 1 <= month <= 12 or not 1 <= day <= lengths[month - 1]:
        return None
    before = year + 399  # years since the year -399, the first of a cycle of 400
    leaps = before // 4 - before // 100 + before // 400
    return before * 365 + leaps + sum(lengths[: month - 1]) + day - 1 - 865_259


def _micros(text: str, zone: ZoneInfo) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, named, sign, hours, minutes = match.groups()
    days = _days(int(year), int(month), int(day))
    clock = int(hour), int(minute), int(second or 0)
    if days is None or clock[0] > 23 or clock[1] > 59 or clock[2] > 59:
        return None
    local = days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    offset = 0
    if sign:
        offset = int(hours) * 60 + int(minutes or 0)
        if int(minutes or 0) > 59 or offset > 18 * 60:
            return None
        offset *= 60 if sign == "+" else -60
    elif not named and 1960 < int(year) < 2110:  # beyond, no offset brings a time into range
        ahead = zone.utcoffset((_EPOCH + timedelta(seconds=local)).replace(tzinfo=zone))
        offset = 0 if ahead is None else int(ahead.total_seconds())
    return (local - offset) * 1_000_000 + int((fraction or "").ljust(6, "0"))
