"""Values that mean something to a parser, and near misses of them: the same for the same seed and batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Value = bytes | None
One = TypeVar("One")

LONGEST = 2**20
_HUGE = (4_000, 60_000, 300_000)

_CHARACTERS = (
    *(" ", " ", "\t", "\r", "\n", "\x0b", "\x0c", "\x00", "\x01", "\x1c", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\u3000", "\ufeff", "\u200b"),
    *("[", "]", "{", "}", '"', "'", "\\", "/", "=", ":", ",", "-", "+", ".", "~", "?", "&", "_", "`", "$", "%", "#", ";", "|"),
    *("a", "A", "z", "Z", "0", "9", "1", "e", "E", "é", "ß", "İ", "ı", "K", "한", "😀", "\U0010ffff", "\ufffd", "\u0660", "１", "user=", "time=", "null", "\\u", "\\ud800"),
)
_NUMBERS = (
    *(
        "0",
        "1",
        "7",
        "42",
        "5120",
        "14185",
        "007",
        "00",
        "-0",
        "-1",
        "-42",
        "+1",
        "1.0",
        "1.10",
        "-1.5",
        "1e5",
        "1E5",
        "1e-5",
        "1E+05",
        "0e0",
        "-0.0",
        "1.",
        ".5",
        "1e",
        "0x1F",
        "1_000",
    ),
    *("2147483647", "2147483648", "1099511627775", "1099511627776", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775808", "18446744073709551616", "99999999999999999999", "100000000000000000000", "000000000000000000001", "0000000000000000000001"),
    *("1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "nan", "１２", "\u0661", "1 2", "--1", "1-", "-", ""),
)
_LONG_NUMBERS = tuple(
    sign + number
    for sign in ("", "-")
    for length in (999, 1000, 1001, 1500)
    for number in ("9" * length, "0" * length, "1." + "5" * (length - 1), "1e" + "0" * (length - 1), "0" * length + "7")
)
_TYPES = ("A", "USER_ACTIVITY", "SYSTEM", "_", "A_B", "a", "A1", "", "A B", "Ä", "INFO", "A\u2028")
_ACTIONS = ("MAIN", "SEARCH", "CATEGORY", "ITEM", "CART_ADD", "ORDER", "V2", "X", "GET", "FAILED", "search", "_X", "1X", "-", "", "X\u2028", "X-Y", "É")
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "get", "TRACE", "GET\x00", "")
_STATUSES = ("API_CALL", "API_FINISH", "DATA_LOOKUP", "FAILED", "API_RETRY", "failed", "FAILED,", "")
_USERS = ("-", "14185", "7", "x", "1a", "", "-1", "0" * 20, "1" * 20, "1" * 21, "１２", "7\x00", "99999999999999999999", "\x0b7")
_SESSIONS = ("a91f", "s", "-", "--", "", "ß", "true", "12", "{", "[1]", "~", "~a", "s\u2028", "\x00", "\ufeff", "null", '"q"', "a=b", "1e5", "x" * 300)
_UUID = "550e8400-e29b-41d4-a716-446655440000"
_SEGMENTS = (
    *(
        "",
        "",
        "store",
        "A",
        "search",
        "17",
        "0",
        "00",
        "123abc",
        "1a",
        "१७",
        "17\u2028",
        "17\x85",
        "\u2028",
        "\x85",
        "\x0b",
        "a-b",
        "a.b",
        "_",
        "Ä",
        "é",
        "한국",
        "😀",
        ":id",
        "%2F",
        "17 ".strip(),
    ),
    *(
        _UUID,
        _UUID.upper(),
        _UUID[:-1],
        _UUID + "0",
        _UUID.replace("-", ""),
        "17?x=1",
        "?",
        "?q=1/2/",
        "a?b?c/",
        "#x",
        "x" * 200,
        "9" * 200,
        "-",
        "17-",
        "-17",
        "=",
        "[A]",
        "{",
        "}",
        '"',
        "\\",
        "ABCdef",
        "\x00",
        "K",
    ),
)
_PREFIXES = (
    *(
        "",
        "",
        "2026-01-15 00:00:00.007 INFO  [http-nio-8080-exec-1] c.e.was.ActivityLogger : ",
        "2026-01-15 INFO : ",
        "[main] ",
        "[x1] ",
        "[] ",
        "[[",
        "[INFO] ",
        "\ufeff",
        " ",
        "\x00",
    ),
    *("user=1 time=2020-01-01T00:00:00 ", "{", '"', "\\", "\u2028", "[A [", "[é] ", "[A]", "[A_] - X time=2026-01-15T00:00:00 ", "\r\n"),
)
_GAPS = (" ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", "  ", "\t", "\r\n", "\n", "", " - ", "\u2028", "\x85", "\xa0", "\x0b", "\x00")
_ZONES = ("", "", "", "Z", "+00:00", "+09:00", "-0930", "+09", "+18:00", "+18:01", "-18:00", "-19", "+09:60", "z", "+9", "UTC", " Z", "+0900Z", "-00:00")
_YEARS = (2026, 2026, 2026, 2024, 2025, 1970, 1971, 1999, 2000, 2037, 2038, 2100, 2105, 2106, 1969, 1900, 1, 0, 9999)
_WORDS = (*_METHODS, *_STATUSES, *_ACTIONS, *_CHARACTERS)
_FIELDS = ("event_type", "action_type", "user_id", "session_id", "http_method", "endpoint", "status", "event_time", "bytes", "latency_ms")
_LITERALS = (
    "true",
    "false",
    "null",
    "{}",
    "[]",
    '{"a":1}',
    "[1]",
    '["a"]',
    '"~"',
    '{"event_type":"B"}',
    "{",
    "[",
    "]",
    "tru",
    "nul",
    "'a'",
    "undefined",
    "\x00",
    "",
    "//",
    "/*a*/1",
)
_ESCAPES = (
    *("\\n", "\\t", "\\r", "\\b", "\\f", "\\/", "\\\\", '\\"', "\\u0041", "\\u0000", "\\u2028", "\\ud83d\\ude00", "\\uD83D\\uDE00", "\\ud800", "\\udc00", "\\ude00\\ud83d"),
    *("\\ud83d\\ud83d\\ude00", "\\\\ud800", "\\x", "\\u12", "\\u12g4", "\\U0041", "\\'", "\\", "\\\\\\", '\\\\"', "\\uFEFF", "\\u005c", "\\u0022"),
)
_SPACES = ("", "", "", "", " ", "\n", "\t", "\r\n", "  ", "\x0b", "\xa0", "\ufeff", "\u2028", "\x00")
_TAILS = ("", "", "", "", "", " ", "\r\n", "}", "{}", " x}", ' {"a":1}', "]", ",", "\x00", "\ufeff", '"}', "//}", ',"end":""}', "\u2028", "\x85", " \t\r\n")


class Values:
    """Makes the values of one batch."""

    def __init__(self, seed: int, batch: int) -> None:
        self._chance = random.Random(f"{seed}/{batch}").random

    def take(self, count: int) -> list[Value]:
        """That many values: mostly new ones, then such as are made of those before."""
        makers: tuple[Callable[[], Value], ...] = (*(self._line,) * 5, *(self._usual,) * 3, *(self._object,) * 6)
        values: list[Value] = []
        for number in range(count):
            if number == 0:
                values.append(self._of_length(self._pick((LONGEST, LONGEST + 1))))
            elif number > 50 and self._one_in(2):
                values.append(self._mutant(values))
            elif self._one_in(300):
                values.append(self._rare())
            else:
                values.append(self._pick(makers)())
        return values

    def kafka_micros(self, count: int) -> list[int]:
        """Kafka timestamps, in whole milliseconds, over all the time that an event can be of."""
        return [(86_400_000 + int(self._chance() * 4_291_660_800_000) if self._one_in(2) else 1_768_435_200_000 + int(self._chance() * 10**8)) * 1000 for _ in range(count)]

    def _pick(self, choices: Sequence[One]) -> One:
        return choices[int(self._chance() * len(choices))]

    def _one_in(self, number: int) -> bool:
        return self._chance() * number < 1

    def _number(self) -> str:
        if not self._one_in(3):
            return str(int(self._chance() ** 8 * 2**41))
        return self._pick(_LONG_NUMBERS) if self._one_in(60) else self._pick(_NUMBERS)

    def _time(self) -> str:
        chance = self._chance
        if not self._one_in(4):
            return f"2026-{1 + int(chance() * 12):02d}-{1 + int(chance() * 28):02d}T{int(chance() * 24):02d}:{int(chance() * 60):02d}:{int(chance() * 60):02d}.{int(chance() * 10**6):06d}"
        day = f"{self._pick(_YEARS):04d}-{int(chance() * 13.1):02d}-{int(chance() * 32.2):02d}"
        clock = f"{int(chance() * 24.3):02d}:{int(chance() * 60.5):02d}"
        seconds = self._pick(("", ":00", ":59", ":60", f":{int(chance() * 60):02d}", ":00.", ":00.5", ":59.999999", ":00.1234567", ":0"))
        return f"{day}{self._pick('TTTTTTTTTT t')}{clock}{seconds}{self._pick(_ZONES)}"

    def _path(self) -> str:
        return "/" + "/".join([self._pick(_SEGMENTS) for _ in range(int(self._chance() * 5))]) + ("/" * int(self._chance() * 4) if self._one_in(3) else "")

    def _usual(self) -> bytes:
        """As the web servers write it, mostly."""
        pick = self._pick
        session = f" session={pick(_SESSIONS)}" if not self._one_in(3) else ""
        return (
            f"{pick(_PREFIXES)}[{pick(_TYPES[:5])}] - {pick(_ACTIONS[:9])} user={pick(_USERS[:3])} {pick(_METHODS[:7])} {self._path()} {pick(_STATUSES[:4])} "
            f"time={self._time()}{session}{f' bytes={self._number()}' if not self._one_in(3) else ''}{f' latency_ms={self._number()}' if not self._one_in(3) else ''}"
        ).encode()

    def _token(self) -> str:
        draw, pick = int(self._chance() * 12), self._pick
        if draw < 2:
            return self._path()
        if draw < 5:
            return pick(("user=", "bytes=", "latency_ms=", "session=", "")) + self._number()
        if draw < 7:
            return pick(("time=", "time=", "downtime=", "")) + self._time()
        if draw == 7:
            return f"user={pick(_USERS)}"
        if draw == 8:
            return f"session={pick(_SESSIONS)}"
        if draw == 9:
            return f"{pick(_METHODS)} {self._path()}"
        return f"[{pick(_TYPES)}]" if draw == 10 else pick(_WORDS)

    def _line(self) -> bytes:
        pick = self._pick
        tokens = [f"user={pick(_USERS)}", f"{pick(_METHODS)} {self._path()}", pick(_STATUSES), f"time={self._time()}", f"session={pick(_SESSIONS)}"]
        tokens += [self._token() for _ in range(int(self._chance() * 4))]
        if self._one_in(2):
            tokens.sort(key=lambda _: self._chance())
        if self._one_in(8):
            del tokens[int(self._chance() * len(tokens))]
        text = f"{pick(_PREFIXES)}[{pick(_TYPES[:5] if not self._one_in(5) else _TYPES)}]{pick((' - ', ' - ', ' ', '', ' -', '- ', ' - - '))}{pick(_ACTIONS)}"
        for token in tokens:
            text += (" " if not self._one_in(8) else pick(_GAPS)) + token
        return (text + pick(_TAILS)).encode()

    def _text(self, field: str) -> str:
        """What a field's JSON string says, mostly fitting, not yet escaped."""
        pick = self._pick
        if self._one_in(6):
            return pick(_CHARACTERS)
        kind = _FIELDS.index(field)
        if kind == 5:
            return self._path()
        if kind == 7:
            return self._time()
        if kind > 7:
            return self._number()
        return pick((_TYPES, _ACTIONS, _USERS, _SESSIONS, _METHODS, (), _STATUSES)[kind])

    def _string(self, text: str) -> str:
        """A JSON string, mostly escaped as it has to be."""
        if not self._one_in(30):
            text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r").replace("\x00", "\\u0000")
        if text and self._one_in(10):
            text = "".join(f"\\u{ord(character):04x}" if ord(character) < 2**16 and self._one_in(2) else character for character in text)
        if self._one_in(20):
            place = int(self._chance() * (len(text) + 1))
            text = text[:place] + self._pick(_ESCAPES) + text[place:]
        return f'"{text}"'

    def _json(self, field: str) -> str:
        draw = self._chance()
        if draw < 0.80:
            return self._number() if field in ("bytes", "latency_ms") and draw < 0.5 else self._string(self._text(field))
        if draw < 0.90:
            return self._number()
        return self._pick(_LITERALS) if draw < 0.97 else self._string(self._pick(_CHARACTERS))

    def _object(self) -> bytes:
        pick = self._pick
        members = [f'"event_type":{self._json("event_type") if self._one_in(8) else self._string(pick(_TYPES[:5]))}', f'"event_time":{self._string(self._time())}']
        for _ in range(int(self._chance() * 7)):
            field = pick(_FIELDS)
            key = (
                field
                if not self._one_in(12)
                else pick(("other", "~user_id", "end", "malformed", "", "Event_type", "user_id ", "é", "session\\u005fid", "event\\u005Ftype", "\\ud800", "a\\"))
            )
            members.append(f'"{key}"{pick(_SPACES[:8])}:{pick(_SPACES[:8])}{self._json(field)}')
        if self._one_in(2):
            members.sort(key=lambda _: self._chance())
        comma = f"{pick(_SPACES)},{pick(_SPACES)}" if self._one_in(8) else ","
        text = "{" + comma.join(members) + (pick((",", "", "}")) if self._one_in(15) else "") + "}"
        return (f"{pick(_SPACES)}{text}{pick(_TAILS)}" if self._one_in(8) else text).encode("utf-8", "surrogatepass")

    def _rare(self) -> Value:
        """Nothing, random bytes, deep ones, and a few that are huge."""
        draw = int(self._chance() * 8)
        if draw == 0:
            return None
        if draw == 1:
            return bytes(int(self._chance() * 256) for _ in range(int(self._chance() * 60)))
        if draw == 2:
            return self._pick((b"", b" ", b"{}", b"{ }", b"{", b"}", b"[]", b'""', b"null", b"{{}}", b'{"":""}', b'{"a":{}', b"[A]"))
        if draw in (3, 4):
            return self._deep()
        if draw == 5 and self._one_in(8):
            return self._huge()
        value = self._pick((self._line, self._object))()
        pieces = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xef\xbb\xbf", b"\xfe\xff")
        place = int(self._chance() * (len(value) + 1))
        return value[:place] + self._pick(pieces) + value[place:]

    def _deep(self) -> bytes:
        levels = self._pick((5, 50, 998, 999, 1000, 1001, 5000))
        opening, closing = self._pick((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
        inner = opening * levels + self._pick(("1", '"x"', "", "[]")) + closing * (levels + int(self._chance() * 1.2))
        return f'{{"{self._pick(("other", "session_id"))}":{inner},"event_type":"A","event_time":{self._string(self._time())}}}'.encode()

    def _huge(self) -> bytes:
        return self._of_length(self._pick(_HUGE))

    def _of_length(self, length: int) -> bytes:
        piece = self._pick(("/", "[", " ", "1", '"', "\\", "{", "=", "a", "A", "?", "-", "\u2028", "\x00", ":", "[A]", "user=1 "))
        before, after = self._pick(
            (
                ("", ""),
                ("[A] - X GET /", " time=2026-01-15T00:00:00"),
                ("[A] - X time=2026-01-15T00:00:00 GET /", "X"),
                ('{"a":"', '"}'),
                ("{", "}"),
                ("[A] user=", ""),
                ("[A] session=", ""),
            )
        )
        filled = before + piece * max(1, (length - len(before) - len(after)) // len(piece.encode())) + after
        return (filled + "x" * (length - len(filled.encode()))).encode()

    def _mutant(self, values: list[Value]) -> bytes:
        """A value made before, changed in a place or two, or the halves of two."""
        value, other = self._pick(values) or b"", self._pick(values) or b""
        if len(value) > 5_000:
            value = value[:200]
        place = int(self._chance() * (len(value) + 1))
        if self._one_in(4):
            return value[:place] + other[:2_000][int(self._chance() * (len(other[:2_000]) + 1)) :]
        changed = value[:place] + self._pick(_CHARACTERS).encode() * (1 if not self._one_in(10) else 3) + value[place + int(self._chance() * 3) :]
        return changed if not self._one_in(3) else changed[: int(self._chance() * (len(changed) + 1))] + changed[int(self._chance() * (len(changed) + 1)) :]


def smaller(value: bytes) -> Iterator[bytes]:
    """The value with a part taken out, large parts first."""
    length = len(value) // 2
    while length >= 1:
        for start in range(0, len(value), max(length // 2, len(value) // 400, 1)):
            yield value[:start] + value[start + length :]
        length //= 2
