import { isDeepStrictEqual } from 'node:util';
import { distance } from 'fastest-levenshtein';
import type { Job } from '../facts/job';
import type { Model } from '../facts/model';
import { bucketOf, mayTouch, normalizedLocation } from '../facts/object-store';
import type { Rule } from '../facts/rule';
import { isStrimzi } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { type At, knownPrefix, knownText, type Text } from '../python/values';

/** A version suffix that was changed on one side only: the reader waits for files that nobody writes. */
export const layerWithoutWriter: Rule = {
  id: 'layer-without-writer',
  level: 'error',
  needs: ['course', 'location'],
  refuses: 'a job that reads an object-store path that nothing writes',
  remedy: 'read the path that is written, or add the job that writes this one',
  check: model => {
    const jobs = model.jobs.filter(({ code }) => code !== undefined);
    const writes = jobs.flatMap(({ code }) =>
      (code?.facts.sinks ?? []).flatMap(({ path }) => (path === undefined ? [] : [path])),
    );
    const known = [...new Set(writes.flatMap(path => knownText(path) ?? []).map(normalizedLocation))];
    return jobs.flatMap(job =>
      (job.code?.facts.sources ?? []).flatMap(source =>
        source.paths.flatMap((path): Found[] => {
          const whole = knownText(path);
          const bucket = whole === undefined ? undefined : bucketOf(whole);
          if (job.code === undefined || whole === undefined || bucket === undefined) return [];
          const location = normalizedLocation(whole);
          // Files that come from outside are no mistake: only a bucket that these jobs fill is known.
          const versions = handedOn(jobs, job).filter(other => areSiblings(other, location, isVersion));
          const near = [...new Set([...known.filter(other => bucketOf(other) === bucket), ...versions])];
          if (
            near.length === 0 ||
            writes.some(other => mayTouch(other, location)) ||
            isMentioned(model, job.code.facts, location, {
              at: source.at,
              path,
              isKnown: versions.length > 0,
            })
          )
            return [];
          const closest = [...near]
            .sort((left, right) => distance(left, location) - distance(right, location))
            .slice(0, 3);
          // A folder that somebody else fills is no mistake either: only a name that was changed on one side is.
          const isSame = isComplete(model) ? isVariant : isVersion;
          if (!closest.some(other => areSiblings(other, location, isSame))) return [];
          return [
            {
              place: job.code.placeOf(path, source.at),
              message: say`${job.name} reads ${measured(whole, quote)} but nothing writes there; written in bucket ${bucket}: ${allowed(listed(closest.map(quote)))}`,
              concerns: [job.object],
            },
          ];
        }),
      ),
    );
  },
};

/** Whether every Spark program among the manifests could be followed to its end. */
function isComplete(model: Model): boolean {
  return model.jobs.every(({ code }) => code !== undefined && !code.facts.isPartial);
}

/** Whether two locations are alike but for one folder's name. */
function areSiblings(left: string, right: string, isSame: (one: string, other: string) => boolean): boolean {
  const [one, other] = [left.split('/'), right.split('/')];
  const index = one.findIndex((name, place) => name !== other[place]);
  const [oneName, otherName] = [one[index], other[index]];
  if (oneName === undefined || otherName === undefined || !isSame(oneName, otherName)) return false;
  const [oneRest, otherRest] = [one.slice(index + 1).join('/'), other.slice(index + 1).join('/')];
  return oneRest === '' || otherRest === '' || oneRest === otherRest;
}

/** user-activity and user-activity-v2, clicks and cliks. */
function isVersion(one: string, other: string): boolean {
  const plain = (name: string) => name.replace(/[-_.]?v?\d+$/, '');
  return (
    plain(one) === plain(other) || (Math.min(one.length, other.length) >= 5 && distance(one, other) <= 2)
  );
}

/** Beside that, a name to which something was added. */
function isVariant(one: string, other: string): boolean {
  return isVersion(one, other) || one.startsWith(other) || other.startsWith(one);
}

/** Folders that other jobs hand to code which is not followed, and do not read: what it writes is below them. */
function handedOn(jobs: readonly Job[], reader: Job): string[] {
  return jobs
    .filter(job => job !== reader)
    .flatMap(({ code }) => {
      const read = (code?.facts.sources ?? []).flatMap(({ paths }) => paths);
      return (code?.facts.mentioned ?? []).flatMap(({ value }) => {
        const prefix = knownPrefix(value);
        const folder = value.parts.includes(null) ? prefix.slice(0, prefix.lastIndexOf('/')) : prefix;
        if (bucketOf(folder) === undefined) return [];
        const location = normalizedLocation(folder);
        return read.some(path => knownText(path) !== undefined && mayTouch(path, location)) ? [] : [location];
      });
    });
}

interface Reading {
  readonly at: At;
  readonly path: Text;
  /** Whether another version of the location is known, so that a URL of which nothing is known proves nothing. */
  readonly isKnown: boolean;
}

/** Whether something that is not followed gets to know the location: it may be the writer. */
function isMentioned(
  model: Model,
  own: object,
  location: string,
  { at: readAt, path, isKnown }: Reading,
): boolean {
  const [, , bucket = '', ...key] = location.split('/');
  const pieces = [`${bucket}/${key.join('/')}`];
  // The same argument that is read may be looked at before.
  const isReading = (at: At, value: Text) =>
    (at.line === readAt.line && at.module === readAt.module) ||
    (isKnown && path.origin !== undefined && isDeepStrictEqual(value.origin, path.origin));
  const inCode = model.jobs.some(({ code }) =>
    (code?.facts.mentioned ?? []).some(
      ({ at, value }) =>
        (code?.facts !== own || !isReading(at, value)) &&
        (!isKnown || bucketOf(knownPrefix(value)) !== undefined) &&
        mayTouch(value, location),
    ),
  );
  if (inCode || model.jobs.some(({ code }) => code?.facts.handed.has(bucket) === true)) return true;
  const workloads = new Set(model.jobs.map(({ object }) => object));
  return model.objects.some(object => {
    if (workloads.has(object) || object.kind === 'ConfigMap') return false;
    const isConnector = isStrimzi(object) && object.kind === 'KafkaConnector';
    const text = JSON.stringify(object.body);
    return pieces.some(piece => text.includes(piece)) || (isConnector && text.includes(bucket));
  });
}
