"""`request_executors.py SETTINGS`: a driver in client mode that asks the API server for its executor pods until SIGTERM.

SETTINGS: JSON object of Spark settings, the executors' pod template included. Prints `requested` once Spark's own
allocator runs. No executor ever connects: the pods run on machines that do not exist.
"""

from __future__ import annotations

import json
import signal
import sys

from pyspark.sql import SparkSession

# The driver runs on this machine: what is said of the driver's pod and of fetching packages does not apply to it.
CLUSTER_MODE_ONLY = ("spark.kubernetes.driver.", "spark.driver.", "spark.jars.packages", "spark.metrics.")


def main(settings: dict[str, str]) -> int:
    """0 after SIGTERM."""
    builder = SparkSession.builder
    for key, value in settings.items():
        if not key.startswith(CLUSTER_MODE_ONLY):
            builder = builder.config(key, value)
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.memory", "512m").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    print("requested", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    session.stop()
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main(json.loads(sys.argv[1])))
