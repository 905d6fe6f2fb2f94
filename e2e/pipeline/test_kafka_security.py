"""Logins over TLS: what the chart gives its Kafka clients, against a real broker that has the chart's users and rights.

Manifests and Secrets are those of the chart with `clientSecurity: 'scram-tls'`. The fixtures do what Strimzi does with them
(a certificate authority, a SCRAM credential and ACLs for each KafkaUser); addresses and folders are of this machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from local import committed, fetch
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore
from local.process import Process, free_port
from local.proof import bronze_records, topic_records
from local.spark import JOBS, submit

Manifest = dict[str, Any]
ClientSettings = dict[str, str | int | float | bool]

TOPIC = "user-activity-logs"
PAGES = 25
PATIENCE = 300


class Chart:
    """The secured chart: its objects, and its Secrets with values."""

    def __init__(self) -> None:
        command = ["node", "--import", "tsx", "e2e/pipeline/secured_chart.ts"]
        printed = json.loads(subprocess.run(command, cwd=fetch.REPOSITORY, capture_output=True, text=True, check=True).stdout)
        self.objects: list[Manifest] = printed["manifests"]
        self.secrets = {(one["metadata"]["namespace"], one["metadata"]["name"]): one["stringData"] for one in printed["secrets"]}

    def all(self, kind: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [one for one in self.all(kind) if one["metadata"]["name"] == name]
        return found

    def secret(self, namespace: str, reference: Manifest) -> str:
        value: str = self.secrets[namespace, reference["name"]][reference["key"]]
        return value


@pytest.fixture(scope="module")
def chart() -> Chart:
    return Chart()


@pytest.fixture(scope="module")
def certificates(state_folder: Path) -> Path:
    """ca.crt, as Strimzi's Secret of that name holds it, and server.pem, which it has signed; other.crt signed nothing."""
    folder = state_folder / "certificates"
    folder.mkdir()

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, check=True)

    for authority in ("ca", "other"):
        openssl(f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority} -keyout {authority}.key -out {authority}.crt")
    openssl("req -newkey rsa:2048 -nodes -subj /CN=broker -keyout server.key -out server.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt")
    (folder / "server.pem").write_text("".join((folder / file).read_text() for file in ("server.key", "server.crt", "ca.crt")))
    return folder


@pytest.fixture(scope="module")
def secured(chart: Chart, certificates: Path, state_folder: Path) -> Iterator[Kafka]:
    """A broker with the chart's topic, users and rights, and another topic that is nobody's."""
    with Kafka(state_folder / "secured-kafka", server_pem=certificates / "server.pem") as broker:
        admin = broker.admin()
        for topic in (TOPIC, "other"):
            broker.create_topic(topic, 1)
        for user in chart.all("KafkaUser"):
            name = user["metadata"]["name"]
            password = chart.secret("kafka", user["spec"]["authentication"]["password"]["valueFrom"]["secretKeyRef"])
            credential = UserScramCredentialUpsertion(name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode())
            admin.alter_user_scram_credentials([credential])[name].result(30)
            for created in admin.create_acls([acl for rule in user["spec"]["authorization"]["acls"] for acl in acls(name, rule)]).values():
                created.result(30)
        yield broker


def acls(user: str, rule: Manifest) -> list[AclBinding]:
    resource = rule["resource"]
    kind = ResourceType[resource["type"].upper()]
    pattern = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}[resource["patternType"]]
    return [AclBinding(kind, resource["name"], pattern, f"User:{user}", "*", AclOperation[operation.upper()], AclPermissionType.ALLOW) for operation in rule["operations"]]


class WebServer:
    """The bundle with the environment of the chart's Deployment."""

    def __init__(self, chart: Chart, broker: Kafka, certificate: Path, folder: Path, **changed: str) -> None:
        (container,) = chart.one("Deployment", "was")["spec"]["template"]["spec"]["containers"]
        given = {
            entry["name"]: entry["value"] if "value" in entry else chart.secret("was", entry["valueFrom"]["secretKeyRef"])
            for entry in container["env"]
            if entry["name"].startswith("KAFKA_")
        }
        port = free_port()
        here = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.secured_port}",
            "KAFKA_CA_FILE": str(certificate),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DRAIN_DELAY_MS": "0",
            "FLUSH_TIMEOUT_MS": "5000",
        }
        command = ["node", fetch.REPOSITORY / "was" / "dist" / "server.js"]
        folder.mkdir()
        process = Process("was", command, folder / "was.log", {**given, **here, **changed})
        process.wait_until(lambda: '"ready"' in process.output(), 30)
        for _ in range(PAGES):
            subprocess.run(["curl", "-sf", f"http://127.0.0.1:{port}/main"], stdout=subprocess.DEVNULL, check=True)
        process.terminate()
        process.wait(60)
        self.last = json.loads(process.output().splitlines()[-1])


