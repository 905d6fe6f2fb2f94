"""What the constructs state of their jobs' data, against what the running jobs read and write.

The jobs run one after the other with the arguments that dist/ gives them; only addresses are of this machine. What they
do with objects is in the S3 server's access log, what they insert is in ClickHouse's own tables. On the way a manifest
and a file are lost, and a day is parsed again: so every folder is read, and every table gets rows.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e.pipeline.stream import HARD, PATIENCE
from local import fetch, manifests
from local.clickhouse import WRITER, ClickHouse
from local.events import events
from local.kafka import Kafka
from local.lake import Lake
from local.object_store import ObjectStore, path_of
from local.process import running
from local.produce import send
from local.spark import JOBS, submit

STREAMING, GOLD = "activity-streaming", "activity-gold"
EVENTS, PARTITIONS = 3_000, 3
RETENTION_DAYS = "20000"
# `owner bucket [time] address requester id s3_PutObject key uri 200 …`; a request about no object has the key `-`.
REQUEST = re.compile(r"\S+ (\S+) \[[^]]*\] \S+ \S+ \S+ s3_(\w+) (\S+) \S+ 2\d\d ")
READS, WRITES = {"GetObject"}, {"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "DeleteObject"}
# Says whose a folder is: no data.
OWNER = "/_owner.json"


@dataclass
class Seen:
    """The keys, as s3a:// URLs, that one job was answered about."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


@dataclass
class Site:
    """The three stores with what the chart expects of them: its topic, its buckets, its database."""

    kafka: Kafka
    object_store: ObjectStore
    clickhouse: ClickHouse
    access_log: Path
    folder: Path
    seen: dict[str, Seen] = field(default_factory=lambda: {STREAMING: Seen(), GOLD: Seen()})
    runs: int = 0

    def arguments(self, application: str) -> list[str]:
        """Those of dist/, with the addresses of this machine."""
        given: list[str] = manifests.named("SparkApplication", application)["spec"]["arguments"]
        return _with(given, {"--bootstrap-servers": self.kafka.bootstrap_servers, "--clickhouse-url": self.clickhouse.url})

    def run(self, application: str, done: Callable[[], bool], *more: str) -> None:
        """Runs a job until something is done, asks it to stop, and notes what it did with objects."""
        main: str = manifests.named("SparkApplication", application)["spec"]["mainApplicationFile"]
        self.runs += 1
        with self._noted(self.seen[application]):
            password = {"CLICKHOUSE_PASSWORD": self.clickhouse.password}
            arguments = [*self.arguments(application), *more]
            process = submit(JOBS / Path(main).name, arguments, self.folder / f"run-{self.runs}", object_store=self.object_store, extra_environment=password)
            process.wait_until(lambda: done() or process.exit_code == 0, PATIENCE)
            process.terminate()
            assert process.wait(PATIENCE) in (0, 143), process.tail()

    @contextmanager
    def _noted(self, seen: Seen) -> Iterator[None]:
        start = self.access_log.stat().st_size if self.access_log.exists() else 0
        yield
        with self.access_log.open() as log:
            log.seek(start)
            for bucket, operation, key in (found.groups() for line in log if (found := REQUEST.match(line))):
                if key != "-" and operation in READS | WRITES:
                    (seen.read if operation in READS else seen.written).add(f"s3a://{bucket}/{key}")

    def objects(self) -> set[str]:
        return {url for bucket in ("raw-data", "silver", "gold") for url in self.object_store.list(f"s3a://{bucket}/")}

    def manifests(self, commits: str) -> list[str]:
        return sorted(url for url in self.object_store.list(commits) if url.endswith(".json") and "/_" not in url)

    def tables(self) -> set[str]:
        return set(self.clickhouse.execute("SELECT name FROM system.tables WHERE database = 'logs' FORMAT TSV").split())

    def filled(self) -> set[str]:
        """The tables that hold rows."""
        return set(self.clickhouse.execute("SELECT DISTINCT table FROM system.parts WHERE database = 'logs' AND rows > 0 FORMAT TSV").split())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    before = running()
    access_log = tmp_path / "access.log"
    monkeypatch.setenv("VGW_ACCESS_LOG", str(access_log))
    with Kafka(tmp_path / "kafka") as kafka, ObjectStore(tmp_path / "object-store") as store, ClickHouse(tmp_path / "clickhouse", store) as clickhouse:
        Lake.create(store)
        yield Site(kafka, store, clickhouse, access_log, tmp_path)
        for process in running():
            if process not in before:
                process.kill()


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """By the object's name, that of a Job without its hash."""
    command = ["node", "--import", "tsx", "e2e/pipeline/declared_flows.ts"]
    printed: dict[str, Any] = json.loads(subprocess.run(command, cwd=fetch.REPOSITORY, capture_output=True, text=True, check=True).stdout)
    return {re.sub(r"^(Job/.*)-[0-9a-f]+$", r"\1", id_).split("/")[-1]: flow for id_, flow in printed.items()}


