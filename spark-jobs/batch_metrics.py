"""The figures of the last batch as Spark metrics, where Spark's Prometheus servlet publishes them."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

_NAMES = ("sequence", "lag", "milliseconds", "bronze", "silver", "quarantine")


class BatchMetrics:
    """Gauges `AccumulatorSource.lakehouse_<name>`: sequence, lag (records), milliseconds, and rows by layer, all of
    the last batch.
    """

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        context = spark._jsc.sc()
        self._gauges = {name: context.longAccumulator(f"lakehouse_{name}") for name in _NAMES}
        gauges = jvm.java.util.HashMap()
        for name, gauge in self._gauges.items():
            gauges.put(f"lakehouse_{name}", gauge)
        as_scala = jvm.org.apache.spark.api.python.PythonUtils.toScalaMap(gauges)
        # The companion object: its class has a `register` of its own, so Scala makes no static one.
        source = getattr(getattr(jvm.org.apache.spark.metrics.source, "LongAccumulatorSource$"), "MODULE$")
        source.register(context, as_scala)

    def report(self, **figures: int) -> None:
        for name, value in figures.items():
            self._gauges[name].reset()
            self._gauges[name].add(value)
