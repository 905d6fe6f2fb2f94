"""`driver_program.py`: waits for a line on stdin, then asks for a Spark application's executors with Spark's own code, until stdin ends.

The line is a JSON object: `files` that the driver pod mounts, by their path there (spark.properties, which Spark's submission wrote, and
the executors' pod template, which it names), and `owned`: whether the executors end with the driver pod. Prints `requested` once Spark's own allocator runs. No executor ever connects:
the pods run on machines that do not exist.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

PROPERTIES = "/opt/spark/conf/spark.properties"
POD_TEMPLATE = "spark.kubernetes.executor.podTemplateFile"
# What holds for the driver's pod, and not for a program on this machine: its addresses and credentials, its packages, JVM and metrics.
POD_ONLY = (
    "spark.driver.host",
    "spark.driver.port",
    "spark.driver.extraJavaOptions",
    "spark.jars",
    "spark.kubernetes.submitInDriver",
    "spark.metrics.",
    "spark.submit.",
    "spark.ui.",
)
# A short call and a wait: what a JVM compiles for long runs is never used.
JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"


def main() -> int:
    """0 when stdin has ended."""
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--driver-memory 512m --driver-java-options '{JVM_OPTIONS}' pyspark-shell"
    gateway = launch_gateway()
    line = sys.stdin.readline()
    if not line:
        return 0
    order = json.loads(line)
    files: dict[str, str] = order["files"]
    settings = {key: value for key, value in properties(gateway, files[PROPERTIES]).items() if not key.startswith(POD_ONLY)}
    with tempfile.TemporaryDirectory() as folder:
        if POD_TEMPLATE in settings:
            template = Path(folder, "executor.yml")
            template.write_text(files[settings[POD_TEMPLATE]])
            settings[POD_TEMPLATE] = str(template)
        if not order["owned"]:
            del settings["spark.kubernetes.driver.pod.name"]
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            # A pod that ends with its node leaves no trace that Spark's watch understands: it asks again when it next counts its pods.
            "spark.kubernetes.executor.apiPollingInterval": "1s",
            # Nobody registers: without this Spark waits half a minute for executors before it says that it has started.
            "spark.scheduler.minRegisteredResourcesRatio": "0",
        }
        context = SparkContext(gateway=gateway, conf=SparkConf(_jvm=gateway.jvm).setAll(list(settings.items())))
        print("requested", flush=True)
        sys.stdin.read()
        context.stop()
    return 0


def properties(gateway: Any, text: str) -> dict[str, str]:
    """A Java properties file, read by Java."""
    read = gateway.jvm.java.util.Properties()
    read.load(gateway.jvm.java.io.StringReader(text))
    return {key: read.getProperty(key) for key in read.stringPropertyNames()}


if __name__ == "__main__":
    sys.exit(main())
