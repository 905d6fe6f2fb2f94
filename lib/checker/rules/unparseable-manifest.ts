import type { Rule } from '../facts/rule';

/** A document that no YAML reader takes is applied by nobody, and nobody notices. */
export const unparseableManifest: Rule = {
  id: 'unparseable-manifest',
  level: 'error',
  refuses: 'a document that is no YAML, merge-conflict markers included; the rest is still checked',
  remedy: 'mend the syntax at this line',
  check: model =>
    model.unreadable.map(({ file, line, message, remedy }) => ({ place: { file, line }, message, remedy })),
};
