r"""Kafka records to silver columns: the event grammar of the contract as native Spark expressions, in one pass.

A value is a log line or a JSON object, of at most MAX_VALUE_BYTES. White space is space, tab, carriage return and line
feed; every other character, NUL, a byte order mark and U+2028 among them, is one like any other.

Line: the event begins at the first `[EVENT_TYPE]` (upper case letters and underscores); everything before it is
the logger's prefix and never read. After the bracket may stand one `-`. The first token after that is the action
when it is upper case letters, digits and underscores, a letter first, unless it is an HTTP method directly
followed by a path. Of the remaining tokens, in any order, the first of each kind counts and later ones are
ignored: `user=`, `time=`, `session=`, `bytes=`, `latency_ms=`, the path (begins with `/`), the method (right
before that path) and the status.

JSON: a value that begins with `{`, ends with `}` and is one object by RFC 8259, with at most 1,000 levels, no number of
more than 1,000 digits and no escape of half a surrogate pair. What is in braces and is not, is a line; without an event
it is malformed. Of a repeated name the last value counts. A field is a string that could be a token of a line, or an
integer, which is read as its digits; any other value is as if the field were not there, and so are other fields.

Both: a user is digits, at most MAX_USER_DIGITS; bytes and latency are digits with or without a minus, from 0 to their
maximum; a session is any token but `-`, and falls back to the user; an endpoint begins with `/`; a time is
`YYYY-MM-DDTHH:MM[:SS[.f][zone]]` with one to six digits of fraction and a zone of `Z`, `+HH`, `+HHMM` or `+HH:MM`, at
most 18 hours, from FIRST_TIME until END_OF_TIME. What does not fit is null; a number or a time that fits and is out of
its range, no event type or no time put the record into quarantine.

Every expression takes time in proportion to the value's length: a pattern is anchored, or begins with a character that
what it repeats next cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract import END_OF_TIME, EVENT_FIELDS, FIRST_TIME, MAX_BYTES, MAX_LATENCY_MS, MAX_USER_DIGITS, MAX_VALUE_BYTES

HTTP_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
STATUSES = ("API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED")

# In java.util.regex a class that lists its characters is one table look-up, a range is not, and a greedy repetition of
# it is a loop, a possessive one a call for each character; `\z` because `$` also matches before a last line terminator.
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_SPACE = r"[ \t\r\n]"
_EVENT_TYPE = f"[{_UPPER}_]+"
_ACTION = f"[{_UPPER}][{_UPPER}{_DIGITS}_]*"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
_ZONED = r"(?:Z|[+-]\d\d(?::?\d\d)?)\z"
_INTEGER = rf"-?[{_DIGITS}]+"


def parse(records: DataFrame, time_zone: str) -> DataFrame:
    """Replaces the value of Kafka records by what the contract's silver and quarantine hold.

    In: value BINARY (null allowed); other columns pass through.
    Out, in its place: `text` STRING, the value as text (null when it is null or no valid UTF-8); `value_base64`
    STRING, set only when it is no valid UTF-8; `reason` STRING, why the record is quarantined, null for a silver
    row; raw_json_clean, event_type, action_type, user_id, session_id, http_method, endpoint, status, is_failed,
    event_time (microseconds, UTC), bytes, latency_ms, typed as in the contract.

    `time_zone` is the zone of a time that names none, e.g. 'UTC' or 'Asia/Seoul'. The Spark session's own time
    zone has to be UTC.
    """
    for step in _steps(tuple(name for name in records.columns if name != "value"), time_zone):
        records = records.select(*step)
    return records


# A batch would otherwise spend longer on building these than on planning them: each is some calls into the JVM.
@cache
def _steps(passed: tuple[str, ...], time_zone: str) -> tuple[list[Column], ...]:
    """The columns of one projection after the other.

    Each is a step of its own because the next one names its columns more than once, but for the first: what Spark cannot
    generate code for (`other`) stands between two generated stages, and each such border copies every row. There Spark
    finds for itself what is named more than once.
    """
    keep = [F.col(name) for name in passed]
    passing = [*keep, F.col("text"), F.col("value_base64")]
    is_usual = F.col("is_usual")
    text_and_tail = [*passing, is_usual, F.col("tail"), F.col("other")]
    in_range = (F.col("time") >= F.lit(FIRST_TIME).cast("timestamp")) & (F.col("time") < F.lit(END_OF_TIME).cast("timestamp"))
    typed = {name: F.when(is_usual, usual).otherwise(other) for name, (usual, other) in _either_way(time_zone).items()}
    typed["is_too_long"] = ~is_usual & F.col("other").isNull()
    typed["is_malformed_json"] = F.coalesce(F.col("other.is_malformed_json"), F.lit(False))
    fields = {
        **{name: F.col(name) for name in ("raw_json_clean", "event_type", "action_type", "user_id")},
        "session_id": F.coalesce("session", "user_id"),
        **{name: F.col(name) for name in ("http_method", "endpoint", "status")},
        "is_failed": F.coalesce(F.col("status") == "FAILED", F.lit(False)),
        **{name: F.col(name) for name in ("event_time", "bytes", "latency_ms")},
        "reason": _reason(),
    }
    return (
        [*keep, *_text_and_tail(F.col("value"))],
        *([*text_and_tail, *tokens] for tokens in _usual_tokens()),
        [*passing, *(column.alias(name) for name, column in typed.items())],
        [*passing, *(F.col(name) for name in typed), F.when(in_range, F.col("time")).alias("event_time")],
        [*passing, *(column.alias(name) for name, column in fields.items())],
    )


def _text_and_tail(value: Column) -> tuple[Column, ...]:
    text = valid_text(F.decode(value, "UTF-8"), value)
    parts = F.split(text, r"\[")
    tail = F.element_at(parts, -1)
    is_short = F.octet_length(value) <= MAX_VALUE_BYTES
    is_usual = F.coalesce(is_short & _is_usual_line(parts, tail), F.lit(False))
    return (
        text.alias("text"),
        F.when(text.isNull(), base64_line(value)).alias("value_base64"),
        is_usual.alias("is_usual"),
        tail.alias("tail"),
        F.when(~is_usual & F.coalesce(is_short, F.lit(True)), _any_value(text)).alias("other"),
    )


def _either_way(time_zone: str) -> dict[str, tuple[Column, Column]]:
    """The typed fields: of a usual line, whose pattern has checked them, and of any other value."""
    usual = _usual_line()
    return {
        "raw_json_clean": (usual["raw_json_clean"], F.col("other.raw_json_clean")),
        "event_type": (usual["event_type"], F.col("other.event_type")),
        "action_type": (usual["action_type"], F.col("other.action_type")),
        "user_id": (usual["user_id"], F.when(F.col("other.user_id").rlike(rf"\A[{_DIGITS}]+\z"), F.col("other.user_id"))),
        "session": (usual["session_id"], F.when(~F.col("other.session_id").isin("", "-"), F.col("other.session_id"))),
        "http_method": (usual["http_method"], F.col("other.http_method")),
        "endpoint": (usual["endpoint"], F.col("other.endpoint")),
        "status": (usual["status"], F.col("other.status")),
        "has_time": (F.lit(True), F.col("other.event_time").isNotNull()),
        "time": (_instant(usual["event_time"], time_zone), F.when(F.col("other.event_time").rlike(rf"\A{_TIME}\z"), _instant(F.col("other.event_time"), time_zone))),
        "bytes": (_number(usual["bytes"]), _integer(F.col("other.bytes"))),
        "latency_ms": (_number(usual["latency_ms"]), _integer(F.col("other.latency_ms"))),
    }


def valid_text(decoded: Column, value: Column) -> Column:
    """A value as text, from what decoding it gave; null when it is no valid UTF-8."""
    # Malformed bytes become U+FFFD, so only valid UTF-8 comes back as it was.
    return F.when(decoded.cast("binary") == value, decoded)


def base64_line(value: Column) -> Column:
    """Base64 on one line: Spark breaks it after 76 characters, as MIME does."""
    return F.replace(F.base64(value), F.lit("\r\n"), F.lit(""))


def _reason() -> Column:
    number_out_of_range = ~F.col("bytes").between(0, MAX_BYTES) | ~F.col("latency_ms").between(0, MAX_LATENCY_MS) | (F.octet_length("user_id") > MAX_USER_DIGITS)
    return (
        F.when(F.col("text").isNull() & F.col("value_base64").isNull(), "null_value")
        .when(F.col("is_too_long"), "too_long")
        .when(F.col("text").isNull(), "not_utf8")
        .when(F.col("is_malformed_json"), "malformed_json")
        .when(F.col("event_type").isNull(), "no_event")
        .when(~F.col("has_time"), "no_time")
        .when(F.col("time").isNull(), "unreadable_time")
        .when(F.col("event_time").isNull(), "time_out_of_range")
        .when(number_out_of_range, "number_out_of_range")
    )


def _number(digits: Column) -> Column:
    """The number that digits are, -1 when it fits no BIGINT."""
    return F.coalesce(digits.cast("bigint"), F.when(digits.isNotNull(), F.lit(-1)))


def _integer(text: Column) -> Column:
    """The integer that a text is, as _number has it; null when it is none."""
    return F.when(text.rlike(rf"\A{_INTEGER}\z"), _number(text))


def _instant(text: Column, time_zone: str) -> Column:
    """The instant of a time that has the form of one; null when there is no such time."""
    instant = text.cast("timestamp")
    if time_zone == "UTC":
        return instant
    return F.when(text.rlike(_ZONED), instant).otherwise(F.to_utc_timestamp(instant, time_zone))


def _after(prefix: str, token: Column) -> Column:
    # By bytes: a string is cut at characters, which have to be counted first.
    return F.substring(token.cast("binary"), len(prefix) + 1, 2**31 - 1).cast("string")


def _raw(fields: dict[str, Column]) -> Column:
    """What a value says, as text: a struct of raw_json_clean, the event's fields and is_malformed_json."""
    names = ("raw_json_clean", *EVENT_FIELDS)
    malformed = fields.get("is_malformed_json", F.lit(False))
    return F.struct(*(fields[name].alias(name) for name in names), malformed.alias("is_malformed_json"))


