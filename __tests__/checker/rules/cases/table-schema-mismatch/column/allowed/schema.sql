CREATE TABLE logs.metrics_daily (date Date, events UInt64) ENGINE = MergeTree ORDER BY date;
