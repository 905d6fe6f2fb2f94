CREATE TABLE logs.events (day Date, n UInt64) ENGINE = MergeTree ORDER BY day;
