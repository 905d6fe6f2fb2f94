import { evaluate } from '../../../lib/checker/python/evaluate';
import { parsePython } from '../../../lib/checker/python/parse';

/** The layers of a program that nothing stores: each name with what becomes of the records' value. */
function layers(source: string): string[] {
  const program = `from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.functions import col, from_json
spark = SparkSession.builder.getOrCreate()
clicks = spark.readStream.format("kafka").option("subscribe", "clicks").load()
def put(frame, place):
    frame.writeStream.format("parquet").option("checkpointLocation", "c" + place).start("s3a://lake/" + place)
${source}
`;
  const modules = new Map([['main', parsePython(program)]]);
  const { unstoredLayers } = evaluate({ modules, entry: 'main', words: [], variable: () => undefined });
  return unstoredLayers.map(
    ({ name, isLost, isSource }) => `${name} ${isLost ? 'lost' : 'kept'}${isSource ? ' as it came' : ''}`,
  );
}

const BRONZE = 'bronze_df = clicks.selectExpr("CAST(value AS STRING) AS raw_json", "topic")\n';

describe('a raw layer that is read on and stored by nothing has lost the value', () => {
  it.each([
    ['get_json_object', `${BRONZE}put(bronze_df.selectExpr("get_json_object(raw_json, '$.a') AS a"), "x")`],
    [
      'an alias of the same name',
      `${BRONZE}put(bronze_df.selectExpr("get_json_object(raw_json, '$.a') AS raw_json"), "x")`,
    ],
    [
      'from_json',
      `${BRONZE}put(bronze_df.select(from_json(col("raw_json"), "a int").alias("d")).select("d.*"), "x")`,
    ],
    [
      'a column by attribute',
      `${BRONZE}put(bronze_df.select(from_json(bronze_df.raw_json, "a int").alias("d"), "topic"), "x")`,
    ],
    [
      'withColumn and drop',
      `${BRONZE}put(bronze_df.withColumn("a", F.get_json_object("raw_json", "$.a")).drop("raw_json"), "x")`,
    ],
    ['an aggregation', `${BRONZE}put(bronze_df.withWatermark("t", "1 hour").groupBy("topic").count(), "x")`],
    [
      'a view',
      `${BRONZE}bronze_df.createOrReplaceTempView("v")\nput(spark.sql("SELECT get_json_object(raw_json, '$.a') AS a FROM v"), "x")`,
    ],
    [
      'two steps',
      `${BRONZE}parsed = bronze_df.withColumn("d", from_json("raw_json", "a int"))\nsilver = parsed.select("d.a")\nput(silver, "silver")`,
    ],
    ['a look alone', `${BRONZE}bronze_df.count()`],
    [
      'a function that makes it',
      `def make():\n    df = clicks.selectExpr("CAST(value AS STRING) AS v")\n    return df\nbronze = make()\nput(bronze.selectExpr("get_json_object(v, '$.a') AS a"), "x")`,
    ],
    [
      'a class that holds it',
      `class J:\n    def run(self):\n        self.bronze = clicks.selectExpr("CAST(value AS STRING) AS v")\n        put(self.bronze.selectExpr("get_json_object(v, '$.a') AS a"), "x")\nJ().run()`,
    ],
    [
      'another spelling',
      'eventsBronze = clicks.selectExpr("CAST(value AS STRING) AS v")\nput(eventsBronze.selectExpr("get_json_object(v, \'$.a\') AS a"), "x")',
    ],
  ])('by %s', (_, source) => {
    expect(layers(source)).toEqual([expect.stringMatching(/ronze(_df)? lost$/)]);
  });

  it('by its name raw as well, and less surely where that is what Kafka gave', () => {
    const parse = 'put(raw.selectExpr("get_json_object(CAST(value AS STRING), \'$.a\') AS a"), "x")';
    expect(layers(`raw = clicks.select("value")\n${parse}`)).toEqual(['raw lost']);
    expect(layers(`raw = spark.readStream.format("kafka").load()\n${parse}`)).toEqual([
      'raw lost as it came',
    ]);
  });
});

describe('a bronze layer that only the next layer keeps', () => {
  it.each([
    [
      'beside a parsed column',
      `${BRONZE}put(bronze_df.selectExpr("raw_json", "get_json_object(raw_json, '$.a') AS a"), "silver")`,
    ],
    [
      'with a column more',
      `${BRONZE}silver = bronze_df.withColumn("a", F.get_json_object("raw_json", "$.a"))\nput(silver, "x")`,
    ],
    [
      'under another name',
      `${BRONZE}put(bronze_df.selectExpr("raw_json AS line", "upper(topic) AS t"), "x")`,
    ],
    ['in a struct', `${BRONZE}put(bronze_df.select(F.to_json(F.struct("*")).alias("all")), "x")`],
  ])('%s has not lost the value', (_, source) => {
    expect(layers(source)).toEqual(['bronze_df kept']);
  });
});

describe('a layer is stored', () => {
  it.each([
    [
      'by its own writer',
      `${BRONZE}put(bronze_df, "bronze")\nput(bronze_df.selectExpr("get_json_object(raw_json, '$.a') AS a"), "x")`,
    ],
    ['with a column more', `${BRONZE}put(bronze_df.withColumn("day", F.current_date()), "x")`],
    [
      'filtered and partitioned anew',
      `${BRONZE}put(bronze_df.filter("raw_json IS NOT NULL").repartition(3), "x")`,
    ],
    ['column by column', `${BRONZE}put(bronze_df.select("topic", "raw_json"), "x")`],
    ['in a place of its name', `${BRONZE}put(bronze_df.select("raw_json"), "bronze/clicks")`],
    [
      'as what Kafka gave, beside it',
      `put(clicks, "all")\n${BRONZE}put(bronze_df.selectExpr("get_json_object(raw_json, '$.a') AS a"), "x")`,
    ],
    [
      'through a view',
      `${BRONZE}bronze_df.createOrReplaceTempView("v")\nput(spark.sql("SELECT * FROM v"), "x")`,
    ],
    [
      'batch by batch',
      `${BRONZE}def save(batch, i):\n    batch.write.parquet("s3a://lake/b")\nbronze_df.writeStream.foreachBatch(save).start()`,
    ],
    [
      'by code that is not followed',
      `${BRONZE}library.store(bronze_df)\nput(bronze_df.selectExpr("get_json_object(raw_json, '$.a') AS a"), "x")`,
    ],
    [
      'by a batch function that is not followed',
      `${BRONZE}bronze_df.writeStream.foreachBatch(library.save).start()`,
    ],
    ['row by row', `${BRONZE}rows = bronze_df.collect()`],
    [
      'as bronze, where raw is what Kafka gave',
      'raw_df = spark.readStream.format("kafka").load()\nbronze_df = raw_df.selectExpr("CAST(value AS STRING) AS v")\nput(bronze_df, "b")',
    ],
    [
      'and is no layer by its name',
      'drawn = clicks.selectExpr("get_json_object(CAST(value AS STRING), \'$.a\') AS a")\nput(drawn, "x")',
    ],
  ])('%s', (_, source) => {
    expect(layers(source)).toEqual([]);
  });
});
