import { evaluate, type Program } from '../../../lib/checker/python/evaluate';
import { parsePython } from '../../../lib/checker/python/parse';
import { shownText } from '../../../lib/checker/python/values';

function facts(
  source: string,
  options: Partial<Pick<Program, 'words' | 'variable'>> & { modules?: Record<string, string> } = {},
) {
  const modules = new Map(
    Object.entries({ main: source, ...options.modules }).map(([name, text]) => [name, parsePython(text)]),
  );
  return evaluate({
    modules,
    entry: 'main',
    words: options.words,
    variable: options.variable ?? (() => undefined),
  });
}

/** Where a program writes: what `store(frame, location)` gets in it. */
function written(source: string, options?: Parameters<typeof facts>[1]): string[] {
  const program = `from pyspark.sql import SparkSession\nimport os, sys\nspark = SparkSession.builder.getOrCreate()\nframe = spark.range(3)\ndef store(location):\n    frame.write.parquet(location)\n${source}\n`;
  return facts(program, options).sinks.map(({ path }) => shownText(path));
}

describe('texts are followed', () => {
  it.each([
    ['a name', 'BASE = "s3a://a"\nstore(BASE)', ['s3a://a']],
    ['an f-string', 'B = "a"\nstore(f"s3a://{B}/{1 + 1}/x")', ['s3a://a/2/x']],
    ['an f-string with an unknown piece', 'store(f"s3a://a/{unknown()}/x")', ['s3a://a/…/x']],
    ['neighbouring literals', 'store("s3a://" "a" f"/{2}")', ['s3a://a/2']],
    [
      'sums, % and format()',
      'store("a" + "b"); store("%s/%d" % ("a", 2)); store("{}/{x}".format("a", x="b"))',
      ['ab', 'a/2', 'a/b'],
    ],
    [
      'methods',
      'store(" a/ ".strip().rstrip("/").upper()); store("/".join(["a", "b"])); store("a-b".replace("-", "+")); store("a.b".split(".")[1])',
      ['A', 'a/b', 'a+b', 'b'],
    ],
    [
      'a replacement that is not known, and one of several',
      'B = "a" if unknown() else "b"\nstore("s3a://{b}/{d}".replace("{b}", B).replace("{d}", unknown()))',
      ['s3a://…/…'],
    ],
    [
      'placeholders that a loop fills in',
      'location = "s3a://{b}/{d}"\nfor name, value in {"{b}": "a", "{d}": unknown()}.items():\n    location = location.replace(name, value)\nstore(location)',
      ['s3a://a/…'],
    ],
    [
      'loops that break off or go on',
      'last = "none"\nfor p in ["a", "b", "c", "d"]:\n    if p == "b":\n        continue\n    if p == "d":\n        break\n    last = p\nelse:\n    last = "all"\nstore(last)',
      ['c'],
    ],
    [
      'what is tried until it succeeds, as often as that makes a difference',
      'n = 0\ndef attempt(location):\n    store(location)\n    global n\n    n += 1\n    return n\ndef again():\n    for seconds in (1, 2, 4):\n        try:\n            return attempt("a/" + str(n))\n        except OSError:\n            wait(seconds)\n    return attempt("b")\nagain()',
      ['a/0', 'b'],
    ],
    [
      'what is tried with each item',
      'def first():\n    for place in ("a", "b"):\n        try:\n            return store(place)\n        except OSError:\n            pass\nfirst()',
      ['a', 'b'],
    ],
    [
      'what is tried with something that a failure changes',
      'def first():\n    place = "a"\n    for _ in (1, 2):\n        try:\n            return store(place)\n        except OSError:\n            place = "b"\nfirst()',
      ['a', 'b'],
    ],
    [
      'loops that may break off',
      'last = "none"\nfor p in ["a", "b"]:\n    last = p\n    if unknown():\n        break\nstore(last)',
      ['b', 'a'],
    ],
    ['os.path.join', 'store(os.path.join("s3a://a", "b/", "c"))', ['s3a://a/b/c']],
    [
      'lists, dictionaries and loops',
      'P = {"x": ["a", "b"]}\nfor p in P["x"]:\n    store(p)\nfor k, v in {"c": "d"}.items():\n    store(k + v)',
      ['a', 'b', 'cd'],
    ],
    [
      'comprehensions and unpacking',
      'a, *b = [c + "!" for c in ("x", "y", "z") if c != "y"]\nstore(a); store(b[0])',
      ['x!', 'z!'],
    ],
    [
      'functions with defaults, keywords and stars',
      'def f(a, b="B", *, c="C", **k):\n    store(a + b + c + k["d"])\nf("a", d="d")\nf(*["x"], **{"b": "y", "c": "z", "d": "w"})',
      ['aBCd', 'xyzw'],
    ],
    [
      'closures, lambdas and partial',
      'import functools\ndef make(x):\n    return lambda y: store(x + y)\nmake("a")("b")\nfunctools.partial(store, "c")()',
      ['ab', 'c'],
    ],
    [
      'classes, properties and inheritance',
      'class A:\n    base = "b"\n    def __init__(self, x):\n        self.x = x\n    @property\n    def path(self):\n        return self.base + self.x\n    @classmethod\n    def of(cls, x):\n        return cls(x)\nclass B(A):\n    base = "B"\nstore(B.of("y").path)',
      ['By'],
    ],
    [
      'dataclasses',
      'from dataclasses import dataclass\n@dataclass\nclass S:\n    a: str\n    b: str = "b"\nstore(S("a").b + S(a="x").a)',
      ['bx'],
    ],
    [
      'conditions that are known',
      'if "x" == "y":\n    store("no")\nelif len([1]) == 1:\n    store("yes")\nelse:\n    store("no")',
      ['yes'],
    ],
    [
      'both sides of conditions that are not',
      'p = "a" if unknown() else "b"\nif unknown():\n    store("c")\nelse:\n    store("d")',
      ['c', 'd'],
    ],
    ['threads', 'from threading import Thread\nThread(target=store, args=("t",)).start()', ['t']],
    ['executors', 'pool.submit(store, "p")\npool.map(store, ["q"])', ['p', 'q']],
  ])('through %s', (_, source, expected) => {
    expect(written(source).sort()).toEqual([...expected].sort());
  });

  it('through argparse, with the place on the command line', () => {
    const source = `import argparse
p = argparse.ArgumentParser()
common = argparse.ArgumentParser(add_help=False)
common.add_argument("--base", default="s3a://default")
sub = p.add_subparsers(dest="command")
run = sub.add_parser("run", parents=[common])
run.add_argument("--layer", "-l", required=True, type=str)
run.add_argument("--tag", action="append", default=[])
run.set_defaults(go=lambda a: store(f"{a.base}/{a.layer}/{a.tag[1]}"))
args = p.parse_args()
args.go(args)
store(args.layer)
`;
    expect(
      written(source, { words: ['run', '--base=s3a://b', '-l', 'x', '--tag', '1', '--tag', '2'] }),
    ).toEqual(['s3a://b/x/2', 'x']);
    const { sinks } = facts(
      `from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nframe = spark.range(1)\ndef store(p):\n    frame.write.parquet(p)\n${source}`,
      { words: ['run', '-l', 'x', '--tag', '1', '--tag', '2'] },
    );
    expect(sinks[1]?.path?.origin).toEqual({ argument: 2 });
  });

  it('through the environment, whose values win over defaults', () => {
    const source = 'store(os.getenv("A", "a")); store(os.environ.get("B", "b")); store(os.environ["C"])';
    const values: Record<string, string | null> = { B: 'B', C: null };
    expect(written(source, { variable: name => values[name] })).toEqual(['a', 'B', '…']);
  });

  it('through modules of the job', () => {
    const modules = {
      settings: 'BASE = "s3a://a"',
      paths: 'from settings import BASE\ndef of(x):\n    return f"{BASE}/{x}"',
    };
    expect(
      written('import paths\nfrom settings import BASE as B\nstore(paths.of("x")); store(B)', { modules }),
    ).toEqual(['s3a://a/x', 's3a://a']);
  });
});

