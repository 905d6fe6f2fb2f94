import { measured, say } from '../../checker/finding/message';
import { ObjectLocation, type ObjectStore } from '../storage/object-store';
import { type Culprit, type Refusal, writing } from '../workload/refuse';

/**
 * The folders of a job by the name of their prop. The type says that each is one; but a program that is run without
 * a type check can pass anything, e.g. a local path.
 */
export type JobLocations = Readonly<Record<string, ObjectLocation>>;

/** What is wrong with the locations of a job, which `job` names behind its object: each is a folder of one object store, which every pod of the job reaches. */
export function locationRefusals(job: Culprit, name: string, locations: JobLocations): Refusal[] {
  const bucket = validLocations(locations)[0]?.bucket;
  return Object.entries(locations).flatMap(([prop, location]) => {
    if (!(location instanceof ObjectLocation)) {
      return [
        {
          // Of the construct, not of the object: a folder is written in its place, so no reason on the object allows it.
          ...(prop === 'checkpoint' ? { rule: 'checkpoint-on-volume' } : {}),
          message: say`${job.what} has ${prop} ${measured(JSON.stringify(location) ?? 'undefined')} but only a folder of an object store is reached from wherever its pods run`,
          remedy: say`set ${prop} to e.g. store.bucket('gold').prefix('checkpoints/${name}/')`,
        },
      ];
    }
    return location.bucket.store === bucket?.store
      ? []
      : [
          {
            ...writing(job, 'arguments'),
            message: say`${job.what} has ${prop} ${measured(location.url)} in another object store than ${bucket?.bucketName ?? 'the others'} but has the credentials of one`,
            remedy: say`use buckets of one store`,
          },
        ];
  });
}

/** Those that are folders of an object store. */
function validLocations(locations: JobLocations): ObjectLocation[] {
  return Object.values(locations).filter(location => location instanceof ObjectLocation);
}

/**
 * The locations of a job, with a folder of the job's store in the place of each that is none: the job is refused for
 * it, and what else is wrong is found all the same. Throws when none is in a store.
 */
export function foldersOf<T extends JobLocations>(locations: T): T {
  const { bucket } = firstOf(locations);
  return Object.fromEntries(
    Object.entries(locations).map(([prop, location]) => [
      prop,
      location instanceof ObjectLocation ? location : bucket.prefix(prop),
    ]),
  ) as T;
}

/** The store that a job works in. Throws when none of its locations is in one. */
export function storeOf(locations: JobLocations): ObjectStore {
  return firstOf(locations).bucket.store;
}

function firstOf(locations: JobLocations): ObjectLocation {
  const [first] = validLocations(locations);
  if (first === undefined) {
    throw new TypeError(
      `none of ${Object.keys(locations).join(', ')} is a folder of an object store; pass e.g. store.bucket('silver').prefix('user-activity/')`,
    );
  }
  return first;
}
