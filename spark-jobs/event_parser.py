r"""Kafka records to silver columns: the event grammar of the contract as native Spark expressions, in one pass.

A value is a log line or a JSON object. White space is space, tab, carriage return and line feed.

Line: the event begins at the first `[EVENT_TYPE]` (upper case letters and underscores); everything before it is
the logger's prefix and never read. After the bracket may stand one `-`. The first token after that is the action
when it is upper case letters, digits and underscores, a letter first, unless it is an HTTP method directly
followed by a path. Of the remaining tokens, in any order, the first of each kind counts and later ones are
ignored: `user=`, `time=`, `session=`, `bytes=`, `latency_ms=`, the path (begins with `/`), the method (right
before that path) and the status.

JSON: a value that begins with `{`, ends with `}` and parses as an object with the contract's event fields.
Other fields are ignored; of a repeated field the last counts.

Both: a user is digits; a number is digits that fit a BIGINT; a session is any token but `-`, and falls back to
the user; an endpoint begins with `/`; a time is `YYYY-MM-DDTHH:MM[:SS[.f]]` with one to six digits of fraction
and an optional zone (`Z`, `+HH`, `+HHMM`, `+HH:MM`, at most 18 hours), from 1970 to 2105. What does not fit is null; without an
event type or a time the record is quarantined.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

HTTP_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
STATUSES = ("API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED")

# A class that lists its characters is one table look-up in java.util.regex, a range is not; `\z` because `$` also
# matches before a last line terminator.
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_SPACE = r"[ \t\r\n]"
_EVENT_TYPE = f"[{_UPPER}_]++"
_ACTION = f"[{_UPPER}][{_UPPER}{_DIGITS}_]*+"
_TIME = r"\A\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?\z"
_ZONED = r"(?:Z|[+-]\d\d(?::?\d\d)?)\z"
_FIRST_TIME, _END_OF_TIME = "1970-01-01 00:00:00", "2106-01-01 00:00:00"

_FIELDS = ("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "event_time", "bytes", "latency_ms")
_MALFORMED = "malformed"


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
    passed = [name for name in records.columns if name != "value"]
    decoded = records.withColumn("decoded", F.decode("value", "UTF-8"))
    # Malformed bytes become U+FFFD, so only valid UTF-8 comes back as it was.
    is_text = F.col("decoded").cast("binary") == F.col("value")
    split = (
        decoded.select(*passed, "value", F.when(is_text, F.col("decoded")).alias("text"))
        .withColumn("parts", F.split("text", r"\["))
        .withColumn("tail", F.element_at("parts", -1))
        .withColumn("tokens", F.split("tail", " "))
    )
    usual = split.select(
        *passed,
        "text",
        F.when(F.col("text").isNull(), base64_line(F.col("value"))).alias("value_base64"),
        F.when(_is_usual_line(), _usual_line()).alias("usual"),
    )
    raw = usual.select(*passed, "text", "value_base64", F.coalesce("usual", _any_value()).alias("raw"))
    typed = raw.select(
        *passed,
        "text",
        "value_base64",
        "raw.raw_json_clean",
        "raw.event_type",
        "raw.action_type",
        F.when(_is_number("raw.user_id"), F.col("raw.user_id")).alias("user_id"),
        F.when(~F.col("raw.session_id").isin("", "-"), F.col("raw.session_id")).alias("session"),
        "raw.http_method",
        "raw.endpoint",
        "raw.status",
        F.col("raw.event_time").isNotNull().alias("has_time"),
        _timestamp(F.col("raw.event_time"), time_zone).alias("time"),
        F.when(_is_number("raw.bytes"), F.col("raw.bytes").cast("bigint")).alias("bytes"),
        F.when(_is_number("raw.latency_ms"), F.col("raw.latency_ms").cast("bigint")).alias("latency_ms"),
        "raw.is_malformed_json",
    )
    readable = (F.col("time") >= F.lit(_FIRST_TIME).cast("timestamp")) & (F.col("time") < F.lit(_END_OF_TIME).cast("timestamp"))
    ranged = typed.withColumn("event_time", F.when(readable, F.col("time")))
    return ranged.select(
        *passed,
        "text",
        "value_base64",
        "raw_json_clean",
        "event_type",
        "action_type",
        "user_id",
        F.coalesce("session", "user_id").alias("session_id"),
        "http_method",
        "endpoint",
        "status",
        F.coalesce(F.col("status") == "FAILED", F.lit(False)).alias("is_failed"),
        "event_time",
        "bytes",
        "latency_ms",
        _reason().alias("reason"),
    )


def base64_line(value: Column) -> Column:
    """Base64 on one line: Spark breaks it after 76 characters, as MIME does."""
    return F.replace(F.base64(value), F.lit("\r\n"), F.lit(""))


def _reason() -> Column:
    return (
        F.when(F.col("text").isNull() & F.col("value_base64").isNull(), "null_value")
        .when(F.col("text").isNull(), "not_utf8")
        .when(F.col("is_malformed_json"), "malformed_json")
        .when(F.col("event_type").isNull(), "no_event")
        .when(~F.col("has_time"), "no_time")
        .when(F.col("event_time").isNull(), "unreadable_time")
    )


def _is_number(column: str) -> Column:
    return F.col(column).rlike(rf"\A[{_DIGITS}]++\z")


def _timestamp(text: Column, time_zone: str) -> Column:
    """The instant of a time as text; null when it is no such time."""
    instant = text.cast("timestamp")
    if time_zone != "UTC":
        instant = F.when(text.rlike(_ZONED), instant).otherwise(F.to_utc_timestamp(instant, time_zone))
    return F.when(text.rlike(_TIME), instant)


def _after(prefix: str, token: Column) -> Column:
    return F.substring(token, len(prefix) + 1, 2**31 - 1)


def _raw(fields: dict[str, Column]) -> Column:
    """What a value says, as text: a struct of raw_json_clean, the event's fields and is_malformed_json."""
    names = ("raw_json_clean", *_FIELDS)
    malformed = fields.get("is_malformed_json", F.lit(False))
    return F.struct(*(fields[name].alias(name) for name in names), malformed.alias("is_malformed_json"))


