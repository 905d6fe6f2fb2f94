import { fitFindings } from '../facts/fit';
import type { Rule } from '../finding/rule';

/** Incident 4: executors of two full cores on nodes that allocate less than two stayed pending for ever. */
export const executorDoesNotFit: Rule = {
  id: 'executor-does-not-fit',
  level: 'error',
  refuses: 'a pod that no node of the group can hold',
  remedy: 'lower its requests below what a node allocates, or take larger nodes',
  check: model => fitFindings(model, 'executor-does-not-fit'),
};
