"""Requests and failures of each endpoint, as CSV: a batch that ends."""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--silver", required=True)
    parser.add_argument("--report", required=True)
    options = parser.parse_args()

    spark = SparkSession.builder.appName("endpoint-report").getOrCreate()
    requests = spark.read.parquet(options.silver).where(f.col("endpoint").isNotNull())
    report = requests.groupBy("endpoint").agg(
        f.count("*").alias("requests"),
        f.sum(f.col("is_failed").cast("long")).alias("failures"),
    )
    report.write.mode("overwrite").option("header", "true").csv(options.report)
    spark.stop()


if __name__ == "__main__":
    main()
