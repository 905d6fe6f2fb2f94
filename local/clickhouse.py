"""A ClickHouse server: the whole server as a shared library, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from local import fetch
from local.object_store import ObjectStore
from local.process import Process, free_port

WRITER, READER = "writer", "reader"  # the users of the chart's ClickHouseDb


class ClickHouseError(Exception):
    """The server's answer to a statement that it refused."""


class ClickHouse:
    """Started by `with`, or by start(); keeps its port and its tables over a kill() and another start().

    With an object store, the server reads it by its own configuration, as in the chart: no query holds credentials.
    """

    def __init__(self, folder: Path, object_store: ObjectStore | None = None, *, settings: str = "<max_server_memory_usage>3000000000</max_server_memory_usage>") -> None:
        self.folder = folder
        self.object_store = object_store
        self.settings = settings
        self.port = free_port()
        self.tcp_port = free_port()
        self.password = secrets.token_hex(16)
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> ClickHouse:
        process = self.start_without_waiting()
        process.wait_until(self._ready, 60)
        return self

    def start_without_waiting(self) -> Process:
        """Starts the process, which may not answer yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.xml").write_text(self._config())
        (self.folder / "users.xml").write_text(self._users())
        library = fetch.artifacts()["clickhouse"].folder / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
        server = Path(__file__).with_name("clickhouse_process.py")
        environment = {"S3_ACCESS_KEY": self.object_store.access_key, "S3_SECRET_KEY": self.object_store.secret_key} if self.object_store else {}
        command = [sys.executable, server, library, self.folder, self.port, self.tcp_port]
        self.process = Process("ClickHouse", command, self.folder / "clickhouse.log", environment)
        return self.process

    def _config(self) -> str:
        store = self.object_store
        s3 = (
            f"""
  <s3>
    <lakehouse>
      <endpoint>{store.endpoint}/</endpoint>
      <access_key_id from_env="S3_ACCESS_KEY"/>
      <secret_access_key from_env="S3_SECRET_KEY"/>
      <region>us-east-1</region>
    </lakehouse>
  </s3>"""
            if store
            else ""
        )
        return f"""<clickhouse>
  <users_config>{self.folder}/users.xml</users_config>
  <logger><level>warning</level><log>{self.folder}/server.log</log></logger>
  {self.settings}{s3}
</clickhouse>
"""

    def _users(self) -> str:
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        user = "<password_sha256_hex>{}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks><profile>{}</profile><quota>default</quota>"
        return f"""<clickhouse>
  <profiles>
    <default></default>
    <readonly><readonly>2</readonly></readonly>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default><password></password><networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
    <{WRITER}>{user.format(digest, "default")}</{WRITER}>
    <{READER}>{user.format(digest, "readonly")}</{READER}>
  </users>
</clickhouse>
"""

    def _ready(self) -> bool:
        try:
            return self.query("SELECT 1 AS one") == [{"one": 1}]
        except (OSError, ClickHouseError):
            return False

    def execute(self, statement: str, user: str = WRITER, **settings: str) -> str:
        """Runs one statement; returns the answer's text. Raises ClickHouseError."""
        query = urllib.parse.urlencode({"output_format_json_quote_64bit_integers": "0", **settings})
        request = urllib.request.Request(f"{self.url}/?{query}", data=statement.encode())
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{self.password}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as refusal:
            raise ClickHouseError(refusal.read().decode()) from None

    def query(self, statement: str, user: str = WRITER) -> list[dict[str, Any]]:
        """The rows of a SELECT, each by column name."""
        rows: list[dict[str, Any]] = json.loads(self.execute(f"{statement} FORMAT JSON", user))["data"]
        return rows

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        if self.process is not None:
            self.process.kill()

    def __enter__(self) -> ClickHouse:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