def _with(given: list[str], addresses: dict[str, str]) -> list[str]:
    return [addresses.get(before, word) for before, word in zip(["", *given], given, strict=False)]


def _folders(flows: list[dict[str, Any]], key: str = "location") -> set[str]:
    return {flow[key] for flow in flows if key in flow}


def _outside(urls: set[str], folders: set[str]) -> set[str]:
    return {url for url in urls if not any(f"{url}/".startswith(folder) for folder in folders)}


def _untouched(folders: set[str], urls: set[str]) -> set[str]:
    return {folder for folder in folders if not any(url.startswith(folder) and not url.endswith(OWNER) for url in urls)}


@pytest.mark.timeout(1200)
def test_the_jobs_read_and_write_what_the_constructs_declare(site: Site, declared: dict[str, Any]) -> None:
    streaming, gold, schema = declared[STREAMING], declared[GOLD], declared["clickhouse-schema"]
    given = site.arguments(STREAMING)
    topic, commits = given[given.index("--topic") + 1], given[given.index("--commits") + 1]
    site.kafka.create_topic(topic, PARTITIONS)
    buckets_before = site.objects()

    # The schema Job, with its own command line but the server's address, the one user who may do everything here, and a
    # retention that still holds the day of the events.
    (container,) = manifests.named("Job", "clickhouse-schema")["spec"]["template"]["spec"]["containers"]
    words = _with(container["command"][2:], {"--clickhouse-url": site.clickhouse.url, "--clickhouse-user": WRITER, "--retention-days": RETENTION_DAYS})
    environment = {**os.environ, "CLICKHOUSE_PASSWORD": site.clickhouse.password}
    subprocess.run([str(fetch.python()), str(JOBS / "schema_job.py"), *words], env=environment, check=True, capture_output=True)
    made = {found[1] for statement in schema["definitions"] if (found := re.match(r"CREATE [A-Z ]*(?:TABLE|VIEW) (?:IF NOT EXISTS )?logs\.(\w+)", statement))}
    assert site.tables() == made
    assert site.filled() == set()

    # Two batches; before the second, the manifest of the first is lost and written again from its files.
    for batch in range(2):
        send(site.kafka.bootstrap_servers, topic, PARTITIONS, events(HARD, batch * EVENTS, EVENTS))
        for lost in site.manifests(commits):
            site.object_store.delete(lost)
        site.run(STREAMING, lambda batch=batch: len(site.manifests(commits)) > batch)  # type: ignore[misc]

    # Gold, while a file of the first batch has left the lake as by its retention: its day is marked.
    first = json.loads(site.object_store.read(site.manifests(commits)[0]))
    assert first["kind"] == "rebuilt"
    url, day = _file_of_a_day(first)
    content = site.object_store.read(url)
    site.object_store.delete(url)
    site.run(GOLD, lambda: {"gold_positions", "gold_expired_files"} <= site.filled())

    # The file comes back from a backup, the day is parsed again from bronze, and gold computes it anew.
    with site.object_store.files().open_output_stream(path_of(url)) as stream:
        stream.write(content)
    site.run(STREAMING, lambda: False, "--date", day)
    site.run(GOLD, lambda: "gold_generations" in site.filled())

    reads = {read.get("topic") for read in streaming["reads"]} - {None}
    assert reads == {topic}
    checkpoints = _folders(streaming["reads"], "checkpoint")
    for flow, seen in ((streaming, site.seen[STREAMING]), (gold, site.seen[GOLD])):
        own = _folders(flow.get("writes", [])) | _folders(flow["reads"], "checkpoint")
        assert _outside(seen.written, own) == set(), "written and not declared"
        assert _untouched(own, seen.written) == set(), "declared and not written"
        assert _outside(seen.read, own | _folders(flow["reads"])) == set(), "read and not declared"
        assert _untouched(_folders(flow["reads"]), seen.read) == set(), "declared and not read"
    assert _outside(site.objects() - buckets_before, _folders(streaming["writes"]) | checkpoints) == set()
    assert site.filled() == {insert["table"] for insert in gold["inserts"]}
    assert {insert["database"] for insert in gold["inserts"]} == {"logs"}
    for insert in gold["inserts"]:
        columns = site.clickhouse.execute(f"SELECT name FROM system.columns WHERE database = 'logs' AND table = '{insert['table']}' FORMAT TSV")
        assert set(insert["columns"]) == set(columns.split()), insert["table"]


def _file_of_a_day(manifest: dict[str, Any]) -> tuple[str, str]:
    """A silver file whose hour is in its path, and its day."""
    for file in manifest["silver"]:
        if found := re.search(r"/year=(\d+)/month=(\d+)/day=(\d+)/hour=\d+/", file["path"]):
            year, month, day = (int(part) for part in found.groups())
            return file["path"], f"{year:04}-{month:02}-{day:02}"
    raise AssertionError(f"no silver file of one hour among {manifest['silver']}")
