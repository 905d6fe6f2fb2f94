import { distance } from 'fastest-levenshtein';
import type { Job } from './jobs';
import { grouped } from './model';
import { type Finding, quote, type Rule } from './rule';
import spark35 from './spark-keys-3.5.json';
import spark41 from './spark-keys-4.1.json';
import { isStockImage, sparkVersionOf } from './spark-version';

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
  private readonly lowerCase: ReadonlyMap<string, string>;
  private readonly open: readonly string[];
  /** The first two parts of every key: spark.executor, spark.kubernetes … */
  private readonly namespaces: ReadonlySet<string>;

  constructor(public readonly list: KeyList) {
    const declared = Object.keys(list.keys);
    this.all = [...declared, ...list.texts];
    this.known = new Set(this.all);
    this.lowerCase = new Map(this.all.map(key => [key.toLowerCase(), key]));
    const count = (prefix: string) => declared.filter(key => key.startsWith(prefix)).length;
    this.open = [
      ...OTHER_PREFIXES,
      ...list.prefixes.filter(prefix => !NO_PREFIX.has(prefix) && count(prefix) <= MAX_KEYS_OF_OPEN_PREFIX),
      ...list.texts
        .filter(key => key.split('.').length > 2 && count(`${key}.`) <= MAX_KEYS_OF_OPEN_PREFIX)
        .map(key => `${key}.`),
    ];
    const sizes = grouped(declared, namespaceOf);
    this.namespaces = new Set(
      [...sizes].filter(([, keys]) => keys.length >= MIN_KEYS_OF_NAMESPACE).map(([name]) => name),
    );
  }

  public has(key: string): boolean {
    return this.known.has(key) || this.open.some(prefix => key.startsWith(prefix));
  }

  /** Whether a key with this beginning can only be Spark's own. */
  public owns(key: string): boolean {
    return this.namespaces.has(namespaceOf(key));
  }

  /** The real key that is most like this one: in other case, with few letters changed, or with most words in common. */
  public nearest(key: string): { readonly key: string; readonly isTypo: boolean } | undefined {
    const sameLetters = this.lowerCase.get(key.toLowerCase());
    if (sameLetters !== undefined) return { key: sameLetters, isTypo: true };
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const candidate of this.all) {
      const isNear = namespaceOf(candidate) === namespaceOf(key);
      const cost = distance(candidate, key) - commonWords(candidate, key) * 4 - (isNear ? 6 : 0);
      if (cost < least) {
        least = cost;
        best = candidate;
      }
    }
    return best === undefined ? undefined : { key: best, isTypo: distance(best, key) <= 2 };
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

const LISTS = { '3.5': new Keys(spark35), '4.1': new Keys(spark41) } as const;

/** Incident 12: settings that Spark does not have were set, accepted without a word, and did nothing. */
export const unknownSparkConf: Rule = {
  id: 'unknown-spark-conf',
  level: 'error',
  refuses: 'a configuration key that the Spark of the job does not have; open-ended prefixes are fine',
  remedy: 'use a key of that release, or delete the setting: Spark ignores what it does not know',
  check: model =>
    model.jobs.flatMap(job =>
      [...job.conf].flatMap(([key, { place }]): Finding[] => {
        const lists = listsFor(job);
        const [main] = lists;
        if (main === undefined || !key.startsWith('spark.') || lists.some(list => list.has(key))) return [];
        const nearest = main.nearest(key);
        if (!main.owns(key) && nearest?.isTypo !== true) return [];
        // An image of one's own may hold a library that reads its settings below Spark's namespaces.
        const isCertain =
          job.image === undefined ||
          isStockImage(job.image.value) ||
          nearest?.isTypo === true ||
          !mayBeLibrary(job, key);
        if (!isCertain) return [];
        return [
          {
            at: place,
            message: `Spark ${main.list.spark} has no setting ${quote(key)}, so it does nothing`,
            remedy:
              nearest === undefined
                ? 'delete it'
                : `${nearest.isTypo ? 'write' : 'delete it, or use the nearest real one,'} ${nearest.key}`,
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

/** A release between the listed ones may have what either of them has. */
function listsFor(job: Job): readonly Keys[] {
  const version = sparkVersionOf(job);
  if (version === undefined || version.startsWith('3.5')) return [LISTS['3.5']];
  if (version.startsWith('4.1')) return [LISTS['4.1']];
  return version.startsWith('4') ? [LISTS['4.1'], LISTS['3.5']] : [LISTS['3.5'], LISTS['4.1']];
}
