import { isDeepStrictEqual } from 'node:util';
import { grouped } from '../facts/manifest-index';
import type { Rule } from '../facts/rule';
import { measured, quote, say } from '../finding/message';
import { apiGroup, namespaceOf } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';

/** Two objects of one name: whichever is applied last wins, and which one that is depends on file names. */
export const duplicateObject: Rule = {
  id: 'duplicate-object',
  level: 'error',
  refuses: 'two different objects of one kind, namespace and name',
  remedy: 'rename one of them or delete the one that is out of date',
  check: model =>
    [
      ...grouped(
        // Each object of a generated name gets one of its own.
        model.objects.filter(({ metadata }) => metadata.name !== '' && metadata.isNameGenerated !== true),
        object => [apiGroup(object), object.kind, namespaceOf(object), object.metadata.name].join('/'),
      ).values(),
    ].flatMap(group =>
      group.flatMap((other, index) => {
        const first = group
          .slice(0, index)
          .find(
            earlier => areAppliedTogether(earlier, other) && !isDeepStrictEqual(other.body, earlier.body),
          );
        if (first === undefined) return [];
        return [
          {
            place: { object: other, path: ['metadata', 'name'] },
            message: say`${objectId(other)} is declared ${first.source === undefined ? 'before' : `at ${first.source.file}:${first.source.line}`} with other content; a name ${measured(other.metadata.name, quote)} may stand once for each kind and namespace`,
            concerns: [first],
          },
        ];
      }),
    ),
};

/** What somebody puts another text in the place of before it is applied: in each file perhaps another one. */
const PLACEHOLDER = /[${}<>%@]|__\w+__|\$\(/;

/** Two kustomizations are two builds: which of them are applied to one cluster is not in the files. */
function areAppliedTogether(one: ManifestObject, other: ManifestObject): boolean {
  const { name, namespace = '' } = one.metadata;
  if (PLACEHOLDER.test(name) || PLACEHOLDER.test(namespace)) {
    return one.source?.file === other.source?.file;
  }
  const [left, right] = [one.source?.kustomization, other.source?.kustomization];
  return left === undefined || right === undefined || left === right;
}
