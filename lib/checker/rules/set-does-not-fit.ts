import { fitFindings } from '../facts/fit';
import type { Rule } from '../finding/rule';

/** Incident 4: each pod would have fitted a node, all of them together did not. */
export const setDoesNotFit: Rule = {
  id: 'set-does-not-fit',
  level: 'error',
  refuses: 'a set of pods that the nodes cannot hold together',
  remedy: 'lower a request or a replica count, or add a node',
  check: model => fitFindings(model, 'set-does-not-fit'),
};
