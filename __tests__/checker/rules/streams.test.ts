import { check } from '../../../lib/checker/check/check';

const APPLICATION = `apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata:
  name: events
  namespace: default
spec:
  type: Python
  mode: cluster
  image: apache/spark:3.5.7-java17-python3
  sparkVersion: 3.5.7
  mainApplicationFile: local:///opt/spark/code/events.py
  restartPolicy:
    type: Always
    onFailureRetryInterval: 30
    onSubmissionFailureRetryInterval: 30
  deps:
    packages:
      - org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7
      - org.apache.hadoop:hadoop-aws:3.3.4
  sparkConf:
    spark.jars.ivy: "/tmp/.ivy2"
  volumes:
    - name: code
      configMap:
        name: events-code
  driver:
    cores: 1
    coreRequest: 400m
    memory: 1g
    serviceAccount: spark
    volumeMounts:
      - name: code
        mountPath: /opt/spark/code
  executor:
    cores: 1
    coreRequest: 400m
    instances: 2
    memory: 2g
`;

/** Rules that fire on a job with this code behind its reader of Kafka, each with its level. */
function fired(code: string, option = ''): string[] {
  const program = `from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.appName("events").getOrCreate()
events = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", "kafka:9092")
    .option("subscribe", "events")
    .option("maxOffsetsPerTrigger", 100000)
    ${option}
    .load()
)
${code}`;
  const manifest = `apiVersion: v1
kind: ConfigMap
metadata: { name: events-code, namespace: default }
data:
  events.py: |
    ${program.replaceAll('\n', '\n    ')}
---
${APPLICATION}`;
  const sources = [{ file: 'a.yaml', bytes: Buffer.from(manifest) }];
  const { violations } = check({ sources, named: [], skipped: [], unreadable: [] });
  return [...new Set(violations.map(({ rule, level }) => `${rule} ${level}`))].sort();
}

describe('a stream', () => {
  it.each([
    [
      'a table without a checkpoint',
      `q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.toTable("lake.events")
q.awaitTermination()
`,
      ['stream-without-checkpoint'],
    ],
    [
      'foreach without a checkpoint',
      `q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.foreach(lambda row: print(row)).start()
q.awaitTermination()
`,
      ['stream-without-checkpoint'],
    ],
    [
      'a bounded query that nothing waits for',
      `q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").trigger(availableNow=True).option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
`,
      ['query-not-awaited'],
    ],
    [
      'an aggregation in SQL that is appended',
      `events.createOrReplaceTempView("v")
c = spark.sql("SELECT topic, count(*) n FROM v GROUP BY topic")
q = c.writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      ['unsupported-output-mode'],
    ],
    [
      'duplicates dropped and appended',
      `q = events.dropDuplicates(["key"]).selectExpr("CAST(value AS STRING) v").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      [],
    ],
    [
      'an aggregation that updates Kafka',
      `q = events.groupBy("topic").count().selectExpr("CAST(count AS STRING) AS value").writeStream.format("kafka").outputMode("update").option("kafka.bootstrap.servers","kafka:9092").option("topic","t").option("checkpointLocation","s3a://lake/c/a").start()
q.awaitTermination()
`,
      [],
    ],
    [
      'an aggregation that updates files',
      `q = events.groupBy("topic").count().writeStream.outputMode("update").format("json").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      ['unsupported-output-mode'],
    ],
    [
      'a mode in a variable',
      `m = "complete"
q = events.groupBy("topic").count().writeStream.outputMode(m).format("csv").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      ['unsupported-output-mode'],
    ],
    [
      'a mode among the words of start()',
      `q = events.groupBy("topic").count().writeStream.option("checkpointLocation","s3a://lake/c/a").start("s3a://lake/x/", format="orc", outputMode="complete")
q.awaitTermination()
`,
      ['unsupported-output-mode'],
    ],
    [
      'two chains that both wait',
      `events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/").awaitTermination()
events.selectExpr("key").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/b").start("s3a://lake/b/").awaitTermination()
`,
      ['query-not-awaited'],
    ],
    [
      'a loop that waits in each turn',
      `for n in ["a","b"]:
    q = events.where("topic = '%s'" % n).writeStream.format("parquet").option("checkpointLocation", f"s3a://lake/c/{n}").start(f"s3a://lake/{n}/")
    q.awaitTermination()
`,
      ['query-not-awaited'],
    ],
    [
      'a list of queries, all waited for',
      `qs = []
for n in ["a","b"]:
    qs.append(events.where("topic = '%s'" % n).writeStream.format("parquet").option("checkpointLocation", f"s3a://lake/c/{n}").start(f"s3a://lake/{n}/"))
for q in qs:
    q.awaitTermination()
`,
      [],
    ],
    [
      'a stream behind a bounded query',
      `a = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").trigger(availableNow=True).option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
a.awaitTermination()
b = events.selectExpr("key").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/b").start("s3a://lake/b/")
b.awaitTermination()
`,
      [],
    ],
    [
      'a main function that waits for nothing',
      `def main():
    q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")

if __name__ == "__main__":
    main()
`,
      ['query-not-awaited'],
    ],
    [
      'a loop that sleeps',
      `import time
q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
while True:
    time.sleep(5)
`,
      [],
    ],
    [
      'stop() where the wait was broken',
      `q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
try:
    q.awaitTermination()
except KeyboardInterrupt:
    q.stop()
finally:
    spark.stop()
`,
      [],
    ],
    [
      'stop() in a handler of signals',
      `import signal
q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
def bye(s, f):
    q.stop()
signal.signal(signal.SIGTERM, bye)
q.awaitTermination()
`,
      [],
    ],
    [
      'show() of a stream',
      `events.show()
q = events.selectExpr("CAST(value AS STRING) AS line").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      ['batch-action-on-stream'],
    ],
    [
      'show() of a batch',
      `def f(b, i):
    b.show()
    b.write.mode("append").parquet("s3a://lake/x/")
q = events.writeStream.foreachBatch(f).option("checkpointLocation","s3a://lake/c/a").start()
q.awaitTermination()
`,
      [],
    ],
    [
      'show() of what is joined to a stream',
      `s = spark.createDataFrame([(1,)], "key INT")
s.show()
q = events.join(s, "key").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c/a").start("s3a://lake/a/")
q.awaitTermination()
`,
      [],
    ],
  ])('with %s', (_, code, rules) => {
    expect(fired(code).map(row => row.split(' ')[0])).toEqual(rules);
  });
});

describe('an option of Kafka', () => {
  it.each([
    [`.option("maxOffsetPerTrigger", 5)`, ['unknown-source-option error']],
    [`.option("failOnDataloss", "false")`, []],
    [`.option("fail_on_data_loss", "false")`, ['unknown-source-option error']],
    [`.option("kafka.bootstrap.server", "k:9092")`, ['unknown-source-option error']],
    [`.option("header", "true")`, ['unknown-source-option warning']],
    [`.option("group.id", "x")`, ['unknown-source-option error']],
    [`.option("kafka.max.poll.records", "500")`, []],
    [`.option("assign", "{}")`, ['unknown-source-option error']],
  ])('%s', (option, rules) => {
    const query =
      'q = events.select("value").writeStream.format("parquet").option("checkpointLocation", "s3a://lake/c").start("s3a://lake/x/")\nq.awaitTermination()\n';
    expect(fired(query, option)).toEqual(rules);
  });
});