def streaming(chart: Chart, broker: Kafka, certificate: Path, object_store: ObjectStore, lake: Lake, folder: Path) -> Process:
    """The job with the Kafka settings of the chart's SparkApplication, their files where this machine has them."""
    spec = chart.one("SparkApplication", "activity-streaming")["spec"]
    login = folder / "jaas.conf"
    folder.mkdir()
    login.write_text(chart.secrets["default", "activity-streaming-kafka-login"]["jaas.conf"])
    options = [value for flag, value in zip(spec["arguments"], spec["arguments"][1:], strict=False) if flag == "--kafka-option"]
    in_driver, in_executor = (
        [option for option in spec["sparkConf"][f"spark.{role}.extraJavaOptions"].split() if "java.security.auth.login.config" in option] for role in ("driver", "executor")
    )
    assert in_driver == in_executor
    (java_option,) = in_driver
    here = {
        "bootstrap-servers": f"127.0.0.1:{broker.secured_port}",
        "topic": TOPIC,
        "bronze": lake.bronze,
        "silver": lake.silver,
        "quarantine": lake.quarantine,
        "commits": lake.commits,
        "checkpoint": lake.streaming_checkpoint,
        "trigger-seconds": 1,
        "max-offsets-per-trigger": 3000,
    }
    arguments = [text for name, value in here.items() for text in (f"--{name}", str(value))]
    for option in options:
        key, value = option.split("=", 1)
        arguments += ["--kafka-option", f"{key}={certificate if key == 'ssl.truststore.location' else value}"]
    conf = {"spark.driver.extraJavaOptions": f"{java_option.split('=')[0]}={login}"}
    return submit(JOBS / "streaming_job.py", [*arguments, "--until-caught-up"], folder / "run", object_store=object_store, conf=conf)


def client(chart: Chart, broker: Kafka, certificates: Path, user: str, **changed: str) -> ClientSettings:
    """The settings of a plain client that has a user's login."""
    namespace = {"was": "was", "activity-streaming": "default"}[user]
    return {
        "bootstrap.servers": f"127.0.0.1:{broker.secured_port}",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": chart.secrets[namespace, f"{user}-kafka-login"]["password"],
        "ssl.ca.location": str(certificates / "ca.crt"),
        "log_level": 0,
        **{name.replace("_", "."): value for name, value in changed.items()},
    }


def produce(settings: ClientSettings, topic: str) -> KafkaError | None:
    """The broker's answer to one record."""
    answers: list[KafkaError | None] = []
    producer = Producer({**settings, "message.timeout.ms": 8000})
    producer.produce(topic, b"value", on_delivery=lambda error, _: answers.append(error))
    producer.flush(20)
    (answer,) = answers
    return answer


