import type { Model } from '../facts/model';
import { pythonModules } from '../facts/python-modules';
import { isShellScript, shellScripts } from '../facts/shell-scripts';
import type { Unknown } from '../facts/unknown';
import { asObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';
import { unreadStatements } from '../sql/ddl';

/** A program among the files, and how much of what it does is known. */
export interface ReadProgram {
  readonly language: 'Python' | 'shell' | 'SQL';
  /** Where it stands: an object and a key in it, or a file. The same in every run. */
  readonly name: string;
  readonly understood: 'wholly' | 'partly' | 'not at all';
  /** Why it is not understood wholly. */
  readonly why?: string;
}

/** Every Python file, shell script and SQL text of a model. What is unknown of it is told by `unknowns`. */
export function programsRead(model: Model, unknowns: readonly Unknown[]): ReadProgram[] {
  return [...pythonRead(model, unknowns), ...shellRead(model), ...sqlRead(model)];
}

function pythonRead(model: Model, unknowns: readonly Unknown[]): ReadProgram[] {
  const language = 'Python';
  const open = new Set(
    unknowns.flatMap(({ place }) => {
      if ('file' in place) return [place.file];
      return 'object' in place && place.path[0] === 'data'
        ? [`${objectId(place.object)} ${place.path[1]}`]
        : [];
    }),
  );
  const modules = pythonModules(model);
  const known = new Set(modules.flatMap(({ object, key }) => (object === undefined ? [key] : [])));
  return [
    ...modules.map(({ object, key, module, isRun }): ReadProgram => {
      const name = object === undefined ? key : `${objectId(object)} ${key}`;
      if (module.failure !== undefined)
        return { language, name, understood: 'not at all', why: 'its syntax is not read' };
      if (open.has(name))
        return { language, name, understood: 'partly', why: 'the notes say what is not known' };
      return isRun
        ? { language, name, understood: 'wholly' }
        : { language, name, understood: 'partly', why: 'no manifest says how it is run' };
    }),
    ...model.beside.files
      .filter(({ file }) => !known.has(file))
      .map(
        ({ file }): ReadProgram => ({
          language,
          name: file,
          understood: 'not at all',
          why: 'no manifest runs it',
        }),
      ),
  ];
}

function shellRead(model: Model): ReadProgram[] {
  const language = 'shell';
  const scripts = shellScripts(model);
  const run = new Set(scripts.map(({ name }) => name));
  const others = model
    .ofKind('ConfigMap')
    .flatMap(object =>
      Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
        isShellScript(key, text) ? [`${objectId(object)} ${key}`] : [],
      ),
    )
    .filter(name => !run.has(name));
  return [
    ...scripts.map(({ name, text }): ReadProgram => {
      const branch = SHELL_BRANCH.exec(text)?.[0];
      return branch === undefined
        ? { language, name, understood: 'wholly' }
        : {
            language,
            name,
            understood: 'partly',
            why: 'its commands are read, its branches and loops are not',
          };
    }),
    ...others.map(
      (name): ReadProgram => ({
        language,
        name,
        understood: 'not at all',
        why: 'no container among the files starts it',
      }),
    ),
  ];
}

/** What makes a script more than a list of commands: a condition, a loop, a function, the output of a command, a text in place. */
const SHELL_BRANCH =
  /(^|[;&|({\s])(if|for|while|until|case|function|eval|source|trap)\s|^\s*\w+\s*\(\)\s*\{|\$\(|`|<<|\|\||&&/m;

function sqlRead(model: Model): ReadProgram[] {
  const texts = [
    ...model.sql.map(({ file, text }) => ({ name: file, text })),
    ...model
      .ofKind('ConfigMap')
      .flatMap(object =>
        Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
          typeof text === 'string' && key.endsWith('.sql')
            ? [{ name: `${objectId(object)} ${key}`, text }]
            : [],
        ),
      ),
  ];
  return texts.map(({ name, text }): ReadProgram => {
    const { read, unread } = unreadStatements(text);
    if (unread === 0) return { language: 'SQL', name, understood: 'wholly' };
    return {
      language: 'SQL',
      name,
      understood: read === 0 ? 'not at all' : 'partly',
      why: 'only statements that make and change tables are read',
    };
  });
}
