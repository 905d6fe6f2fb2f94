import { grouped } from '../facts/manifest-index';
import type { Rule } from '../facts/rule';
import type { Unknown } from '../facts/unknown';
import { type Need, NOT_UNDERSTOOD, type Note } from '../finding/note';
import { silences } from '../finding/silence';
import { objectId } from '../object/object-id';
import { type Locate, positionOf } from './position';

/**
 * What of a set of manifests was not understood, and which of the rules are silent for it. What silences none of them
 * is left out, and so is what an annotation on an object that it concerns gives a reason for.
 */
export function notesOf(unknowns: readonly Unknown[], rules: readonly Rule[], locate?: Locate): Note[] {
  const open = unknowns.filter(({ concerns }) => !concerns.some(object => silences(object, NOT_UNDERSTOOD)));
  return [...grouped(open, identity).values()].flatMap((group): Note[] => {
    const [first] = group;
    if (first === undefined) return [];
    const silent = silentWithout(
      group.flatMap(({ needs }) => needs),
      rules,
    );
    if (silent.length === 0) return [];
    const { place, cause, what, remedy } = first;
    const position = positionOf(place, locate);
    return [
      {
        cause,
        object: 'object' in place ? objectId(place.object) : '',
        ...(position === undefined ? {} : { file: position.file, line: position.line }),
        what,
        remedy,
        silences: silent,
      },
    ];
  });
}

/** One cause at one place is one note, however many jobs run the code; two values on one line are two. */
function identity({ place, cause, what }: Unknown): string {
  const where = 'object' in place ? [objectId(place.object), place.path, place.innerLine] : place;
  return JSON.stringify([where, cause, cause === 'values that are not known' ? what : '']);
}

function silentWithout(needs: readonly Need[], rules: readonly Rule[]): string[] {
  return rules.filter(rule => rule.needs?.some(need => needs.includes(need)) === true).map(({ id }) => id);
}
