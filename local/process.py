"""Processes that never outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)
_started_here: list[Process] = []


class ComponentError(Exception):
    """A component did not start, or died. One sentence and the end of its log."""


def die_with_parent() -> None:
    """Runs in the child before exec: the kernel kills it when the thread that started it is gone.

    So components are started from a thread that lives as long as they should, in practice the main one.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, below the range that outgoing connections take theirs from."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Process:
    """One component's process, in a process group of its own, with its output in a log file."""

    def __init__(self, name: str, command: Sequence[object], log: Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        _started_here.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when one ended it."""
        return self._process.poll()

    def output(self) -> str:
        """What it has written since this start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait(self, timeout_seconds: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(timeout_seconds)
        self._signal_group(signal.SIGKILL)
        return code

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Returns when `ready` answers true; raises ComponentError when the process ends before, or the time is over."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if self.exit_code is not None:
                raise ComponentError(f"{self.name} ended with code {self.exit_code} while starting; its log {self.log} ends with:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ComponentError(f"{self.name} did not start within {timeout_seconds:.0f} s; its log {self.log} ends with:\n{self.tail()}")
            time.sleep(0.05)

    def check_alive(self) -> None:
        """Raises ComponentError when it has ended by itself."""
        if self.exit_code is not None:
            raise ComponentError(f"{self.name} ended with code {self.exit_code}; its log {self.log} ends with:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.output().splitlines()[-lines:])

    def terminate(self) -> None:
        """SIGTERM to the process alone, without waiting: as Kubernetes ends a container."""
        if self.exit_code is None:
            self._process.terminate()

    def stop(self, timeout_seconds: float = 20) -> None:
        """SIGTERM to the process, then SIGKILL to whatever is left of its group."""
        self.terminate()
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group: a crash."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        if self in _started_here:
            _started_here.remove(self)

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass


def running() -> list[Process]:
    """The processes started here and not stopped yet, oldest first."""
    return list(_started_here)


def answers(port: int) -> bool:
    """Whether something on 127.0.0.1 accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
