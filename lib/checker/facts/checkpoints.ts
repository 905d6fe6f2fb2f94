import { isDeepStrictEqual } from 'node:util';
import type { Place } from '../finding/finding';
import type { Sink } from '../python/facts';
import { knownPrefix, knownText, shownText, type Text } from '../python/values';
import type { Job } from './job';
import { normalizedLocation } from './object-store';

/** Where a streaming query keeps its offsets and state. */
export interface Checkpoint {
  readonly job: Job;
  readonly place: Place;
  /** The query whose it is; the default for queries without one of their own has none. */
  readonly query?: Sink;
  /** The part that is known from the start on; equals `whole` when all is. */
  readonly prefix: string;
  readonly whole: string | undefined;
  readonly shown: string;
}

/** The checkpoints that a job's streaming queries name. */
export function checkpointsOf(job: Job): Checkpoint[] {
  const { code } = job;
  if (code === undefined) return [];
  return code.facts.sinks
    .filter(sink => sink.isStream)
    .flatMap(sink => {
      const setting = sink.options.get('checkpointlocation');
      if (setting === undefined) return [];
      return [{ ...checkpoint(job, code.placeOf(setting.value, setting.at), setting.value), query: sink }];
    });
}

/**
 * Whether two queries may keep theirs in one place: of what is known, each is the same, or holds the other. Where the
 * known parts differ, the unknown ones make no difference.
 */
export function mayBeShared(one: Checkpoint, other: Checkpoint): boolean {
  return mayBeIn(one, other) || mayBeIn(other, one);
}

function mayBeIn(inner: Checkpoint, outer: Checkpoint): boolean {
  const [from, below] = [knownStart(inner), knownStart(outer)];
  return outer.whole === undefined ? from.startsWith(below) : from === below || from.startsWith(`${below}/`);
}

/** A slash at the end of what goes on says that its folder is known. */
function knownStart({ prefix, whole }: Checkpoint): string {
  const known = normalizedLocation(prefix);
  return whole === undefined && prefix.endsWith('/') && !known.endsWith('/') ? `${known}/` : known;
}

/** Whether two of them are of one query: a query may be reached in several ways. */
export function areOfOneQuery(one: Checkpoint, other: Checkpoint): boolean {
  return (
    one.job === other.job &&
    isDeepStrictEqual([one.query?.at, one.query?.turns], [other.query?.at, other.query?.turns])
  );
}

/** The folder under which queries without a location of their own keep theirs. */
export function defaultCheckpoint(job: Job): Checkpoint | undefined {
  const stated = job.conf.get('spark.sql.streaming.checkpointLocation');
  if (stated === undefined) return undefined;
  // What a shell, Kubernetes or Spark puts in later is unknown.
  const [prefix = ''] = stated.value.split(/\$[({]/);
  const whole = prefix === stated.value ? prefix : undefined;
  return { job, place: stated.place, prefix, whole, shown: stated.value };
}

function checkpoint(job: Job, place: Place, text: Text): Checkpoint {
  return { job, place, prefix: knownPrefix(text), whole: knownText(text), shown: shownText(text) };
}
