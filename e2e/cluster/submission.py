"""`submission.py SETTINGS`: waits for a line on stdin, then creates the pods of a Spark application with Spark's own code, until stdin ends.

SETTINGS: JSON object of Spark settings, the pod templates' files included. The driver pod comes of spark-submit's cluster mode,
the executor pods of a driver in client mode in the same JVM. Prints `requested` once Spark's own allocator runs. No executor ever
connects: the pods run on machines that do not exist.
"""

from __future__ import annotations

import json
import os
import sys

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

APPLICATION = "local:///opt/spark/code/application.py"
# The client-mode driver runs on this machine: what is said of the driver's pod and of fetching packages does not apply to it.
CLUSTER_MODE_ONLY = ("spark.kubernetes.driver.", "spark.driver.", "spark.jars.packages", "spark.metrics.")
# Two short calls and a wait: what a JVM compiles for long runs is never used.
JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"


def main(settings: dict[str, str]) -> int:
    """0 when stdin has ended."""
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--driver-memory 512m --driver-java-options '{JVM_OPTIONS}' pyspark-shell"
    gateway = launch_gateway()
    if not sys.stdin.readline():
        return 0
    conf = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    submit = ["--deploy-mode", "cluster", *conf, "--conf", "spark.kubernetes.submission.waitAppCompletion=false", APPLICATION]
    words = gateway.new_array(gateway.jvm.java.lang.String, len(submit))
    for index, word in enumerate(submit):
        words[index] = word
    gateway.jvm.org.apache.spark.deploy.InProcessSparkSubmit.main(words)

    client = {key: value for key, value in settings.items() if not key.startswith(CLUSTER_MODE_ONLY)}
    # A pod that ends with its node leaves no trace that Spark's watch understands: it asks again when it next counts its pods.
    client |= {"spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false", "spark.kubernetes.executor.apiPollingInterval": "1s"}
    context = SparkContext(gateway=gateway, conf=SparkConf(_jvm=gateway.jvm).setAll(list(client.items())))
    print("requested", flush=True)
    sys.stdin.read()
    context.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
