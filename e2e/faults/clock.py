"""A wall clock for the jobs that can be set while they run: a small library that is preloaded, where a C compiler is at hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """Off by 0 seconds at first. `environment` goes to the jobs; it is empty when there is no compiler."""

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "clock.so"
        self.set(0)
        compiler = shutil.which("cc")
        done = compiler and subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], capture_output=True, check=False)
        self.can_be_set = bool(done) and library.exists()
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(self._file)} if self.can_be_set else {}

    def set(self, seconds: int) -> None:
        """From now on the jobs' clock is off by so many seconds."""
        content = seconds.to_bytes(8, "little", signed=True)
        if not self._file.exists():
            self._file.write_bytes(content)
        else:
            with self._file.open("r+b") as file:
                file.write(content)
