import { pythonModules } from '../facts/python-modules';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';

/** Python reads a file to its end before it runs the first line of it, so such a program does nothing at all. */
export const pythonSyntaxError: Rule = {
  id: 'python-syntax-error',
  level: 'error',
  refuses: 'a Python file that no Python reads',
  remedy:
    'mend the syntax at this line; until then nothing in the file runs, and no other rule looks into it',
  check: model =>
    pythonModules(model).flatMap(({ shown, place, module: { failure } }): Found[] =>
      failure?.isRefusedByPython === true
        ? [
            {
              place: place(failure.line),
              message:
                failure.validFrom === undefined
                  ? say`${shown} is no Python 3: ${measured(failure.message)}`
                  : say`${shown} is valid from Python ${measured(failure.validFrom)} on, and the Python of Spark's images is 3.10: ${measured(failure.message)}`,
            },
          ]
        : [],
    ),
};
