"""The Spark session of a job: every setting that correctness depends on and that can be set in code.

What has to be known before the JVM starts stands in spark-defaults.conf.
"""

from __future__ import annotations

from typing import Any

from pyspark import SparkConf
from pyspark.sql import SparkSession

ZSTD_CODEC = "org.apache.parquet.hadoop.codec.ZstandardCodec"

_CONF = {
    # Times are UTC: year, month, day and hour of silver, and what a time without a zone is read as before it is shifted.
    "spark.sql.session.timeZone": "UTC",
    # A value that does not fit its type is null, as the parser states; in ANSI mode it would end the query.
    "spark.sql.ansi.enabled": "false",
    # Parquet's own timestamps, as contract says; the default is Impala's INT96, and refuses times before 1900.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # Bronze's lines are read again when the commit log has to be rebuilt.
    "spark.hadoop.io.compression.codecs": ZSTD_CODEC,
    # Checkpoints without rename: an object appears when its upload is complete (spark-hadoop-cloud, Hadoop 3.3.1 on).
    "spark.sql.streaming.checkpointFileManagerClass": "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager",
    # Output without rename: a task uploads to the final place, the upload is completed when the job is.
    "spark.hadoop.fs.s3a.committer.name": "magic",
    "spark.hadoop.fs.s3a.committer.abort.pending.uploads": "false",
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
    "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    # Rows go straight to the writer of their hour; only a task with more hours than this sorts first.
    "spark.sql.maxConcurrentOutputFileWriters": "8",
    # A store that does not answer ends the job within a minute instead of after 20 attempts.
    "spark.hadoop.fs.s3a.attempts.maximum": "5",
    "spark.hadoop.fs.s3a.retry.limit": "5",
    "spark.hadoop.fs.s3a.connection.establish.timeout": "5000",
}

# Warnings that nobody can act on: a page of statistics for each checkpoint file, that object_store.py uses the AWS client,
# that Hadoop has no native code here and no metrics file, and a page for each try to ask the brokers for offsets: after the last
# one the query ends, and the job says how.
_LOUD = (
    "org.apache.hadoop.fs.s3a.S3AInstrumentation",
    "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "org.apache.hadoop.util.NativeCodeLoader",
    "org.apache.hadoop.metrics2.impl.MetricsConfig",
    "org.apache.spark.sql.kafka010.KafkaOffsetReaderAdmin",
)


def create(name: str) -> SparkSession:
    """The session of the job `name`; settings given at submit time win."""
    given = SparkConf()
    builder = SparkSession.builder.appName(name)
    for key, value in _CONF.items():
        if not given.contains(key):
            builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    jvm: Any = session._jvm
    for name in _LOUD:
        jvm.org.apache.logging.log4j.core.config.Configurator.setLevel(name, jvm.org.apache.logging.log4j.Level.ERROR)
    return session
