import { distance } from 'fastest-levenshtein';
import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import spark35 from '../facts/spark-keys-3.5.json';
import spark41 from '../facts/spark-keys-4.1.json';
import { isStockImage, sparkVersionOf } from '../facts/spark-version';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';

/** The keys of a release, as scripts/spark-keys.py lists them. */
interface KeyList {
  readonly spark: string;
  readonly keys: Readonly<Record<string, unknown>>;
  readonly texts: readonly string[];
  readonly prefixes: readonly string[];
}

/** Prefixes below which a cluster manager's or a library's own code reads, outside of Spark's main jars. */
const OTHER_PREFIXES = [
  'spark.connect.',
  'spark.kubernetes.scheduler.volcano.',
  'spark.streaming.kafka.',
  'spark.streaming.kinesis.',
  'spark.kafka.',
  'spark.mesos.',
  'spark.cassandra.',
  'spark.celeborn.',
  'spark.comet.',
  'spark.es.',
  'spark.gluten.',
  'spark.mongodb.',
  'spark.neo4j.',
  'spark.openlineage.',
  'spark.rapids.',
  'spark.redis.',
];

/**
 * Families of keys that Spark puts together when it reads them, so that no entry and no text of its code has them:
 * ResourceUtils and ResourceID; TransportConf, for each module, and for a role of it SparkTransportConf;
 * NettyRpcEnv's dispatchers; SSLOptions for each part of Spark.
 */
const FAMILIES: readonly RegExp[] = [
  /^spark\.(driver|executor|worker)\.resource\.[^.]+\.(amount|discoveryScript|vendor)$/,
  /^spark\.task\.resource\.[^.]+\.amount$/,
  /^spark\.((driver|executor|client)\.)?(rpc|shuffle|files|network|fs)\.io\.(mode|preferDirectBufs|connectionTimeout|connectionCreationTimeout|backLog|numConnectionsPerPeer|serverThreads|clientThreads|receiveBuffer|sendBuffer|maxRetries|retryWait|lazyFD|enableVerboseMetrics|enableTcpKeepAlive|enableSaslRetries)$/,
  /^spark\.(rpc|shuffle|files|network)\.sasl\.timeout$/,
  /^spark\.((driver|executor)\.)?rpc\.netty\.dispatcher\.(numThreads|executor\.numThreads|driver\.numThreads)$/,
  /^spark\.kubernetes\.(driver|executor)\.(service\.)?(label|annotation)\.[^.].*$/,
  /^spark\.ssl\.(ui|standalone|historyServer|rpc|akka|fs)\.\w+$/,
];

/** A text of Spark's code that only builds names and opens nothing. */
const NO_PREFIX: ReadonlySet<string> = new Set(['spark.sql.shuffle.', 'spark.sql.', 'spark.streaming.']);

/** Below a prefix that Spark looks through there are hardly any declared keys; below a mere namespace there are many. */
const MAX_KEYS_OF_OPEN_PREFIX = 4;

/** spark.app, spark.user and their like hold one key of Spark, and anybody's own beside it. */
const MIN_KEYS_OF_NAMESPACE = 3;

class Keys {
  private readonly known: ReadonlySet<string>;
  private readonly all: readonly string[];
  private readonly open: readonly string[];
  /** The first two parts of every key: spark.executor, spark.kubernetes … */
  private readonly namespaces: ReadonlySet<string>;

  private readonly typos = new Map<string, string | undefined>();

  constructor(public readonly list: KeyList) {
    const declared = Object.keys(list.keys);
    this.all = [...declared, ...list.texts];
    this.known = new Set(this.all);
    const below = new Map<string, number>();
    const sizes = new Map<string, number>();
    for (const key of declared) {
      for (let dot = key.indexOf('.'); dot >= 0; dot = key.indexOf('.', dot + 1)) {
        const prefix = key.slice(0, dot + 1);
        below.set(prefix, (below.get(prefix) ?? 0) + 1);
      }
      sizes.set(namespaceOf(key), (sizes.get(namespaceOf(key)) ?? 0) + 1);
    }
    const isOpen = (prefix: string) =>
      !NO_PREFIX.has(prefix) && (below.get(prefix) ?? 0) <= MAX_KEYS_OF_OPEN_PREFIX;
    this.open = [
      ...OTHER_PREFIXES,
      ...list.prefixes.filter(isOpen),
      ...list.texts
        .filter(key => key.split('.').length > 2)
        .map(key => `${key}.`)
        .filter(isOpen),
    ];
    this.namespaces = new Set(
      [...sizes].filter(([, count]) => count >= MIN_KEYS_OF_NAMESPACE).map(([name]) => name),
    );
  }

