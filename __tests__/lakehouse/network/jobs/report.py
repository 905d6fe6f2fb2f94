"""A batch: what silver holds of yesterday, counted once."""

from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    silver = spark.read.parquet("s3a://silver/user-activity-v2/")
    print(silver.where("event_type is not null").count())
    spark.stop()
