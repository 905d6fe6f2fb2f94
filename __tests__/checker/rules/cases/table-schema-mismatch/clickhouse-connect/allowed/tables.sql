CREATE TABLE IF NOT EXISTS logs.metrics_funnel_hourly
(
    hour_bucket DateTime,
    funnel LowCardinality(String),
    users UInt64
)
ENGINE = MergeTree
ORDER BY (hour_bucket, funnel);
