"""The streaming job as it is usually written: a regular expression a column, two Python UDFs, two queries that both read Kafka.

It has no quarantine and no commit point. Arguments: BOOTSTRAP_SERVERS TOPIC MAX_OFFSETS CHECKPOINT BRONZE SILVER.
"""

import re
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, StringType


@F.udf(StringType())
def clean(line: str) -> str:
    """The event without the logger's prefix."""
    match = re.search(r"\[[A-Z_]+\].*", line or "")
    return match.group(0).strip() if match else ""


@F.udf(BooleanType())
def failed(status: str) -> bool:
    """Whether the request failed."""
    return status == "FAILED"


def main(bootstrap_servers: str, topic: str, max_offsets: str, checkpoint: str, bronze: str, silver: str) -> None:
    spark = SparkSession.builder.getOrCreate()
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", max_offsets)
        .load()
        .select(F.col("value").cast("string").alias("raw_json"), "topic", "partition", "offset", F.col("timestamp").alias("kafka_timestamp"))
    )
    line = F.col("raw_json_clean")
    parsed = (
        records.withColumn("raw_json_clean", clean("raw_json"))
        .withColumn("http_method", F.regexp_extract(line, r"\b(GET|POST|PUT|DELETE|PATCH|HEAD)\b", 1))
        .withColumn("status", F.regexp_extract(line, r"\b(API_CALL|API_FINISH|DATA_LOOKUP|FAILED)\b", 1))
        .withColumn("is_failed", failed("status"))
        .withColumn("event_type", F.regexp_extract(line, r"\[([A-Z_]+)\]", 1))
        .withColumn("user_id", F.regexp_extract(line, r"user=(\d+)", 1))
        .withColumn("endpoint", F.regexp_extract(line, r"(?:GET|POST|PUT|DELETE|PATCH|HEAD) (\S+)", 1))
        .withColumn("action_type", F.regexp_extract(line, r"\] -? ?([A-Z_]+)", 1))
        .withColumn("session_id", F.regexp_extract(line, r"session=(\S+)", 1))
        .withColumn("bytes", F.regexp_extract(line, r"bytes=(\d+)", 1).cast("long"))
        .withColumn("latency_ms", F.regexp_extract(line, r"latency_ms=(\d+)", 1).cast("long"))
        .withColumn("event_time", F.to_timestamp(F.regexp_extract(line, r"time=(\S+)", 1)))
        .withColumn("year", F.year("event_time"))
        .withColumn("month", F.month("event_time"))
        .withColumn("day", F.dayofmonth("event_time"))
        .withColumn("hour", F.hour("event_time"))
    )
    queries = [
        records.writeStream.format("json").option("path", bronze).option("checkpointLocation", f"{checkpoint}bronze").partitionBy("topic").trigger(availableNow=True).start(),
        parsed.writeStream.format("parquet")
        .option("path", silver)
        .option("checkpointLocation", f"{checkpoint}silver")
        .partitionBy("year", "month", "day", "hour")
        .trigger(availableNow=True)
        .start(),
    ]
    for query in queries:
        query.awaitTermination()
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
