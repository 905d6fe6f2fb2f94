"""Traffic: straight to Kafka, over two connections, and through the web server. Every intent and every answer goes into the ledger."""

from __future__ import annotations

import http.client
import random
import re
import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from e2e.faults.ledger import ABORTED, ACKNOWLEDGED, UNKNOWN, Ledger, Request, Sent
from e2e.faults.values import Value, any_value

_PATIENCE_MS = 120_000
_PATHS = (
    "/main",
    "/search?q=1",
    "/store/category",
    "/store/17",
    "/STORE/17/",
    "/orderstatus",
    "/no/such/page",
    "/store/%E2%80%A8",
    "/store/17%20%5B%5D",
    "//a//",
    "/" + "x" * 2_000,
)


class Generator:
    """Sends until stop(); pause() returns when every record sent has its answer."""

    def __init__(self, ledger: Ledger, topic: str, partitions: int, servers: Sequence[str], web_server_port: int | None, *, seed: int, rate: float, hostile_share: float) -> None:
        self.topic = topic
        self.partitions = partitions
        self.hostile_share = hostile_share
        self._ledger = ledger
        self._producers = [producer(one) for one in servers]
        self._port = web_server_port
        self._random = random.Random(seed)
        self._rate = rate
        self._number = seed * 1_000_000
        self._running, self._stopped = threading.Event(), threading.Event()
        self._idle = [threading.Event(), threading.Event()]
        self._unconfirmed: list[Request] = []
        self._threads = [threading.Thread(target=self._to_kafka, daemon=True)]
        if web_server_port is not None:
            self._threads.append(threading.Thread(target=self._to_web_server, daemon=True))
        for thread in self._threads:
            thread.start()

    def resume(self) -> None:
        for idle in self._idle:
            idle.clear()
        self._running.set()

    def pause(self, timeout_seconds: float = 150) -> bool:
        """False when some answers are still missing after the timeout."""
        self._running.clear()
        deadline = time.monotonic() + timeout_seconds
        for idle, _ in zip(self._idle, self._threads, strict=False):
            idle.wait(max(deadline - time.monotonic(), 0.1))
        unsent = sum(one.flush(max(deadline - time.monotonic(), 0.1)) for one in self._producers)
        while self._port is not None and self._unconfirmed and time.monotonic() < min(deadline, time.monotonic() + 15):
            if not self._confirm():
                time.sleep(0.3)
        return unsent == 0

    def stop(self) -> None:
        self._stopped.set()
        self._running.set()

    def send(self, values: Sequence[Value], partition: int | None = None) -> None:
        """These values at once, and waits for their answers."""
        for number, value in enumerate(values):
            self._send(self._producers[0], value, partition if partition is not None else number % self.partitions)
        self._producers[0].flush(60)

    def _send(self, through: Producer, value: Value, partition: int) -> None:
        sent = self._ledger.send(self.topic, partition, value)
        while True:
            try:
                through.produce(self.topic, sent.value, partition=partition, timestamp=sent.timestamp_ms, on_delivery=_answer(self._ledger, sent))
                return
            except BufferError:
                through.poll(0.2)
            except KafkaException:
                self._ledger.settle(sent, UNKNOWN)
                return

    def _to_kafka(self) -> None:
        started, sent = time.monotonic(), 0
        while not self._stopped.is_set():
            if not self._running.is_set():
                self._idle[0].set()
                self._running.wait()
                started, sent = time.monotonic(), 0
                continue
            self._number += 1
            sent += 1
            through = self._producers[self._number % len(self._producers)]
            self._send(through, any_value(self._random, self._number, self.hostile_share), self._random.randrange(self.partitions))
            for one in self._producers:
                one.poll(0)
            ahead = sent / self._rate - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)

    def _to_web_server(self) -> None:
        number, confirmed = 0, time.monotonic()
        while not self._stopped.is_set():
            if not self._running.is_set():
                self._idle[1].set()
                self._running.wait()
                continue
            number += 1
            self._ask(number)
            if time.monotonic() > confirmed + 1:
                self._confirm()
                confirmed = time.monotonic()
            time.sleep(0.1)

    def _ask(self, number: int) -> None:
        user = str(number % 90) if number % 7 else None
        path = _PATHS[number % len(_PATHS)]
        request = Request(self.topic, f"w-{self.topic}-{number}", user, "GET", path)
        self._ledger.request(request)
        cookie = f"session={request.session}" + (f"; user={user}" if user else "")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
            connection.request("GET", path, headers={"Cookie": cookie})
            connection.getresponse().read()
            connection.close()
            self._unconfirmed.append(request)
        except (OSError, http.client.HTTPException):
            pass

    def _confirm(self) -> bool:
        """When the web server holds no event back, all that it had answered before the question is in Kafka."""
        answered = list(self._unconfirmed)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            connection.close()
        except (OSError, http.client.HTTPException):
            return False
        if _metric(text, "was_events_total") != _metric(text, "was_events_acknowledged_total"):
            return False
        self._ledger.confirm(answered)
        self._unconfirmed = self._unconfirmed[len(answered) :]
        return True

    def forget_unconfirmed(self) -> None:
        """The web server was killed: what it held back is lost or not, and nobody can say."""
        self._unconfirmed = []


def producer(bootstrap_servers: str, **settings: object) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 10,
            "message.timeout.ms": _PATIENCE_MS,
            "request.timeout.ms": 5_000,
            "socket.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 500,
            "message.max.bytes": 4_000_000,
            "topic.metadata.refresh.interval.ms": 1_000,  # what goes to a partition that the client does not know yet is refused
            "log_level": 0,
            **settings,
        }
    )


def send_transaction(ledger: Ledger, bootstrap_servers: str, topic: str, partition: int, values: Sequence[Value], end: str) -> Producer:
    """Sends records in one transaction and ends it: 'commit', 'abort', or 'open' to leave it so (the answer keeps it open)."""
    transactional = producer(bootstrap_servers, **{"transactional.id": f"faults-{topic}-{end}", "transaction.timeout.ms": 600_000})
    transactional.init_transactions(30)
    transactional.begin_transaction()
    records = []
    for value in values:
        sent = ledger.send(topic, partition, value)
        records.append(sent)
        transactional.produce(topic, value.value, partition=partition, timestamp=value.timestamp_ms, on_delivery=_answer(ledger, sent, ABORTED))
    transactional.flush(30)
    if end == "open":
        return transactional
    ledger.markers[topic, partition] += 1
    if end == "commit":
        transactional.commit_transaction(30)
        for sent in records:
            ledger.settle(sent, ACKNOWLEDGED, sent.offset)
    else:
        transactional.abort_transaction(30)
    return transactional


def _answer(ledger: Ledger, sent: Sent, outcome: str = ACKNOWLEDGED) -> Callable[[KafkaError | None, Message], None]:
    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            ledger.settle(sent, outcome, message.offset() or 0)
        else:
            ledger.settle(sent, UNKNOWN)

    return delivered


def _metric(text: str, name: str) -> float:
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for value in found)