# ------------------------------------------------------------------------------------------- the usual line
# `parts` is the value split at '['; `tail`, its last part; `tokens`, that split at ' '. When the tail stands as
# the web servers write it, one pattern checks it and each field is found by its position. That costs a quarter of the
# general way below and gives the same: the tests hold the two together.

_PRINTABLE = "".join(rf"\x{code:02x}" for code in range(0x21, 0x7F))
_USUAL_TAIL = (
    rf"\A{_EVENT_TYPE}\] - {_ACTION} user=(?:-|[{_DIGITS}]+) (?:{'|'.join(HTTP_METHODS)}) /[{_PRINTABLE}]* (?:{'|'.join(STATUSES)}) time={_TIME}"
    rf"(?: session=[{_PRINTABLE.replace(rf'{chr(92)}x2d', '')}][{_PRINTABLE}]*)?(?: bytes=[{_DIGITS}]+)?(?: latency_ms=[{_DIGITS}]+)?\z"
)


def _is_usual_line(parts: Column, tail: Column) -> Column:
    before = F.get(parts, F.lit(1))
    no_earlier_event = (F.size(parts) == 2) | ((F.size(parts) == 3) & ((before < "A") | (before >= "a")))
    return no_earlier_event & tail.rlike(_USUAL_TAIL)


