import { isElsewhere, pythonModules } from '../facts/python-modules';
import type { Rule } from '../facts/rule';
import { measured, quote, say } from '../finding/message';
import { checkNames } from '../python/names';

/** Configuration files of Jupyter and IPython, and the names that they are run with (traitlets, PyFileConfigLoader). */
const TRAITLETS_FILE = /^(jupyter|ipython)\w*_config\.py$/;
const TRAITLETS_NAMES: ReadonlySet<string> = new Set(['c', 'get_config', 'load_subconfig']);

/** A name that nothing defines ends the program on the line that reads it, often hours after its start. */
export const undefinedName: Rule = {
  id: 'undefined-name',
  level: 'error',
  needs: ['text', 'names'],
  refuses: 'Python code that uses a name it never defines',
  remedy: 'define or import the name, or mend its spelling',
  check: model =>
    pythonModules(model)
      .filter(module => !isElsewhere(module))
      .flatMap(({ key, shown, place, module }) =>
        checkNames(module)
          .undefined.filter(({ name }) => !(TRAITLETS_FILE.test(key) && TRAITLETS_NAMES.has(name)))
          .map(({ name, offset }) => ({
            place: place(module.lineOf(offset)),
            message: say`${shown} uses ${measured(name, quote)}, which nothing in it defines or imports`,
          })),
      ),
};
