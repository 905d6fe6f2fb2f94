"""A copy of the records without a look inside, as Parquet. Arguments: BOOTSTRAP_SERVERS TOPIC MAX_OFFSETS CHECKPOINT OUTPUT."""

import sys

from pyspark.sql import SparkSession


def main(bootstrap_servers: str, topic: str, max_offsets: str, checkpoint: str, output: str) -> None:
    spark = SparkSession.builder.getOrCreate()
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", max_offsets)
        .load()
        .select("value", "topic", "partition", "offset", "timestamp")
    )
    writer = records.writeStream.format("parquet").option("compression", "zstd").option("path", output).option("checkpointLocation", checkpoint)
    writer.trigger(availableNow=True).start().awaitTermination()
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
