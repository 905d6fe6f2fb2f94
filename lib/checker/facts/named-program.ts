import type { PythonText } from '../manifest/load';
import type { ManifestObject } from '../object/manifest-object';
import { knownText } from '../python/values';
import { fileText } from './code-beside';
import type { Job, Stated } from './job';
import { jobCode, usesSpark } from './job-code';
import type { ManifestIndex } from './manifest-index';
import { addCodeSetting, splitSetting } from './settings';

/** The programs that somebody named by their files, and that none of the others is made of. */
export function namedPrograms(model: ManifestIndex, run: readonly Job[]): Job[] {
  const known = new Set(run.flatMap(({ code }) => code?.files ?? []));
  return model.beside.files
    .filter(({ file, isNamed }) => isNamed && !known.has(file))
    .flatMap(file => namedProgram(model, file));
}

/** Whether a program was named by its file, and no manifest runs it. */
export function isNamedAlone({ object }: Job): boolean {
  return object.kind === PYTHON_FILE;
}

/** What stands for the object that runs such a program. */
const PYTHON_FILE = 'Python file';

/** What a program does by itself: of its image, its settings and its arguments nobody knows anything. */
function namedProgram(model: ManifestIndex, { file, text }: PythonText): Job[] {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const main = file.includes('/') ? file : `./${file}`;
  const object: ManifestObject = {
    apiVersion: '',
    kind: PYTHON_FILE,
    metadata: { name },
    body: {},
    source: { file, line: 1 },
  };
  const files = Object.fromEntries(
    model.beside.files.map(other => [
      other.file.includes('/') ? other.file : `./${other.file}`,
      fileText(other.file, other.text),
    ]),
  );
  const program = { ...files, [main]: fileText(file, text) };
  const code = jobCode(main, program, new Map(), undefined, () => ({ file, line: 1 }), {
    model,
    object,
    path: [],
  });
  if (code === undefined) return [];
  const conf = new Map<string, Stated>();
  for (const { key, setting } of code.facts.conf) addCodeSetting(conf, key, setting, code);
  const master = code.facts.conf.find(({ key }) => key === 'spark.master');
  return [
    {
      usesSpark: usesSpark(code.facts),
      object,
      name,
      kind: 'container',
      path: [],
      driverPath: [],
      isSubmitted: false,
      main: undefined,
      fetched: [],
      files: new Set(),
      isLocal: knownText(master?.setting.value)?.startsWith('local') === true,
      image: undefined,
      sparkVersion: undefined,
      conf,
      submitted: new Map(),
      packages: splitSetting(conf.get('spark.jars.packages')),
      excludedPackages: splitSetting(conf.get('spark.jars.excludes')).map(({ value }) => value),
      jars: splitSetting(conf.get('spark.jars')),
      submittedJars: [],
      bringsJars: false,
      driverMounts: [],
      executorMounts: [],
      driverVariables: new Map(),
      driver: {},
      code,
    },
  ];
}
