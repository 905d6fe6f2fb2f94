"""A stream: it goes on until it is stopped."""

from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    silver = spark.readStream.schema("event_type string").option("maxFilesPerTrigger", "10").parquet("s3a://silver/user-activity-v2/")
    copied = silver.writeStream.format("parquet").option("checkpointLocation", "s3a://gold/checkpoints/copy/")
    copied.start("s3a://gold/copy/").awaitTermination()
