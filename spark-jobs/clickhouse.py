"""ClickHouse's HTTP interface with Python's standard library: statements, retries, and errors as one sentence."""

from __future__ import annotations

import base64
import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from job_log import JobError

# Seconds before each new attempt: with a refused connection a statement is given up after half a minute.
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)

# Codes of ClickHouse's ErrorCodes.cpp that pass by themselves: timeouts, memory, too many queries or parts,
# network, a store that does not answer, a server that is shutting down.
_PASSING = {159, 164, 198, 202, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439, 499, 999}
_UNKNOWN_TABLE, _UNKNOWN_DATABASE = 60, 81
_WRONG_LOGIN = {193, 194, 516}
_NO_RIGHT = 497


class ClickHouseError(JobError):
    """A statement that ClickHouse refuses. `code` is ClickHouse's own, 0 when it could not be reached."""

    def __init__(self, sentence: str, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[type[ClickHouseError], tuple[str, int]]:
        return ClickHouseError, (str(self), self.code)


@dataclass(frozen=True)
class ClickHouse:
    """A server, a user and a database. Goes to the executors with each task; opens a connection a statement."""

    url: str
    user: str
    password: str = field(repr=False)
    database: str
    backoff_seconds: tuple[float, ...] = _BACKOFF_SECONDS

    def execute(self, statement: str, body: bytes = b"", settings: Mapping[str, str] | None = None) -> str:
        """Runs one statement, with `body` as the data of an INSERT; returns the answer's text.

        What passes by itself is tried again after each of backoff_seconds. Raises ClickHouseError.
        """
        for seconds in self.backoff_seconds:
            try:
                return self._execute(statement, body, settings or {})
            except ClickHouseError as error:
                if error.code not in _PASSING and error.code != 0:
                    raise
            time.sleep(seconds)
        return self._execute(statement, body, settings or {})

    def rows(self, statement: str) -> list[list[str]]:
        """The rows of a SELECT, each value as text, without escapes."""
        answer = self.execute(f"{statement} FORMAT TSVRaw")
        return [line.split("\t") for line in answer.splitlines()]

    def _execute(self, statement: str, body: bytes, settings: Mapping[str, str]) -> str:
        # wait_end_of_query: an error after the first byte of the answer would otherwise look like success.
        parameters = {"wait_end_of_query": "1", **settings}
        data = statement.encode()
        if body:
            parameters["query"], data = statement, body
        request = urllib.request.Request(f"{self.url.rstrip('/')}/?{urllib.parse.urlencode(parameters)}", data=data)
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as refusal:
            raise self._error(refusal.read().decode(errors="replace")) from None
        except (OSError, http.client.HTTPException) as failure:
            reason = getattr(failure, "reason", failure)
            raise ClickHouseError(f"ClickHouse at {self.url} cannot be reached ({reason}); start it or correct --clickhouse-url") from None

    def _error(self, answer: str) -> ClickHouseError:
        found = re.search(r"Code: (\d+)", answer)
        code = int(found.group(1)) if found else -1
        if code in _WRONG_LOGIN:
            sentence = f"ClickHouse at {self.url} refuses user {self.user!r}; correct CLICKHOUSE_PASSWORD or --clickhouse-user"
        elif code in (_UNKNOWN_TABLE, _UNKNOWN_DATABASE):
            missing = "database" if code == _UNKNOWN_DATABASE else "a table of database"
            sentence = f"{missing} {self.database!r} does not exist in ClickHouse at {self.url}; run schema_job.py first"
        elif code == _NO_RIGHT:
            sentence = f"ClickHouse at {self.url}: user {self.user!r} has no right to this: {_first_line(answer)}; grant it"
        else:
            sentence = f"ClickHouse at {self.url} refuses a statement: {_first_line(answer)}"
        return ClickHouseError(sentence, code)


def _first_line(answer: str) -> str:
    return answer.strip().splitlines()[0][:500] if answer.strip() else "no reason given"


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
