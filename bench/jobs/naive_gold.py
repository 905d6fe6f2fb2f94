"""The gold job as it is usually written: every batch is read again for every table and for every count that is logged.

It throws its results away, so that only its own work is measured. Arguments: SILVER CHECKPOINT MAX_FILES.
"""

import sys

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F


def write(table: DataFrame, name: str) -> None:
    """Logs the number of rows, then writes them."""
    print(f"{name}: {table.count()} rows", flush=True)
    table.write.format("noop").mode("overwrite").save()


def fold(batch: DataFrame, number: int) -> None:
    """The five tables of one batch."""
    if batch.rdd.isEmpty():
        return
    print(f"batch {number}: {batch.count()} rows, {batch.filter('user_id IS NULL').count()} without a user", flush=True)
    route = F.lower(F.regexp_replace(F.regexp_replace("endpoint", r"/\d+(?=/|$)", "/:id"), r"/[0-9a-fA-F-]{36}(?=/|$)", "/:id"))
    events = batch.withColumn("route", F.regexp_replace(route, r"(.)/$", "$1")).withColumn("error", F.col("is_failed").cast("int"))
    events = events.withColumn("delay", F.col("kafka_timestamp").cast("double") - F.col("event_time").cast("double"))
    health = events.groupBy(F.date_trunc("minute", "event_time").alias("minute")).agg(
        F.count("*"), F.sum("error"), F.avg("error"), F.sum("bytes"), F.countDistinct("user_id"), F.countDistinct("session_id"), F.avg("delay")
    )
    write(health, "metrics_server_health_minutely")
    operational = events.groupBy(F.date_trunc("hour", "event_time").alias("hour"), "route", "http_method").agg(
        F.count("*"),
        F.sum("bytes"),
        F.avg("bytes"),
        F.sum("error"),
        F.countDistinct("user_id"),
        *(F.expr(f"percentile_approx(bytes, {share})") for share in (0.5, 0.95, 0.99)),
    )
    write(operational, "metrics_operational_hourly")
    daily = events.withColumn("date", F.to_date("event_time"))
    actions = daily.groupBy("date", "event_type", "action_type").agg(F.count("*"), F.countDistinct("user_id"), F.countDistinct("session_id"))
    write(actions, "metrics_business_daily ACTION")
    newest = Window.partitionBy("date", "user_id").orderBy(F.desc("event_time"), F.desc("partition"), F.desc("offset"))
    last = daily.withColumn("place", F.row_number().over(newest)).filter("place = 1")
    write(last.groupBy("date", "event_type", "action_type").agg(F.count("*"), F.countDistinct("user_id")), "metrics_business_daily DROPOFF")
    steps = daily.groupBy("date").agg(*(F.countDistinct(F.when(F.col("action_type") == action, F.col("user_id"))).alias(action) for action in ("MAIN", "CART_ADD", "ORDER")))
    write(steps, "metrics_funnel_daily")
    missing = F.greatest(*(F.col(name).isNull().cast("int") for name in ("user_id", "event_type", "endpoint", "event_time", "http_method")))
    quality = events.groupBy(F.date_trunc("hour", "event_time").alias("hour")).agg(F.count("*"), F.sum(missing), F.avg("delay"))
    write(quality, "metrics_data_quality_hourly")


def main(silver: str, checkpoint: str, max_files: str) -> None:
    spark = SparkSession.builder.getOrCreate()
    schema = spark.read.parquet(silver).schema
    rows = spark.readStream.schema(schema).option("maxFilesPerTrigger", max_files).parquet(silver)
    query = rows.writeStream.foreachBatch(fold).option("checkpointLocation", checkpoint).trigger(availableNow=True).start()
    query.awaitTermination()
    print("finished", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
