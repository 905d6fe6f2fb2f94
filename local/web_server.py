"""The shop's web server (was/), as the chart runs it: one bundled file on Node."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from local import fetch
from local.process import Process, free_port

BUNDLE = fetch.REPOSITORY / "was" / "dist" / "server.js"


class WebServer:
    """Started by `with`; stopping it hands its last events to Kafka."""

    def __init__(self, folder: Path, bootstrap_servers: str, topic: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._environment = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "KAFKA_TOPIC": topic,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "DRAIN_DELAY_MS": "0",
        }
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> WebServer:
        self.process = Process("the web server", ["node", BUNDLE], self.folder / "web-server.log", self._environment)
        self.process.wait_until(self._ready, 30)
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2):
                return True
        except OSError:
            return False

    def check_alive(self) -> None:
        """Raises ComponentError when it has ended by itself."""
        if self.process is not None:
            self.process.check_alive()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop(60)

    def __enter__(self) -> WebServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
