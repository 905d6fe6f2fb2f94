#!/usr/bin/env python3
"""`spark-submit ARGUMENTS`: what the operator starts, in a JVM that sees the memory and the processor that its container would give.

Environment: SUBMIT_WITH, the Spark to submit with; SUBMIT_MEMORY, bytes; SUBMIT_PACKAGES, a folder for what is fetched; SUBMIT_PEAKS, a file
that gets a line for each submission: the most bytes that were resident.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """spark-submit's own exit code."""
    packages = f"spark.jars.ivy={os.environ['SUBMIT_PACKAGES']}"
    here = [packages if argument.startswith("spark.jars.ivy=") else argument for argument in arguments]
    jvm = f"-XX:MaxRAM={os.environ['SUBMIT_MEMORY']} -XX:ActiveProcessorCount=1"
    spark = os.environ["SUBMIT_WITH"]
    command = [f"{spark}/bin/spark-submit", *here]
    ended = subprocess.run(command, env={**os.environ, "SPARK_HOME": spark, "JAVA_TOOL_OPTIONS": jvm}, check=False)
    with Path(os.environ["SUBMIT_PEAKS"]).open("a") as peaks:
        peaks.write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024}\n")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
