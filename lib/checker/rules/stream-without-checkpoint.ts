import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';
import type { Sink } from '../python/facts';
import { shownText } from '../python/values';

/** Sinks that Spark starts with a temporary checkpoint (DataStreamWriter, SOURCES_ALLOW_ONE_TIME_QUERY). */
const WITH_TEMPORARY = new Set(['foreachbatch', 'foreach']);
/** Of those the ones that keep nothing anyway. */
const FOR_LOOKING = new Set(['console', 'memory', 'noop', '?']);
/** Sources that cannot be read again from where a query left off. */
const WITHOUT_OFFSETS = new Set(['rate', 'rate-micro-batch', 'socket', 'memory']);

/** Without a place for its offsets a stream does not start, or forgets at each start what it has done. */
export const streamWithoutCheckpoint: Rule = {
  id: 'stream-without-checkpoint',
  level: 'error',
  needs: ['course', 'format', 'sink-options'],
  refuses: 'a streaming query without a checkpoint location',
  remedy: 'add .option("checkpointLocation", "s3a://<bucket>/checkpoints/<query>") to its writer',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const { code, object, name } = job;
      if (code === undefined || hasDefault(job)) return [];
      return code.facts.sinks.filter(isForgetful).map(sink => ({
        place: code.place(sink.at),
        message: WITH_TEMPORARY.has(sink.format ?? '')
          ? say`the stream of ${name} that goes to ${measured(shown(sink))} has no checkpointLocation, so its offsets are in a temporary folder and each start begins anew: records are missed or written twice`
          : say`the stream of ${name} that goes to ${measured(shown(sink))} has no checkpointLocation, and Spark does not start it without one`,
        concerns: [object],
      }));
    }),
};

function isForgetful({ isStream, format, options, hasOpenOptions, sources }: Sink): boolean {
  if (!isStream || hasOpenOptions || options.has('checkpointlocation')) return false;
  if (FOR_LOOKING.has(format ?? '')) return false;
  const isTest = sources.length > 0 && sources.every(source => WITHOUT_OFFSETS.has(source.format ?? ''));
  return !(isTest && WITH_TEMPORARY.has(format ?? ''));
}

function hasDefault({ conf, code }: Job): boolean {
  const key = 'spark.sql.streaming.checkpointLocation';
  return conf.has(key) || code?.facts.conf.some(entry => entry.key === key) === true;
}

function shown({ format, path, table }: Sink): string {
  if (format === 'foreachbatch') return 'foreachBatch';
  const place = path ?? table?.name;
  const kind = format ?? (table === undefined ? 'parquet' : 'a table');
  return place === undefined ? kind : `${kind} ${quote(shownText(place))}`;
}
