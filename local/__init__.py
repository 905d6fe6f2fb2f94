"""The whole pipeline on this machine: Kafka, an S3 server, ClickHouse and Spark, fetched, started, checked and stopped."""
