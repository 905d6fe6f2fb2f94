import { shownId } from '../manifest/pod-templates';
import { checkpointsOf } from './checkpoints';
import { grouped } from './model';
import { normalizedLocation } from './object-store';
import { listed, quote, type Rule } from './rule';

/** Incident 14: two queries on one checkpoint overwrite each other's offsets, and neither can be restarted. */
export const checkpointShared: Rule = {
  id: 'checkpoint-shared',
  level: 'error',
  refuses: 'two applications, or two queries of one, that write one checkpoint',
  remedy: 'give each query a checkpoint of its own, e.g. s3a://gold/checkpoints/<job>/<query>',
  check: model => {
    const all = model.jobs
      .flatMap(checkpointsOf)
      .filter(({ whole, place }) => whole !== undefined && whole !== '' && place !== undefined);
    const places = grouped(all, ({ whole }) => normalizedLocation(whole ?? ''));
    return [...places.values()].flatMap(group => {
      // One query that is reached on several ways in the code counts once.
      const queries = [
        ...grouped(group, ({ job, place }) =>
          JSON.stringify([
            shownId(job.object),
            'object' in place ? [shownId(place.object), place.path, place.innerLine] : place,
          ]),
        ).values(),
      ].map(([first]) => first);
      return queries.flatMap((query, index) => {
        if (query === undefined || queries.length < 2) return [];
        const others = queries
          .filter((_, other) => other !== index)
          .map(other =>
            other?.job === query.job ? 'another query of the same job' : (other?.job.name ?? ''),
          );
        return [
          {
            at: query.place,
            message: `checkpoint ${quote(query.shown)} of ${query.job.name} is also the checkpoint of ${listed([...new Set(others)])}`,
            concerns: [query.job.object],
          },
        ];
      });
    });
  },
};