describe('sys.argv is followed', () => {
  const words = ['--topic', 'events', '--out', 's3a://lake/x'];

  it.each([
    ['behind the index of a flag', 'store(sys.argv[sys.argv.index("--out") + 1])', ['s3a://lake/x']],
    [
      'where a flag is given or not',
      'def value(flag, default):\n    return sys.argv[sys.argv.index(flag) + 1] if flag in sys.argv else default\nstore(value("--out", "x")); store(value("--other", "y"))',
      ['s3a://lake/x', 'y'],
    ],
    [
      'by place',
      'for index, word in enumerate(sys.argv):\n    if word == "--out":\n        store(sys.argv[index + 1])',
      ['s3a://lake/x'],
    ],
    [
      'in slices',
      'store(dict(zip(sys.argv[1::2], sys.argv[2::2]))["--out"]); store(sys.argv[:2][1])',
      ['s3a://lake/x', '--topic'],
    ],
  ])('%s', (_, source, expected) => {
    expect(written(source, { words })).toEqual(expected);
  });

  it.each([
    ['a place that is not known', 'store(sys.argv[int(unknown())])'],
    [
      'a place that a loop moves',
      'place = 1\nwhile place < len(sys.argv):\n    if sys.argv[place] == "--out":\n        store(sys.argv[place + 1])\n    place += 1',
    ],
    [
      'words that a loop takes away',
      'rest = sys.argv[1:]\nwhile rest:\n    if rest.pop(0) == "--out":\n        store(rest.pop(0))',
    ],
  ])('but never one word for another: %s', (_, source) => {
    expect(written(source, { words })).toEqual(['…']);
  });
});

