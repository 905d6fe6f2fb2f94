import { parsedModule } from '../facts/job-code';
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
  check: model => [
    ...model.python.flatMap(({ file, text }): Found[] => {
      const { failure } = parsedModule(text);
      return failure?.isRefusedByPython === true
        ? [
            {
              place: { file, line: failure.line + 1 },
              message: say`the file is no Python 3: ${measured(failure.message)}`,
            },
          ]
        : [];
    }),
    ...pythonModules(model).flatMap(({ object, key, module: { failure } }) =>
      failure?.isRefusedByPython === true
        ? [
            {
              place: { object, path: ['data', key], innerLine: failure.line },
              message:
                failure.validFrom === undefined
                  ? say`${key} in ConfigMap ${object.metadata.name} is no Python 3: ${measured(failure.message)}`
                  : say`${key} in ConfigMap ${object.metadata.name} is valid from Python ${measured(failure.validFrom)} on, and the Python of Spark's images is 3.10: ${measured(failure.message)}`,
            },
          ]
        : [],
    ),
  ],
};
