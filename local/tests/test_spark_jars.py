"""What `npm run build:spark-jars` prints is what Maven resolves for the connectors, and what Spark itself resolves at start."""

from __future__ import annotations

import subprocess
from pathlib import Path

from local import fetch

ROOT = Path(__file__).resolve().parents[2]


def printed() -> set[str]:
    """File names of the printed coordinates."""
    run = subprocess.run(["npm", "run", "--silent", "build:spark-jars"], cwd=ROOT, check=True, capture_output=True, text=True)
    coordinates = [line.split(":") for line in run.stdout.splitlines()]
    return {f"{name}-{version}.jar" for _, name, version in coordinates}


def test_the_printed_jars_are_those_that_maven_resolves() -> None:
    fetch.ensure("spark-connectors")
    resolved = {jar.name for jar in fetch.artifacts()["spark-connectors"].folder.glob("*.jar")}

    assert printed() == resolved