def _token(index: int | str) -> Column:
    return F.get("tokens", F.lit(index) if isinstance(index, int) else F.col(index))


def _usual_tokens() -> Iterator[list[Column]]:
    """`tokens` and which of the optional ones there are, each found once for all that stands after it, step by step."""
    tokens = F.when(F.col("is_usual"), F.split("tail", " "))
    known = [F.col("tokens")]
    yield [tokens.alias("tokens")]
    for name, index, prefix, next_index in (("has_session", 8, "session=", "bytes_index"), ("has_bytes", "bytes_index", "bytes=", "latency_index")):
        found = F.coalesce(_token(index).startswith(prefix), F.lit(False))
        yield [*known, found.alias(name)]
        known.append(F.col(name))
        yield [*known, ((F.lit(index) if isinstance(index, int) else F.col(index)) + F.col(name).cast("int")).alias(next_index)]
        known.append(F.col(next_index))


def _usual_line() -> dict[str, Column]:
    return {
        "raw_json_clean": F.concat(F.lit("["), F.col("tail")),
        "event_type": F.substring_index(_token(0), "]", 1),
        "action_type": _token(2),
        "user_id": F.when(_token(3) != "user=-", _after("user=", _token(3))),
        "http_method": _token(4),
        "endpoint": _token(5),
        "status": _token(6),
        "event_time": _after("time=", _token(7)),
        "session_id": F.when(F.col("has_session"), _after("session=", _token(8))),
        "bytes": F.when(F.col("has_bytes"), _after("bytes=", _token("bytes_index"))),
        "latency_ms": _after("latency_ms=", _token("latency_index")),
    }


# ------------------------------------------------------------------------------------------------ any value


def _let(value: Column, result: Callable[[Column], Column]) -> Column:
    """`result` of a value that is computed once, however often `result` names it."""
    return F.get(F.transform(F.array(value), result), F.lit(0))


def _without_space_at_end(text: Column) -> Column:
    return text.substr(F.lit(1), F.length(F.rtrim(F.translate(text, "\t\r\n", "   "))))


