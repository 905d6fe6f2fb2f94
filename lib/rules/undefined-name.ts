import { undefinedNames } from '../python/names';
import { pythonModules } from './python-modules';
import { quote, type Rule } from './rule';

/** A name that nothing defines ends the program on the line that reads it, often hours after its start. */
export const undefinedName: Rule = {
  id: 'undefined-name',
  level: 'error',
  refuses: 'Python code that uses a name it never defines',
  remedy: 'define or import the name, or mend its spelling',
  check: model =>
    pythonModules(model).flatMap(({ object, key, module }) =>
      undefinedNames(module).map(({ name, offset }) => ({
        at: { object, path: ['data', key], innerLine: module.lineOf(offset) },
        message: `${key} in ConfigMap ${object.metadata.name} uses ${quote(name)}, which nothing in it defines or imports`,
      })),
    ),
};
