import type { Model } from '../facts/model';
import { type PythonModule, pythonModules } from '../facts/python-modules';
import { measured, quote, say } from '../finding/message';
import type { Rule } from '../finding/rule';
import { undefinedNames } from '../python/names';

/** First line of a notebook that Databricks exported: it supplies spark, dbutils, display and what %run brings. */
const DATABRICKS_NOTEBOOK = '# Databricks notebook source';

/** Configuration files of Jupyter and IPython, and the names that they are run with (traitlets, PyFileConfigLoader). */
const TRAITLETS_FILE = /^(jupyter|ipython)\w*_config\.py$/;
const TRAITLETS_NAMES: ReadonlySet<string> = new Set(['c', 'get_config', 'load_subconfig']);

/** A name that nothing defines ends the program on the line that reads it, often hours after its start. */
export const undefinedName: Rule = {
  id: 'undefined-name',
  level: 'error',
  refuses: 'Python code that uses a name it never defines',
  remedy: 'define or import the name, or mend its spelling',
  check: model =>
    pythonModules(model)
      .filter(module => !isElsewhere(model, module))
      .flatMap(({ object, key, module }) =>
        undefinedNames(module)
          .filter(({ name }) => !(TRAITLETS_FILE.test(key) && TRAITLETS_NAMES.has(name)))
          .map(({ name, offset }) => ({
            place: { object, path: ['data', key], innerLine: module.lineOf(offset) },
            message: say`${key} in ConfigMap ${object.metadata.name} uses ${measured(name, quote)}, which nothing in it defines or imports`,
          })),
      ),
};

/** Whether a file is a notebook that runs on its own platform, as no job of the manifests runs it. */
function isElsewhere(model: Model, { object, text }: PythonModule): boolean {
  return (
    text.startsWith(DATABRICKS_NOTEBOOK) &&
    !model.jobs.some(({ code }) => code?.objects.includes(object) === true)
  );
}
