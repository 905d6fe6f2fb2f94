import type { IConstruct } from 'constructs';
import type { DeclaredProgram, DeclaredPrograms } from '../../checker/facts/declared-program';
import { type ObjectIdentity, objectId } from '../../checker/object/object-id';

const stated = new WeakMap<
  IConstruct,
  { readonly object: () => ObjectIdentity; readonly program: DeclaredProgram }
>();

/** States what the program of an object does with data, so that the checks need not follow its code. */
export function stateDataFlow(
  construct: IConstruct,
  object: () => ObjectIdentity,
  program: DeclaredProgram | undefined,
): void {
  if (program !== undefined) stated.set(construct, { object, program });
}

/** What the constructs at and under a scope state. */
export function dataFlowsOf(scope: IConstruct): DeclaredPrograms {
  return new Map(
    scope.node.findAll().flatMap(construct => {
      const known = stated.get(construct);
      return known === undefined ? [] : [[objectId(known.object()), known.program] as const];
    }),
  );
}
