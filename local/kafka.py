"""One Kafka broker in KRaft mode."""

from __future__ import annotations

import base64
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from local import fetch
from local.process import ComponentError, Process, answers, free_port

# What a client is told while a broker takes up its partitions again.
_NOT_YET = (KafkaError._UNKNOWN_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION)


class Kafka:
    """Started by `with`, or by start(); keeps its port and its data over a kill() and another start().

    With the certificate and key of a server in one PEM file there is a second listener, as Strimzi makes it for clients
    that log in: TLS, SCRAM-SHA-512, and rights for each user alone. The first listener is then the administrator's.
    With an advertised port there is one for clients that come through a proxy, which has that port and passes on to proxied_port.
    """

    def __init__(self, folder: Path, heap: str = "512m", *, server_pem: Path | None = None, advertised_port: int | None = None) -> None:
        self.folder = folder
        self.heap = heap
        self.server_pem = server_pem
        self.advertised_port = advertised_port
        self.port = free_port()
        self.proxied_port = free_port()
        self.secured_port = free_port()
        self.process: Process | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Kafka:
        classpath = f"{fetch.artifacts()['kafka'].folder}/*"
        properties = self.folder / "server.properties"
        if not properties.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            controller = free_port()
            properties.write_text(
                f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}
controller.listener.names=CONTROLLER
log.dirs={self.folder / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
log.retention.hours=-1
"""
                + ("" if self.server_pem is None else self._secured(controller, self.server_pem))
                + ("" if self.advertised_port is None else self._proxied(controller, self.advertised_port))
            )
            command = [fetch.java(), "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(properties)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise ComponentError(f"Kafka's storage in {self.folder} could not be formatted: {done.stderr.strip()[-500:]}")
        java = [fetch.java(), f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self.process = Process("Kafka", [*java, "-cp", classpath, "kafka.Kafka", properties], self.folder / "kafka.log")
        self.process.wait_until(self._ready, 90)
        return self

    def _proxied(self, controller: int, advertised_port: int) -> str:
        return f"""listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller},PROXIED://127.0.0.1:{self.proxied_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{advertised_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT
"""

    def _secured(self, controller: int, server_pem: Path) -> str:
        return f"""listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller},CLIENTS://127.0.0.1:{self.secured_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port},CLIENTS://127.0.0.1:{self.secured_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL
listener.name.clients.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={server_pem}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""

    def _ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            self.admin().list_topics(timeout=2)
        except Exception:  # the client has one exception for everything that a broker which is starting can answer
            return False
        return True

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})

    def create_topic(self, name: str, partitions: int) -> None:
        """Creates a topic and waits until its partitions have a leader."""
        admin = self.admin()  # must live until the result is there
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        while any(part.leader < 0 for part in admin.list_topics(name, timeout=10).topics[name].partitions.values()):
            pass

    def end_offsets(self, topic: str) -> dict[int, int]:
        """The offset after the last record of each partition. Waits up to 30 s for a broker that has just started."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._end_offsets(topic)
            except KafkaException as error:
                if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _end_offsets(self, topic: str) -> dict[int, int]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "offsets", "log_level": 0})
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            return {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in partitions}
        finally:
            consumer.close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        if self.process is not None:
            self.process.kill()

    def __enter__(self) -> Kafka:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _cluster_id() -> str:
    # Kafka's ids are 16 bytes in URL-safe base64 without padding, and must not begin with a dash.
    return "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