def read(settings: ClientSettings, topic: str) -> KafkaError | None:
    """The broker's answer to a read of the first record."""
    consumer = Consumer({**settings, "group.id": "unused", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        unseen: KafkaError | None = consumer.list_topics(topic, timeout=30).topics[topic].error
        if unseen is not None:
            return unseen
        consumer.assign([TopicPartition(topic, 0, 0)])
        while True:
            record = consumer.poll(30)
            assert record is not None, "neither a record nor an error came"
            error: KafkaError | None = record.error()
            # The client asks for its group's coordinator too; the group is another test's.
            if error is None or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                return error
    finally:
        consumer.close()


def group(settings: ClientSettings, name: str) -> KafkaError | None:
    """The broker's answer to a member of a consumer group that reads the topic."""
    consumer = Consumer({**settings, "group.id": name, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        consumer.subscribe([TOPIC])
        record = consumer.poll(60)
        assert record is not None, "neither a record nor an error came"
        error: KafkaError | None = record.error()
        return error
    finally:
        consumer.close()


def code(error: KafkaError | None) -> str | None:
    return None if error is None else error.name()


def test_the_web_servers_and_streaming_have_a_user_each_and_nobody_else_has(chart: Chart) -> None:
    assert sorted(user["metadata"]["name"] for user in chart.all("KafkaUser")) == ["activity-streaming", "was"]


def test_what_the_web_servers_write_streaming_stores(chart: Chart, secured: Kafka, certificates: Path, object_store: ObjectStore, state_folder: Path) -> None:
    shop = WebServer(chart, secured, certificates / "ca.crt", state_folder / "secured-was")
    assert shop.last["acknowledged"] >= PAGES
    lake = Lake.create(object_store, "secured-")
    job = streaming(chart, secured, certificates / "ca.crt", object_store, lake, state_folder / "secured-streaming")
    assert job.wait(PATIENCE) == 0, job.tail(40)
    commits = committed.CommitLog(object_store, lake.commits).commits()
    stored = sorted(bronze_records(object_store, committed.files(commits, "bronze")))
    assert stored == sorted(topic_records(secured, TOPIC))
    assert len(stored) == shop.last["acknowledged"]


def test_web_servers_with_another_password_or_authority_write_nothing(chart: Chart, secured: Kafka, certificates: Path, state_folder: Path) -> None:
    before = secured.end_offsets(TOPIC)
    another = chart.secrets["default", "activity-streaming-kafka-login"]["password"]
    wrong = WebServer(chart, secured, certificates / "ca.crt", state_folder / "wrong-password", KAFKA_PASSWORD=another)
    foreign = WebServer(chart, secured, certificates / "other.crt", state_folder / "wrong-authority")
    plain = WebServer(chart, secured, certificates / "ca.crt", state_folder / "no-login", KAFKA_SECURITY_PROTOCOL="SSL")
    assert [server.last["acknowledged"] for server in (wrong, foreign, plain)] == [0, 0, 0]
    assert secured.end_offsets(TOPIC) == before


def test_streaming_with_another_authority_ends_with_an_error(chart: Chart, secured: Kafka, certificates: Path, object_store: ObjectStore, state_folder: Path) -> None:
    lake = Lake.create(object_store, "foreign-")
    job = streaming(chart, secured, certificates / "other.crt", object_store, lake, state_folder / "foreign-streaming")
    assert job.wait(PATIENCE) != 0
    assert object_store.list(lake.bronze) == []


@pytest.mark.parametrize(
    ("user", "changed", "answer"),
    [
        ("was", {}, None),
        ("was", {"sasl_password": "wrong"}, "_MSG_TIMED_OUT"),
        ("was", {"security_protocol": "PLAINTEXT"}, "_MSG_TIMED_OUT"),
        ("was", {"security_protocol": "SSL"}, "_MSG_TIMED_OUT"),
        ("activity-streaming", {}, "TOPIC_AUTHORIZATION_FAILED"),
    ],
)
def test_only_the_web_servers_login_writes(chart: Chart, secured: Kafka, certificates: Path, user: str, changed: dict[str, str], answer: str | None) -> None:
    assert code(produce(client(chart, secured, certificates, user, **changed), TOPIC)) == answer


@pytest.mark.parametrize(
    ("user", "topic", "answer"),
    [
        ("activity-streaming", TOPIC, None),
        ("activity-streaming", "other", "TOPIC_AUTHORIZATION_FAILED"),
        ("was", TOPIC, "TOPIC_AUTHORIZATION_FAILED"),
    ],
)
def test_only_streamings_login_reads_and_its_topic_alone(chart: Chart, secured: Kafka, certificates: Path, user: str, topic: str, answer: str | None) -> None:
    assert code(read(client(chart, secured, certificates, user), topic)) == answer


@pytest.mark.parametrize(
    ("user", "name", "answer"),
    [
        ("activity-streaming", "spark-kafka-source-1", None),
        ("activity-streaming", "another", "GROUP_AUTHORIZATION_FAILED"),
        ("was", "spark-kafka-source-1", "GROUP_AUTHORIZATION_FAILED"),
    ],
)
def test_only_streaming_is_in_groups_and_in_those_that_spark_names(chart: Chart, secured: Kafka, certificates: Path, user: str, name: str, answer: str | None) -> None:
    assert code(group(client(chart, secured, certificates, user), name)) == answer
