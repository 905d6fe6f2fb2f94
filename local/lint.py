"""The formatter, the linter and the type checker over all Python of the repository; the exit code is the number that found something."""

from __future__ import annotations

import subprocess
import sys

CHECKS = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])

if __name__ == "__main__":
    sys.exit(sum(subprocess.run([sys.executable, "-m", *check], check=False).returncode != 0 for check in CHECKS))
