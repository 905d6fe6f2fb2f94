import { grouped } from '../facts/manifest-index';
import type { Model } from '../facts/model';
import { type Unknown, unknownsOf } from '../facts/unknowns';
import { type Need, NOT_UNDERSTOOD, type Note } from '../finding/note';
import { rules } from '../rules';
import { IGNORE_ANNOTATION_PREFIX, position, type RunOptions } from './run';

/**
 * What of a set of manifests was not understood, and which rules are silent for it. What silences none of the chosen
 * rules is left out, and so is what an annotation on the object says is known.
 */
export function notesOf(model: Model, { only, locate }: Pick<RunOptions, 'only' | 'locate'> = {}): Note[] {
  const open = unknownsOf(model).filter(unknown => !isAnnotated(unknown));
  const placed = open.map(unknown => ({ unknown, at: position(unknown.place, locate) }));
  const places = grouped(placed, ({ unknown, at }) =>
    JSON.stringify([
      at,
      at.file === undefined ? inMemory(unknown) : null,
      unknown.cause,
      ...ownWords(unknown),
    ]),
  );
  return [...places.values()].flatMap(group => {
    const [first] = group;
    if (first === undefined) return [];
    const silences = silencedBy(
      group.flatMap(({ unknown }) => unknown.needs),
      only,
    );
    if (silences.length === 0) return [];
    const { cause, what, remedy } = first.unknown;
    const { object, file, line } = first.at;
    return [
      {
        cause,
        object,
        ...(file === undefined ? {} : { file }),
        ...(line === undefined ? {} : { line }),
        what,
        remedy,
        silences,
      },
    ];
  });
}

/** The rules, of those that were chosen, that need any of this. */
function silencedBy(needs: readonly Need[], only: RunOptions['only']): string[] {
  return rules
    .filter(({ id }) => only === undefined || only.includes(id))
    .filter(rule => rule.needs?.some(need => needs.includes(need)) === true)
    .map(({ id }) => id);
}

/** Where two values stand on one line they are two notes. */
function ownWords({ cause, what }: Unknown): string[] {
  return cause === 'values that are not known' ? [what] : [];
}

function inMemory({ place }: Unknown): unknown {
  return 'file' in place ? place : [place.path, place.innerLine];
}

function isAnnotated({ place, concerns }: Unknown): boolean {
  const objects = 'object' in place ? [place.object, ...concerns] : concerns;
  return objects.some(
    ({ metadata }) =>
      (metadata.annotations?.[`${IGNORE_ANNOTATION_PREFIX}${NOT_UNDERSTOOD}`] ?? '').trim() !== '',
  );
}
