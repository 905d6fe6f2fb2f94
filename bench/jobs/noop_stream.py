"""The limit: reads a topic and throws the records away. Arguments: BOOTSTRAP_SERVERS TOPIC MAX_OFFSETS CHECKPOINT."""

import sys

from pyspark.sql import SparkSession


def main(bootstrap_servers: str, topic: str, max_offsets: str, checkpoint: str) -> None:
    spark = SparkSession.builder.getOrCreate()
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", max_offsets)
        .load()
    )
    records.writeStream.format("noop").option("checkpointLocation", checkpoint).trigger(availableNow=True).start().awaitTermination()
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