describe('streams', () => {
  const stream = (rest: string) =>
    facts(
      `from pyspark.sql import SparkSession, functions as F\nspark = SparkSession.builder.getOrCreate()\nraw = spark.readStream.format("kafka").option("subscribe", "t").load()\n${rest}\n`,
    );

  it('keep their options, case ignored, their trigger and their sources', () => {
    const { sinks } = stream(
      'raw.writeStream.format("parquet").options(checkpointlocation="c").trigger(processingTime="1 minute").start("p")',
    );
    expect(sinks).toHaveLength(1);
    expect([...(sinks[0]?.options ?? [])].map(([key, { value }]) => [key, shownText(value)])).toEqual([
      ['checkpointlocation', 'c'],
      ['trigger.processingtime', '1 minute'],
    ]);
    expect(sinks[0]?.sources.map(({ format }) => format)).toEqual(['kafka']);
  });

  it('have the columns that selections leave', () => {
    const { sinks } = stream(
      'f = raw.selectExpr("CAST(value AS STRING) AS line", "topic").withColumn("day", F.lit(1)).drop("topic").groupBy("day").agg(F.count("*").alias("n"))\nf.writeStream.start("p")',
    );
    expect(sinks[0]?.columns).toEqual(['day', 'n']);
  });

  it.each([
    ['used', 'raw.writeStream.start("p")', 0],
    [
      'stored through a view',
      'raw.createOrReplaceTempView("v")\nspark.sql("SELECT * FROM v").writeStream.start("p")',
      0,
    ],
    ['handed to code that is not followed', 'library.store(raw)', 0],
    ['counted', 'raw.count()', 0],
    ['forgotten', 'kept = raw.select("value")', 1],
    ['forgotten in a branch that is always left', 'kept = raw.select("value")\nkept.explain()', 1],
    ['in a list that is written', 'for f in [raw, raw.select("value")]:\n    f.writeStream.start("p")', 0],
  ])('that are %s', (_, rest, dead) => {
    expect(stream(rest).deadFrames).toHaveLength(dead);
  });
});

describe('keyword arguments of what starts a stream are its options', () => {
  it.each([
    ['start', 'start("s3a://lake/e", checkpointLocation="/tmp/cp")'],
    ['start, by a dict', 'start("s3a://lake/e", **{"checkpointLocation": "/tmp/cp"})'],
    ['toTable', 'toTable("e", "parquet", checkpointLocation="/tmp/cp")'],
    ['toTable, by its names', 'toTable(tableName="e", format="parquet", checkpointLocation="/tmp/cp")'],
  ])('%s', (_, call) => {
    const [sink] = facts(
      `from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.readStream.format("rate").load().writeStream.${call}\n`,
    ).sinks;
    expect(shownText(sink?.options.get('checkpointlocation')?.value)).toBe('/tmp/cp');
    expect([...(sink?.options.keys() ?? [])]).toEqual(['checkpointlocation']);
    expect(sink?.hasOpenOptions).toBe(false);
  });

  it.each(['start("s3a://lake/e", **given())', 'toTable("e", **given())'])('%s may have others', call => {
    const [sink] = facts(
      `from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.readStream.format("rate").load().writeStream.${call}\n`,
    ).sinks;
    expect(sink?.hasOpenOptions).toBe(true);
  });
});
