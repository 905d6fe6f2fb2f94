"""The Jobs of dist/ that set the stores up, run as dist/ says, twice, against a real MinIO and a real ClickHouse.

Commands, environments, scripts and server configurations are those of the manifests. What differs here: folders and
ports, and that the ClickHouse library needs a user `default` of its own, which is let in from loopback alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
import pytest

from business_day import business_day
from clickhouse import ClickHouse, ClickHouseError
from contract_gold import STATE_LOADS
from gold_ledger import Target
from gold_load import FileLoad, Loader
from local import fetch, manifests
from local.manifests import Manifest
from local.process import Process, answers, free_port

BUCKETS = ["gold", "raw-data", "silver"]


def pod(workload: Manifest) -> Manifest:
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def config_map_files(workload: Manifest, volume: str, folder: Path) -> Path:
    """Writes the ConfigMap that a pod mounts as a volume."""
    (name,) = [one["configMap"]["name"] for one in pod(workload)["volumes"] if one["name"] == volume]
    folder.mkdir(parents=True)
    for file, text in manifests.named("ConfigMap", name)["data"].items():
        (folder / file).write_text(text)
    return folder


class Secrets:
    """A value for every key that the manifests refer to: what a key has once, it keeps."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}

    def value(self, secret: str, key: str) -> str:
        # Characters that a shell, a URL and JSON would each take for their own. ClickHouse reads values as XML.
        special = " $'%/x" if "clickhouse" in secret + key else " $&<'\"\\%/x"
        return self.values.setdefault((secret, key), f"{secrets.token_hex(8)}{special}")

    def environment(self, container: Manifest) -> dict[str, str]:
        """The container's variables, secrets filled in."""
        variables = {}
        for entry in container["env"]:
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            variables[entry["name"]] = entry["value"] if reference is None else self.value(reference["name"], reference["key"])
        return variables


@pytest.fixture(scope="module")
def values() -> Secrets:
    return Secrets()


