CREATE TABLE logs.a (x Int8, y Int8) ENGINE = MergeTree ORDER BY x;
CREATE TABLE logs.b (x Int8) ENGINE = MergeTree ORDER BY x;