  public has(key: string): boolean {
    return (
      this.known.has(key) ||
      this.open.some(prefix => key.startsWith(prefix)) ||
      FAMILIES.some(family => family.test(key))
    );
  }

  /** Whether a key with this beginning can only be Spark's own. */
  public owns(key: string): boolean {
    return this.namespaces.has(namespaceOf(key));
  }

  /** The real key that differs in case, or in a letter or two. */
  public typoOf(key: string): string | undefined {
    if (!this.typos.has(key)) {
      const lower = key.toLowerCase();
      this.typos.set(
        key,
        this.all.find(candidate => candidate.toLowerCase() === lower) ??
          this.all.find(
            candidate => Math.abs(candidate.length - key.length) <= 2 && distance(candidate, key) <= 2,
          ),
      );
    }
    return this.typos.get(key);
  }

  /** The real key that has most in common with this one: its namespace, its words, its letters. */
  public nearest(key: string): string | undefined {
    const namespace = namespaceOf(key);
    const cost = (candidate: string) =>
      distance(candidate, key) -
      commonWords(candidate, key) * 4 -
      (namespaceOf(candidate) === namespace ? 6 : 0);
    let best: { readonly key: string; readonly cost: number } | undefined;
    for (const candidate of this.all) {
      const next = cost(candidate);
      if (best === undefined || next < best.cost) best = { key: candidate, cost: next };
    }
    return best?.key;
  }
}

/** Two parts, for spark.sql three: other projects keep their settings beside Spark's below spark.sql. */
function namespaceOf(key: string): string {
  const parts = key.split('.');
  return parts.slice(0, parts[1] === 'sql' ? 3 : 2).join('.');
}

function commonWords(left: string, right: string): number {
  const words = (key: string) => new Set(key.split(/[.\s]|(?=[A-Z])/).map(word => word.toLowerCase()));
  const others = words(right);
  return [...words(left)].filter(word => others.has(word)).length;
}

const built = new Map<KeyList, Keys>();

/** A list's index, built when it is first asked for. */
function keysOf(list: KeyList): Keys {
  const known = built.get(list) ?? new Keys(list);
  built.set(list, known);
  return known;
}

/** Incident 12: settings that Spark does not have were set, accepted without a word, and did nothing. */
export const unknownSparkConf: Rule = {
  id: 'unknown-spark-conf',
  level: 'error',
  needs: ['course'],
  refuses: 'a configuration key that the Spark of the job does not have; open-ended prefixes are fine',
  remedy: 'use a key of that release, or delete the setting: Spark ignores what it does not know',
  check: model =>
    model.jobs.flatMap(job =>
      [...job.conf].flatMap(([key, { place }]): Found[] => {
        if (!key.startsWith('spark.')) return [];
        const lists = listsFor(job);
        const [main] = lists;
        if (main === undefined || lists.some(list => list.has(key))) return [];
        const typo = main.typoOf(key);
        // An image of one's own may hold a library that reads its settings below Spark's namespaces.
        const isCertain =
          !isNewer(sparkVersionOf(job)) &&
          (job.image === undefined || isStockImage(job.image.value) || !mayBeLibrary(job, key));
        if (typo === undefined && !(main.owns(key) && isCertain)) return [];
        return [
          {
            place: place,
            message: say`Spark ${sparkVersionOf(job) ?? main.list.spark} has no setting ${measured(key, quote)}, so it does nothing`,
            remedy:
              typo === undefined
                ? say`delete it, or use the nearest real one, ${main.nearest(key) ?? ''}`
                : say`write ${typo}`,
            concerns: [job.object],
          },
        ];
      }),
    ),
};

/** Settings below spark.sql and spark.shuffle are where libraries put theirs. */
function mayBeLibrary(job: Job, key: string): boolean {
  return (
    /^spark\.(sql|shuffle)\./.test(key) &&
    (job.packages.length > 0 || job.jars.length > 0 || job.image !== undefined)
  );
}

/** A release after the last listed one has settings that no list knows. */
function isNewer(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  const [lastMajor = 0, lastMinor = 0] = spark41.spark.split('.').map(Number);
  return major > lastMajor || (major === lastMajor && minor > lastMinor);
}

/** A release between the listed ones may have what either of them has. */
function listsFor(job: Job): readonly Keys[] {
  const version = sparkVersionOf(job);
  if (version === undefined || version.startsWith('3.5')) return [keysOf(spark35)];
  if (version.startsWith('4.1')) return [keysOf(spark41)];
  return version.startsWith('4') ? [keysOf(spark41), keysOf(spark35)] : [keysOf(spark35), keysOf(spark41)];
}