class MinIO:
    """The StatefulSet's container, with the setup Job beside it."""

    def __init__(self, values: Secrets, folder: Path) -> None:
        fetch.ensure("minio")
        self.programs = fetch.artifacts()["minio"].folder
        self.values = values
        self.folder = folder
        self.port = free_port()
        server = manifests.named("StatefulSet", "minio")
        (container,) = pod(server)["containers"]
        for name in ("data", "certs", "tmp"):
            (folder / name).mkdir(parents=True)
        local = {"/data": folder / "data", ":9000": f"127.0.0.1:{self.port}", container["command"][-1]: folder / "certs"}
        program, *arguments = [str(local.get(part, part)) for part in container["command"]]
        environment = {**values.environment(container), "HOME": str(folder / "tmp")}
        self.process = Process("MinIO", [self.programs / program, *arguments], folder / "minio.log", environment)
        self.process.wait_until(lambda: answers(self.port), 60)

        self.job = manifests.named("Job", "minio-setup-")
        self.files = config_map_files(self.job, "setup", folder / "setup")
        self.clients = sorted(file.stem.removeprefix("policy-") for file in self.files.glob("policy-*.json"))
        users = folder / "users"
        users.mkdir()
        for client in self.clients:
            (users / f"{client}-access-key").write_text(client)
            (users / f"{client}-secret-key").write_text(values.value("minio-users", f"{client}-secret-key"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(command, env={"PATH": path, **environment}, capture_output=True, text=True, check=False, timeout=120)

    def client(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """MinIO's client as the Job left it: as root."""
        return self.run(["mc", *arguments], {"MC_CONFIG_DIR": str(self.folder / "mc")})

    def set_up(self) -> subprocess.CompletedProcess[str]:
        """Runs the Job's container."""
        (container,) = pod(self.job)["containers"]
        local = {"/etc/minio-setup": self.folder / "setup", "/etc/minio-users": self.folder / "users"}
        command = [part.replace("/etc/minio-setup/", f"{self.folder}/setup/") if part.endswith(".sh") else str(local.get(part, part)) for part in container["command"]]
        return self.run(command, {**self.values.environment(container), "MINIO_URL": self.url, "MC_CONFIG_DIR": str(self.folder / "mc")})

    def files_of(self, client: str) -> fs.S3FileSystem:
        """What a client reaches with its own keys."""
        return fs.S3FileSystem(
            access_key=client,
            secret_key=self.values.value("minio-users", f"{client}-secret-key"),
            endpoint_override=self.url,
            region="us-east-1",
        )


@pytest.fixture(scope="module")
def minio(values: Secrets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinIO]:
    store = MinIO(values, tmp_path_factory.mktemp("minio"))
    first = store.set_up()
    assert first.returncode == 0, first.stderr
    yield store
    store.process.stop()


def write(files: fs.S3FileSystem, path: str) -> None:
    with files.open_output_stream(path) as stream:
        stream.write(b"x")


def denied(action: Callable[..., Any], *arguments: Any) -> bool:
    """Whether the store says that the client has no right to it; any other failure fails the test."""
    try:
        action(*arguments)
    except OSError as refusal:
        if "ACCESS_DENIED" not in str(refusal):
            raise
        return True
    return False


def state_of(minio: MinIO) -> list[list[str]]:
    """Buckets, users, policies and rules, each sorted: the client lists some in any order."""
    commands = [["ls", "store"], ["admin", "user", "ls", "store"], ["admin", "policy", "ls", "store"]]
    commands += [["ilm", "rule", "export", f"store/{bucket}"] for bucket in BUCKETS]
    return [sorted(minio.client(*command).stdout.splitlines()) for command in commands]


def test_the_setup_job_of_minio_runs_again_without_a_change(minio: MinIO) -> None:
    state = state_of(minio)

    again = minio.set_up()

    assert again.returncode == 0, again.stderr
    assert state_of(minio) == state
    assert sorted(line.split()[-1].rstrip("/") for line in state[0]) == BUCKETS


def test_lifecycle_rules_are_those_of_the_manifests(minio: MinIO) -> None:
    for bucket in BUCKETS:
        declared = minio.files / f"lifecycle-{bucket}.json"
        answer = minio.client("ilm", "rule", "export", f"store/{bucket}")
        wanted = json.loads(declared.read_text())["Rules"] if declared.exists() else []
        found = json.loads(answer.stdout).get("Rules", []) if answer.returncode == 0 else []
        assert [(rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in found] == [(rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in wanted]


def test_lifecycle_rules_that_are_no_longer_declared_go(minio: MinIO) -> None:
    added = minio.client("ilm", "rule", "add", "--expire-days", "3", "store/gold")
    assert added.returncode == 0, added.stderr

    assert minio.set_up().returncode == 0

    assert minio.client("ilm", "rule", "ls", "store/gold").returncode != 0


def test_each_client_may_do_what_it_declared_and_nothing_else(minio: MinIO) -> None:
    assert len(minio.clients) == 3, minio.clients
    for client in minio.clients:
        files = minio.files_of(client)
        policy = json.loads((minio.files / f"policy-{client}.json").read_text())
        written: set[str] = set()
        readable: set[str] = set()
        for statement in policy["Statement"]:
            places = {one.removeprefix("arn:aws:s3:::").removesuffix("*") for one in statement["Resource"] if one.endswith("/*")}
            written |= places if "s3:PutObject" in statement["Action"] else set()
            readable |= places if "s3:GetObject" in statement["Action"] else set()
        assert readable, client
        for place in written:
            assert not denied(write, files, f"{place}probe")
            assert not denied(files.delete_file, f"{place}probe")
        for place in readable - written:
            assert denied(write, files, f"{place}probe"), f"{client} writes {place}"
        for bucket in BUCKETS:
            assert denied(write, files, f"{bucket}/elsewhere"), f"{client} writes s3://{bucket}/elsewhere"


def test_wrong_root_credentials_are_one_sentence(minio: MinIO) -> None:
    script = (minio.folder / "setup" / "setup.sh").read_text().replace("-ge 30", "-ge 1")
    once = minio.folder / "once.sh"
    once.write_text(script)
    environment = {"MINIO_URL": minio.url, "MINIO_ROOT_USER": "nobody", "MINIO_ROOT_PASSWORD": "wrong-password", "MC_CONFIG_DIR": str(minio.folder / "other")}

    answer = minio.run(["sh", str(once), str(minio.files), str(minio.folder / "users")], environment)

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"object store {minio.url} does not accept the root credentials or does not answer")


class Server:
    """The StatefulSet's configuration on a real server, with the schema Job beside it."""

    def __init__(self, values: Secrets, folder: Path, minio: MinIO) -> None:
        fetch.ensure("clickhouse")
        self.values = values
        self.port = free_port()
        workload = manifests.named("StatefulSet", "clickhouse")
        (container,) = pod(workload)["containers"]
        config_map_files(workload, "config", folder)
        config = (folder / "config.xml").read_text().replace("/var/lib/clickhouse/", f"{folder}/data/")
        config = config.replace("<port>9363</port>", f"<port>{free_port()}</port>").replace("http://minio.storage.svc.cluster.local:9000", minio.url)
        (folder / "config.xml").write_text(config)
        users = (folder / "users.xml").read_text()
        loopback = "<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>"
        (folder / "users.xml").write_text(users.replace("<users>", loopback))
        # The Job of the store has given the server's user the key that the server's own Secret holds.
        environment = values.environment(container)
        environment["OBJECT_STORE_ACCESS_KEY"] = "clickhouse"
        environment["OBJECT_STORE_SECRET_KEY"] = values.value("minio-users", "clickhouse-secret-key")
        library = fetch.artifacts()["clickhouse"].folder / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
        script = fetch.HERE / "clickhouse_process.py"
        self.process = Process("ClickHouse", [sys.executable, script, library, folder, self.port, free_port()], folder / "log", environment)
        self.process.wait_until(lambda: answers(self.port), 60)
        self.job = manifests.named("Job", "clickhouse-schema-")
        self.code = config_map_files(self.job, "code", folder / "code")

    def apply_schema(self) -> subprocess.CompletedProcess[str]:
        """Runs the Job's container."""
        (container,) = pod(self.job)["containers"]
        url = "http://clickhouse.storage.svc.cluster.local:8123"
        command = [part.replace("/opt/spark/code", str(self.code)).replace(url, f"http://127.0.0.1:{self.port}") for part in container["command"]]
        environment = {"PATH": os.environ["PATH"], **self.values.environment(container)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    def client(self, user: str, password: str | None = None) -> ClickHouse:
        known = self.values.value("clickhouse-credentials", f"{user}-password")
        return ClickHouse(f"http://127.0.0.1:{self.port}", user, password or known, "logs", backoff_seconds=())


@pytest.fixture(scope="module")
def server(values: Secrets, tmp_path_factory: pytest.TempPathFactory, minio: MinIO) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clickhouse") / "server"
    started = Server(values, folder, minio)
    first = started.apply_schema()
    assert first.returncode == 0, first.stderr
    yield started
    started.process.stop()
    shutil.rmtree(folder)


def refusal(client: ClickHouse, statement: str) -> str:
    with pytest.raises(ClickHouseError) as error:
        client.execute(statement)
    return str(error.value)


def test_the_schema_job_makes_every_table_and_runs_again_without_a_change(server: Server) -> None:
    admin = server.client("admin")
    definitions = "SELECT name, create_table_query FROM system.tables WHERE database = 'logs' ORDER BY name"
    before = admin.rows(definitions)

    again = server.apply_schema()

    assert again.returncode == 0, again.stderr
    assert admin.rows(definitions) == before
    assert {name for name, _ in before} >= {
        "metrics_server_health_minutely",
        "metrics_operational_hourly",
        "metrics_business_daily",
        "metrics_funnel_daily",
        "metrics_data_quality_hourly",
    }
    assert any("toIntervalDay(90)" in definition for _, definition in before)


def test_the_reader_reads_the_metrics_and_changes_nothing(server: Server) -> None:
    reader = server.client("reader")
    assert reader.rows("SELECT count() FROM logs.metrics_server_health_minutely") == [["0"]]
    for statement in (
        "INSERT INTO logs.gold_loads (file) VALUES ('x')",
        "DROP TABLE logs.gold_loads",
        "CREATE TABLE logs.other (x UInt8) ENGINE = Memory",
        "CREATE USER intruder",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ):
        assert refusal(reader, statement)


def test_the_writer_writes_rows_and_changes_no_table(server: Server) -> None:
    writer = server.client("writer")
    writer.execute("INSERT INTO logs.gold_loads VALUES (generateUUIDv4(), '1970-01-01', 0, 's3a://silver/x', now64(3))")
    assert writer.rows("SELECT count() FROM logs.gold_loads WHERE file = 's3a://silver/x'") == [["1"]]
    writer.execute("ALTER TABLE logs.action_states DROP PARTITION ('2026-01-15', 0)")
    for statement in (
        "DROP TABLE logs.gold_loads",
        "ALTER TABLE logs.gold_loads ADD COLUMN x UInt8",
        "CREATE USER intruder",
        "GRANT SELECT ON *.* TO reader",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    ):
        assert refusal(writer, statement)


def test_the_writer_may_run_what_the_gold_job_runs(server: Server) -> None:
    writer = server.client("writer")
    loader = Loader(writer, business_day("UTC"), "http://unused/{bucket}")
    load = FileLoad("s3a://silver/user-activity-v2/year=2026/month=1/day=15/hour=3/none.parquet", (Target("1", "0"),))

    for table in range(len(STATE_LOADS)):
        loader.from_partials(load, table, "")


def test_a_wrong_password_is_refused(server: Server) -> None:
    for user in ("admin", "writer", "reader"):
        assert refusal(server.client(user, "wrong"), "SELECT 1")


def test_the_server_reads_silver_with_its_own_keys_and_nothing_else_of_the_store(server: Server, minio: MinIO) -> None:
    streaming = next(client for client in minio.clients if "streaming" in client)
    files = minio.files_of(streaming)
    pq.write_table(pa.table({"n": [1, 2, 3]}), "silver/user-activity-v2/probe.parquet", filesystem=files)
    write(files, "raw-data/user-activity/probe")
    writer = server.client("writer")

    assert writer.rows(f"SELECT sum(n) FROM s3('{minio.url}/silver/user-activity-v2/probe.parquet', 'Parquet', 'n Int64')") == [["6"]]
    assert refusal(writer, f"SELECT * FROM s3('{minio.url}/raw-data/user-activity/probe', 'LineAsString')")
    files.delete_file("silver/user-activity-v2/probe.parquet")
    files.delete_file("raw-data/user-activity/probe")


def test_passwords_stand_in_no_table_and_no_log(server: Server, values: Secrets) -> None:
    log = server.process.output()
    passwords = {key: value for (_, key), value in values.values.items() if key.endswith("-password")}
    assert {"admin-password", "writer-password", "reader-password"} <= passwords.keys()
    for key, value in passwords.items():
        assert value not in log, key
