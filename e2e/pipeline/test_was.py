"""The shop's web server under load: what Kafka acknowledged is in the topic and in bronze, once, over a crash of the broker too."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from e2e.pipeline.conftest import MakeStream
from local.kafka import Kafka
from local.process import Process, free_port

ROOT = Path(__file__).resolve().parents[2]
REQUESTS_PER_SECOND = 1_000
SECONDS = 60
LINE = re.compile(
    r"\S+ \S+ INFO  \[http \S+\] was\.ActivityLogger : \[USER_ACTIVITY\] - [A-Z_]+ user=(?:-|\d+) (?:GET|POST) /\S* "
    r"(?:API_FINISH|API_CALL|FAILED) time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z session=\S+ bytes=\d+ latency_ms=\d+"
)


class Was:
    """The bundle that the chart ships, on this machine's Node."""

    def __init__(self, folder: Path, bootstrap_servers: str, topic: str, **environment: str) -> None:
        self.port = free_port()
        self.process = Process(
            "was",
            ["node", ROOT / "was" / "dist" / "server.js"],
            folder / f"was-{self.port}.log",
            {
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "KAFKA_TOPIC": topic,
                "HOST": "127.0.0.1",
                "PORT": str(self.port),
                "DRAIN_DELAY_MS": "0",
                **environment,
            },
        )
        self.process.wait_until(lambda: '"ready"' in self.process.output(), 30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def counted(self, metric: str) -> int:
        """The sum of a counter over its labels."""
        found = re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        assert found, f"{metric} is not under /metrics"
        return int(sum(float(value) for value in found))

    def stop(self) -> dict[str, int]:
        """SIGTERM, as Kubernetes does; the figures of its last line."""
        self.process.terminate()
        assert self.process.wait(60) == 0
        last: dict[str, int] = json.loads(self.process.output().splitlines()[-1])
        return last


@contextmanager
def was(folder: Path, bootstrap_servers: str, topic: str, **environment: str) -> Iterator[Was]:
    server = Was(folder, bootstrap_servers, topic, **environment)
    try:
        yield server
    finally:
        server.process.stop()


def load_command(url: str, rate: int, seconds: int) -> list[str]:
    return ["node", "--import", "tsx", "scripts/load.ts", "--url", url, "--rate", str(rate), "--seconds", str(seconds)]


def load(url: str, rate: int, seconds: int) -> dict[str, int]:
    done = subprocess.run(load_command(url, rate, seconds), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, int] = json.loads(done.stdout)
    return report


def read_topic(broker: Kafka, topic: str) -> list[str]:
    """Every record of the topic, read to the end offsets."""
    ends = {number: end for number, end in broker.end_offsets(topic).items() if end > 0}
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, 0) for number in ends])
    lines: list[str] = []
    deadline = time.monotonic() + 60
    while len(lines) < sum(ends.values()):
        assert time.monotonic() < deadline, f"{len(lines)} of {sum(ends.values())} records within a minute"
        for message in consumer.consume(10_000, 1):
            value = message.value()
            assert message.error() is None
            assert value is not None
            lines.append(value.decode())
    consumer.close()
    return lines


def repeated(lines: list[str]) -> list[str]:
    """A session, a time of arrival in microseconds and a path are one request."""
    keys = Counter(re.sub(r" (?:bytes|latency_ms)=\d+", "", line) for line in lines)
    return [key for key, times in keys.items() if times > 1]


def test_a_minute_of_a_thousand_requests_a_second_is_in_the_topic_and_in_bronze_once(make_stream: MakeStream, kafka: Kafka, topic: str, state_folder: Path) -> None:
    with was(state_folder, kafka.bootstrap_servers, topic) as server:
        report = load(server.url, REQUESTS_PER_SECOND, SECONDS)
        final = server.stop()

    lines = read_topic(kafka, topic)
    stream = make_stream(topic)
    stream.drain(max_offsets_per_trigger=25_000)
    proof = stream.prove()

    assert report["answered"] == REQUESTS_PER_SECOND * SECONDS
    assert (final["acknowledged"], final["lost"]) == (report["answered"], 0)
    assert len(lines) == final["acknowledged"]
    assert repeated(lines) == []
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert (proof.bronze, proof.silver, proof.quarantine) == (final["acknowledged"], final["acknowledged"], 0)


def test_a_server_that_is_killed_had_only_acknowledged_what_is_in_the_topic(kafka: Kafka, topic: str, state_folder: Path) -> None:
    with was(state_folder, kafka.bootstrap_servers, topic) as server:
        generator = Process("load", load_command(server.url, 500, 20), state_folder / "load-kill.log", cwd=ROOT)
        generator.wait_until(lambda: server.counted("was_events_acknowledged_total") > 1_000, 60)
        acknowledged = server.counted("was_events_acknowledged_total")
        server.process.kill()
        generator.stop()

    lines = read_topic(kafka, topic)

    assert len(lines) >= acknowledged
    assert repeated(lines) == []


def test_events_of_an_outage_wait_and_arrive_once(state_folder: Path) -> None:
    with Kafka(state_folder / "kafka-outage") as broker:
        broker.create_topic("events", 3)
        with was(state_folder, broker.bootstrap_servers, "events") as server:
            generator = Process("load", load_command(server.url, 500, 20), state_folder / "load-outage.log", cwd=ROOT)
            generator.wait_until(lambda: server.counted("was_events_acknowledged_total") > 1_000, 60)
            broker.kill()
            generator.wait_until(lambda: server.counted("was_kafka_failed_sends_total") > 2, 60)
            assert server.get("/health/ready") == '{"status":"ready"}'
            broker.start()
            assert generator.wait(120) == 0, generator.output()
            final = server.stop()

        lines = read_topic(broker, "events")

    assert (final["events"], final["lost"]) == (500 * 20, 0)
    assert len(lines) == final["acknowledged"] == final["events"]
    assert repeated(lines) == []


def test_a_full_buffer_drops_and_counts_and_the_shop_still_sells(state_folder: Path) -> None:
    with Kafka(state_folder / "kafka-gone") as broker:
        broker.create_topic("events", 1)
        with was(state_folder, broker.bootstrap_servers, "events", BUFFER_MIB="1", FLUSH_TIMEOUT_MS="60000") as server:
            load(server.url, 100, 1)
            broker.kill()
            report = load(server.url, 1_000, 10)
            lost_in_outage = server.counted("was_events_lost_total")
            waiting = server.counted("was_event_buffer_bytes")
            broker.start()
            final = server.stop()

        lines = read_topic(broker, "events")

    assert report["unanswered"] == 0
    assert lost_in_outage > 1_000
    assert waiting <= 2**20
    assert final["events"] == 100 + 10_000 == final["acknowledged"] + final["lost"]
    assert final["lost"] == lost_in_outage
    assert len(lines) == final["acknowledged"]
    assert repeated(lines) == []


def test_events_that_kafka_never_took_are_counted_at_the_end(state_folder: Path) -> None:
    with was(state_folder, f"127.0.0.1:{free_port()}", "events", FLUSH_TIMEOUT_MS="500") as server:
        for _ in range(5):
            server.get("/main")
        final = server.stop()

    assert (final["events"], final["acknowledged"], final["lost"]) == (5, 0, 5)


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_probes_and_metrics_are_no_activity(kafka: Kafka, topic: str, state_folder: Path, path: str) -> None:
    with was(state_folder, kafka.bootstrap_servers, topic) as server:
        server.get(path)
        server.get("/main")
        server.stop()

    assert [line.split(" - ")[1].split()[0] for line in read_topic(kafka, topic)] == ["MAIN"]
