CREATE DATABASE IF NOT EXISTS logs;

CREATE TABLE IF NOT EXISTS logs.metrics_funnel_hourly
(
    hour_bucket DateTime,
    main_users UInt64 COMMENT 'users that saw the main page'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour_bucket)
ORDER BY hour_bucket;
