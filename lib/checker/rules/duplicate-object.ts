import { duplicates } from '../facts/duplicates';
import type { Rule } from '../facts/rule';
import { measured, quote, say } from '../finding/message';
import { objectId } from '../object/object-id';

/** Two objects of one name: whichever is applied last wins, and which one that is depends on file names. */
export const duplicateObject: Rule = {
  id: 'duplicate-object',
  level: 'error',
  needs: ['copies'],
  refuses: 'two different objects of one kind, namespace and name',
  remedy: 'rename one of them or delete the one that is out of date',
  check: model =>
    duplicates(model.objects)
      .filter(({ areTogether }) => areTogether)
      .map(({ object, first }) => ({
        place: { object, path: ['metadata', 'name'] },
        message: say`${objectId(object)} is declared ${first.source === undefined ? 'before' : `at ${first.source.file}:${first.source.line}`} with other content; a name ${measured(object.metadata.name, quote)} may stand once for each kind and namespace`,
        concerns: [first],
      })),
};