# Spark's reader gives every JSON value as text and stops where the object ends. So each string is marked, and a member
# that only the end of the value can be stands last.
_MARK, _END, _MALFORMED = "~", "end", "malformed"
_JSON_SCHEMA = ", ".join(f"`{name}` STRING" for name in (*(_MARK + field for field in EVENT_FIELDS), _END, _MALFORMED))
_JSON_OPTIONS = {"columnNameOfCorruptRecord": _MALFORMED, "allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F]"
# Half a surrogate pair; and no hexadecimal digits, for Jackson takes the lowest eight bits of any character for one.
_NO_CHARACTER = rf"{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}|\\u(?![0-9a-fA-F]{{4}})"


def _any_value(text: Column) -> Column:
    is_braced = text.rlike(rf"\A{_SPACE}*+\{{") & _without_space_at_end(text).endswith("}")
    return _let(
        F.when(is_braced, F.from_json(_marked(text), _JSON_SCHEMA, _JSON_OPTIONS)),
        lambda found: (
            F.when(found.isNull(), _line(text, F.lit(False))).when(found[_MALFORMED].isNotNull() | found[_END].isNull(), _line(text, F.lit(True))).otherwise(_json(text, found))
        ),
    )


def _marked(text: Column) -> Column:
    """A value in braces with _MARK before what each string holds, and the member _END behind its last one."""
    # Without these two escapes, a quotation mark is where a string begins or ends.
    escaped = F.replace(F.replace(text, F.lit("\\\\"), F.lit("\\u005c")), F.lit('\\"'), F.lit("\\u0022"))
    marked = _without_space_at_end(F.regexp_replace(escaped, '"([^"]*)"', f'"{_MARK}$1"'))
    members = _without_space_at_end(marked.substr(F.lit(1), F.length(marked) - 1))
    ended = F.concat(members, F.when(members.endswith("{"), "").otherwise(","), F.lit(f'"{_END}":""}}'))
    return F.when(escaped.rlike(_NO_CHARACTER), F.lit("{")).otherwise(ended)


def _line(text: Column, is_malformed_json: Column) -> Column:
    event = _let(F.regexp_extract(text, rf"(?s)\[{_EVENT_TYPE}\].*", 0), _without_space_at_end)

    def fields(event: Column, tokens: Column) -> Column:
        first, second = F.get(tokens, F.lit(0)), F.get(tokens, F.lit(1))
        is_method = first.isin(*HTTP_METHODS) & F.coalesce(second.startswith("/"), F.lit(False))
        action = F.when(first.rlike(rf"\A{_ACTION}\z") & ~is_method, first)
        rest = F.when(action.isNull(), tokens).otherwise(F.slice(tokens, F.lit(2), F.size(tokens)))
        return _let(rest, lambda rest: _fields_of_tokens(event, action, rest, is_malformed_json))

    def tokens(event: Column) -> Column:
        body = F.regexp_replace(event, rf"\A\[{_EVENT_TYPE}\]{_SPACE}*+-?+", "")
        return F.array_remove(F.split(body, f"{_SPACE}++"), "")

    return _let(event, lambda event: _let(tokens(event), lambda tokens: fields(event, tokens)))


def _fields_of_tokens(event: Column, action: Column, tokens: Column, is_malformed_json: Column) -> Column:
    def first(prefix: str) -> Column:
        return F.get(F.filter(tokens, lambda token: token.startswith(prefix)), F.lit(0))

    def value(prefix: str) -> Column:
        return _after(prefix, first(prefix))

    is_event = event != ""
    endpoint = first("/")
    before = F.get(tokens, F.call_function("array_position", tokens, endpoint).cast("int") - 2)
    return _raw(
        {
            "raw_json_clean": F.when(is_event, event),
            "event_type": F.when(is_event, F.substring(F.substring_index(event, "]", 1), 2, 2**31 - 1)),
            "action_type": action,
            "user_id": value("user="),
            "session_id": value("session="),
            "http_method": F.when(before.isin(*HTTP_METHODS), before),
            "endpoint": endpoint,
            "status": F.get(F.filter(tokens, lambda token: token.isin(*STATUSES)), F.lit(0)),
            "event_time": value("time="),
            "bytes": value("bytes="),
            "latency_ms": value("latency_ms="),
            "is_malformed_json": ~is_event & is_malformed_json,
        }
    )


def _json(text: Column, found: Column) -> Column:
    """The fields of the object, those null that would not be one token of their kind on a line."""

    def field(name: str) -> Column:
        value = found[_MARK + name]
        return F.when(value.startswith(_MARK), _after(_MARK, value)).when(value.rlike(rf"\A{_INTEGER}\z"), value)

    def when(name: str, pattern: str) -> Column:
        return _let(field(name), lambda text: F.when(text.rlike(pattern), text))

    def one_of(name: str, names: tuple[str, ...]) -> Column:
        return _let(field(name), lambda text: F.when(text.isin(*names), text))

    no_space = r"\A[^ \t\r\n]++\z"
    return _raw(
        {
            **{name: when(name, no_space) for name in ("user_id", "session_id", "event_time", "bytes", "latency_ms")},
            "raw_json_clean": text,
            "event_type": when("event_type", rf"\A{_EVENT_TYPE}\z"),
            "action_type": when("action_type", rf"\A{_ACTION}\z"),
            "http_method": one_of("http_method", HTTP_METHODS),
            "endpoint": when("endpoint", r"\A/[^ \t\r\n]*+\z"),
            "status": one_of("status", STATUSES),
        }
    )
