import { type Checkpoint, checkpointsOf } from '../facts/checkpoints';
import { holding, localPath } from '../facts/local-path';
import { grouped } from '../facts/manifest-index';
import { normalizedLocation } from '../facts/object-store';
import type { Rule } from '../facts/rule';
import { listed, measured, quote, say } from '../finding/message';
import { asObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';

/** Incident 14: two queries on one checkpoint overwrite each other's offsets, and neither can be restarted. */
export const checkpointShared: Rule = {
  id: 'checkpoint-shared',
  level: 'error',
  needs: ['course', 'checkpoint'],
  refuses: 'two applications, or two queries of one, that write one checkpoint',
  remedy: 'give each query a checkpoint of its own, e.g. s3a://gold/checkpoints/<job>/<query>',
  check: model => {
    const all = model.jobs
      .flatMap(checkpointsOf)
      .filter(({ whole, place }) => whole !== undefined && whole !== '' && place !== undefined);
    const places = grouped(all, item => JSON.stringify([normalizedLocation(item.whole ?? ''), diskOf(item)]));
    return [...places.values()].flatMap(group => {
      // One query that is reached on several ways in the code counts once, and so does a place that several name.
      const queries = firsts(group, ({ job, query }) => [objectId(job.object), query?.at, query?.turns]);
      return firsts(queries, ({ job, place }) => [
        objectId(job.object),
        'object' in place ? [objectId(place.object), place.path, place.innerLine] : place,
      ]).flatMap(query => {
        const others = queries
          .filter(other => other !== query && (other.job !== query.job || !areExclusive(other, query)))
          .map(other => (other.job === query.job ? 'another query of the same job' : other.job.name));
        if (others.length === 0) return [];
        return [
          {
            place: query.place,
            message: say`checkpoint ${measured(query.shown, quote)} of ${query.job.name} is also the checkpoint of ${listed([...new Set(others)])}`,
            concerns: [query.job.object],
          },
        ];
      });
    });
  },
};

/** What a local path is on: a volume that the pods of others can mount too, else its own job's pod. */
function diskOf({ job, whole }: Checkpoint): unknown {
  const path = localPath(job, whole ?? '');
  if (path === undefined) return null;
  const { name: _, emptyDir, ephemeral, ...volume } = asObject(holding(job.driverMounts, path)?.volume);
  const isShared = emptyDir === undefined && ephemeral === undefined && Object.keys(volume).length > 0;
  return isShared ? [job.object.metadata.namespace, volume] : objectId(job.object);
}

/** The first item of each that has the same key. */
function firsts<T>(items: readonly T[], key: (item: T) => unknown): T[] {
  return [...grouped(items, item => JSON.stringify(key(item))).values()].flatMap(([first]) => first ?? []);
}

/** Whether two queries stand on two sides of one branch. */
function areExclusive(one: Checkpoint, other: Checkpoint): boolean {
  return (one.query?.arms ?? []).some(({ branch, arm }) =>
    other.query?.arms.some(side => side.branch === branch && side.arm !== arm),
  );
}
