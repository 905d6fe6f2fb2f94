"""Processes that write events end with the process that started them, also when no broker answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import fetch

SCRIPT = """
from local.events import Traffic
from local.produce import Production

if __name__ == "__main__":
    production = Production("127.0.0.1:1", "nowhere", 1, Traffic(), 10_000_000)
    print(*(worker.pid for worker in production._workers), flush=True)
    production.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
@pytest.mark.parametrize("moment", [0, 5], ids=["while they start", "while they write"])
def test_no_process_is_left(tmp_path: Path, number: signal.Signals, moment: float) -> None:
    script = tmp_path / "produces.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": f"{fetch.REPOSITORY}:{fetch.REPOSITORY}/spark-jobs"}
    producing = subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert producing.stdout is not None
        workers = [int(pid) for pid in producing.stdout.readline().split()]
        assert len(workers) == 2
        time.sleep(moment)
        producing.send_signal(number)
        assert producing.wait(60) != 0
        deadline = time.monotonic() + 60
        while left := [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
            assert time.monotonic() < deadline, f"{left} are left"
            time.sleep(0.1)
    finally:
        producing.kill()
        producing.communicate()