# ------------------------------------------------------------------------------------------- the usual line
# Columns: `parts`, the value split at '['; `tail`, its last part; `tokens`, that split at ' '. When the tokens stand
# as the web servers write them each is found by its position. That costs a quarter of the general way below and
# gives the same: the tests hold the two together.


def _token(index: int | Column) -> Column:
    return F.get("tokens", index if isinstance(index, Column) else F.lit(index))


def _begins(index: int | Column, prefix: str) -> Column:
    """Whether there is such a token and it begins so."""
    return F.coalesce(_token(index).startswith(prefix), F.lit(False))


def _optional_tokens() -> tuple[dict[str, Column], Column]:
    """session=, bytes= and latency_ms= from the ninth token on, each one optional, and the index after them."""
    fields: dict[str, Column] = {}
    index = F.lit(8)
    for name, prefix in (("session_id", "session="), ("bytes", "bytes="), ("latency_ms", "latency_ms=")):
        found = _begins(index, prefix)
        fields[name] = F.when(found, _after(prefix, _token(index)))
        index = index + found.cast("int")
    return fields, index


def _is_usual_line() -> Column:
    before = F.get("parts", F.lit(1))
    no_earlier_event = (F.size("parts") == 2) | ((F.size("parts") == 3) & ((before < "A") | (before >= "a")))
    tail = F.col("tail")
    only_spaces = ~tail.contains("\t") & ~tail.contains("\r") & ~tail.contains("\n")
    _, end = _optional_tokens()
    return (
        no_earlier_event
        & only_spaces
        & (_token(1) == "-")
        & _begins(3, "user=")
        & _token(4).isin(*HTTP_METHODS)
        & _begins(5, "/")
        & _token(6).isin(*STATUSES)
        & _begins(7, "time=")
        & (F.size("tokens") == end)
        & F.substring_index("tail", " user=", 1).rlike(rf"\A{_EVENT_TYPE}\] - {_ACTION}\z")
    )


def _usual_line() -> Column:
    optional, _ = _optional_tokens()
    return _raw(
        {
            "raw_json_clean": F.concat(F.lit("["), F.col("tail")),
            "event_type": F.substring_index("tail", "]", 1),
            "action_type": _token(2),
            "user_id": _after("user=", _token(3)),
            "http_method": _token(4),
            "endpoint": _token(5),
            "status": _token(6),
            "event_time": _after("time=", _token(7)),
            **optional,
        }
    )


# ------------------------------------------------------------------------------------------------ any value


def _let(value: Column, result: Callable[[Column], Column]) -> Column:
    """`result` of a value that is computed once, however often `result` names it."""
    return F.get(F.transform(F.array(value), result), F.lit(0))


def _any_value() -> Column:
    text = F.col("text")
    schema = ", ".join(f"{name} STRING" for name in (*_FIELDS, _MALFORMED))
    options = {"columnNameOfCorruptRecord": _MALFORMED, "allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
    is_braced = text.rlike(rf"\A{_SPACE}*+\{{") & F.rtrim(F.translate(text, "\t\r\n", "   ")).endswith("}")
    return _let(
        F.when(is_braced, F.from_json(text, schema, options)),
        lambda fields: F.when(fields.isNull(), _line(F.lit(False))).when(fields[_MALFORMED].isNotNull(), _line(F.lit(True))).otherwise(_json(text, fields)),
    )


def _line(is_malformed_json: Column) -> Column:
    # In SQL, whose TRIM alone takes the characters to trim; a backslash is doubled there.
    pattern = rf"(?s)\[{_EVENT_TYPE}\].*".replace("\\", r"\\")
    event = F.expr(rf"TRIM(TRAILING ' \t\r\n' FROM regexp_extract(text, '{pattern}', 0))")

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


def _json(text: Column, fields: Column) -> Column:
    """The fields of the object, those null that would not be one token of their kind on a line."""

    def when(name: str, pattern: str) -> Column:
        return F.when(fields[name].rlike(pattern), fields[name])

    no_space = r"\A[^ \t\r\n]++\z"
    return _raw(
        {
            **{name: when(name, no_space) for name in ("user_id", "session_id", "event_time", "bytes", "latency_ms")},
            "raw_json_clean": text,
            "event_type": when("event_type", rf"\A{_EVENT_TYPE}\z"),
            "action_type": when("action_type", rf"\A{_ACTION}\z"),
            "http_method": F.when(fields["http_method"].isin(*HTTP_METHODS), fields["http_method"]),
            "endpoint": when("endpoint", r"\A/[^ \t\r\n]*+\z"),
            "status": F.when(fields["status"].isin(*STATUSES), fields["status"]),
        }
    )
