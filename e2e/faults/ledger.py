"""The suite's own book of what was sent: acknowledged, aborted, or unknown. It is on the local disk, and asks nobody."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from e2e.faults.values import Value

ACKNOWLEDGED, ABORTED, UNKNOWN = "acknowledged", "aborted", "unknown"


@dataclass
class Sent:
    """One record, from the moment it is handed to a client."""

    topic: str
    partition: int
    kind: str
    value: bytes | None
    timestamp_ms: int
    outcome: str = UNKNOWN
    offset: int = -1


@dataclass
class Request:
    """One request to the web server: what its line has to hold, and whether the server has said that Kafka has it."""

    topic: str
    session: str
    user: str | None
    method: str
    path: str
    outcome: str = UNKNOWN


class Ledger:
    """Written by the generator's threads, read by the checker when they hold still."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()
        self._sent: dict[str, list[Sent]] = {}
        self._requests: dict[str, dict[str, Request]] = {}
        self.markers: Counter[tuple[str, int]] = Counter()
        """Ends of transactions, by topic and partition: each takes one offset that is no record."""

    def send(self, topic: str, partition: int, value: Value) -> Sent:
        """Notes the intent, before the client has it."""
        sent = Sent(topic, partition, value.kind, value.value, value.timestamp_ms)
        with self._lock:
            self._sent.setdefault(topic, []).append(sent)
        return sent

    def settle(self, sent: Sent, outcome: str, offset: int = -1) -> None:
        """What the client said of it."""
        with self._lock:
            sent.outcome, sent.offset = outcome, offset
            value = None if sent.value is None else base64.b64encode(sent.value[:200]).decode()
            line = {"at": round(time.time(), 3), "topic": sent.topic, "partition": sent.partition, "offset": offset, "outcome": outcome, "kind": sent.kind, "value": value}
            self._file.write(json.dumps(line) + "\n")

    def request(self, request: Request) -> None:
        with self._lock:
            self._requests.setdefault(request.topic, {})[request.session] = request

    def confirm(self, requests: list[Request]) -> None:
        """The web server says that Kafka has acknowledged these."""
        with self._lock:
            for request in requests:
                request.outcome = ACKNOWLEDGED
                self._file.write(json.dumps({"at": round(time.time(), 3), "topic": request.topic, "session": request.session, "outcome": ACKNOWLEDGED}) + "\n")

    def sent(self, topic: str) -> list[Sent]:
        with self._lock:
            return list(self._sent.get(topic, []))

    def requests(self, topic: str) -> dict[str, Request]:
        with self._lock:
            return dict(self._requests.get(topic, {}))

    def acknowledged_offsets(self, topic: str) -> dict[int, int]:
        """By partition, the offset after the last acknowledged record."""
        ends: dict[int, int] = {}
        for sent in self.sent(topic):
            if sent.outcome == ACKNOWLEDGED:
                ends[sent.partition] = max(ends.get(sent.partition, 0), sent.offset + 1)
        return ends

    def counts(self) -> Counter[str]:
        with self._lock:
            return Counter(one.outcome for many in self._sent.values() for one in many) + Counter(one.outcome for many in self._requests.values() for one in many.values())
