CREATE DATABASE IF NOT EXISTS logs;

CREATE TABLE IF NOT EXISTS logs.metrics_funnel_daily
(
    date Date,
    main_users UInt64 COMMENT 'users that saw the main page'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(date)
ORDER BY date;
