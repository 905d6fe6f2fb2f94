import { parse as parseShell } from 'shell-quote';
import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import { asObject, asObjects, at, isObject, type ManifestObject, type PlainObject } from '../manifest/model';
import {
  declaredContainers,
  environment,
  type PodTemplate,
  sparkSpec,
  volumeMounts,
  volumesByName,
} from '../manifest/pod-templates';
import { evaluate } from '../python/evaluate';
import type { CodeFacts, Sink } from '../python/facts';
import { type Module, parsePython } from '../python/syntax';
import { type At, knownText, type Text } from '../python/values';
import { escapeRegExp, listItems, type Model } from './model';

/** A value and where somebody wrote it. */
export interface Stated {
  readonly value: string;
  readonly place: Place;
}

/** A text that somebody wrote, and the place of its first line. */
interface FileText {
  readonly text: string;
  readonly place: (innerLine: number) => Place;
  readonly object: ManifestObject;
}

/** The code of a job, as far as it stands in the manifests. */
export interface JobCode {
  readonly facts: CodeFacts;
  /** Where a line of the code stands. */
  readonly place: (at: At) => Place;
  /** Where a text was written: an argument or variable in the manifest, else its line in the code. */
  readonly placeOf: (text: Text, fallback: At) => Place;
  /** The ConfigMaps that hold it. */
  readonly objects: readonly ManifestObject[];
}

export interface Mount {
  readonly path: string;
  /** The volume's declaration; undefined when nothing declares it. */
  readonly volume: PlainObject | undefined;
  readonly readOnly: boolean;
}

/** A program that the manifests run: a Spark application, or any other in Python whose code is there. */
export interface Job {
  readonly usesSpark: boolean;
  readonly object: ManifestObject;
  readonly name: string;
  /** A SparkApplication, or a container that starts Spark by itself. */
  readonly kind: 'application' | 'container';
  /** Where the manifest declares it. */
  readonly path: Path;
  /** Path of the driver's pod settings, for containers the container's. */
  readonly driverPath: Path;
  /** Whether the driver's process is started by spark-submit; a plain `python` starts its own. */
  readonly isSubmitted: boolean;
  /** Driver and executors run in this one process. */
  readonly isLocal: boolean;
  readonly image: Stated | undefined;
  readonly sparkVersion: string | undefined;
  /** Every setting that reaches the job, by its key; the code's own win, then the command line's, then defaults. */
  readonly conf: ReadonlyMap<string, Stated>;
  /** Maven coordinates that are resolved when the job starts. */
  readonly packages: readonly Stated[];
  readonly excludedPackages: readonly string[];
  readonly jars: readonly Stated[];
  /** Whether its script or environment brings jars in a way that names none. */
  readonly bringsJars: boolean;
  readonly driverMounts: readonly Mount[];
  readonly executorMounts: readonly Mount[];
  readonly driverVariables: ReadonlyMap<string, string | null>;
  /** The driver's container or pod settings, with its security context. */
  readonly driver: PlainObject;
  readonly code: JobCode | undefined;
}

/** Every Spark program among the manifests, and every Python program whose code they hold. */
export function programsIn(model: Model): Job[] {
  return [
    ...model.objects.flatMap(object => applicationJob(model, object)),
    ...model.templates.flatMap(template => containerJobs(model, template)),
  ];
}

// SparkApplication.

function applicationJob(model: Model, object: ManifestObject): Job[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  const driver = asObject(spec['driver']);
  const executor = asObject(spec['executor']);
  const volumes = volumesByName(spec['volumes']);
  const driverPath = [...path, 'driver'];
  const driverMounts = mounts(driver, volumes);
  const files = {
    ...mountedTexts(model, object, driver, volumes),
    ...operatorConfigMaps(model, object, driver),
  };
  const stated = (value: unknown, ...inner: (string | number)[]): Stated => ({
    value: String(value),
    place: { object, path: [...path, ...inner] },
  });

  const conf = new Map<string, Stated>();
  const configMap = spec['sparkConfigMap'];
  if (typeof configMap === 'string') {
    const target = model.find('ConfigMap', object, configMap);
    const text = target === undefined ? undefined : at(target.body, 'data', 'spark-defaults.conf');
    if (target !== undefined && typeof text === 'string') {
      for (const [key, value] of properties(text, innerLine => ({
        object: target,
        path: ['data', 'spark-defaults.conf'],
        innerLine,
      })))
        conf.set(key, value);
    }
  }
  for (const [key, value] of Object.entries(asObject(spec['sparkConf'])))
    conf.set(key, stated(value, 'sparkConf', key));
  for (const [key, value] of Object.entries(asObject(spec['hadoopConf'])))
    conf.set(`spark.hadoop.${key}`, stated(value, 'hadoopConf', key));
  for (const [key, ...inner] of APPLICATION_FIELDS) {
    const value = at(spec, ...inner);
    if (value !== undefined && value !== null) conf.set(key, stated(value, ...inner));
  }

  const list = (key: string): Stated[] =>
    listItems(at(spec, 'deps', key)).map(([value, index]) => stated(value, 'deps', key, index));
  const variables = variablesOf(model, object, driver, conf);
  const main = String(spec['mainApplicationFile'] ?? '').replace(/^(local|file):(\/\/)?/, '');
  const words = listItems(spec['arguments']).map(([value]) => substituted(String(value), variables));
  const code = isPython(main)
    ? jobCode(main, files, variables, words, index => ({ object, path: [...path, 'arguments', index] }), {
        model,
        object,
        path: driverPath,
      })
    : undefined;
  for (const { key, setting } of code?.facts.conf ?? []) addCodeSetting(conf, key, setting, code);

  return [
    {
      object,
      usesSpark: true,
      name: object.metadata.name,
      kind: 'application',
      path,
      driverPath,
      isSubmitted: true,
      isLocal: false,
      image:
        spec['image'] === undefined && driver['image'] === undefined
          ? undefined
          : stated(
              driver['image'] ?? spec['image'],
              ...(driver['image'] === undefined ? ['image'] : ['driver', 'image']),
            ),
      sparkVersion: typeof spec['sparkVersion'] === 'string' ? spec['sparkVersion'] : undefined,
      conf,
      packages: [...list('packages'), ...splitSetting(manifestSetting(conf, 'spark.jars.packages', code))],
      excludedPackages: [...list('excludePackages'), ...splitSetting(conf.get('spark.jars.excludes'))].map(
        ({ value }) => value,
      ),
      jars: [...list('jars'), ...splitSetting(conf.get('spark.jars'))],
      bringsJars: false,
      driverMounts: [...driverMounts, ...mountsFromConf(conf, 'driver')],
      executorMounts: [...mounts(executor, volumes), ...mountsFromConf(conf, 'executor')],
      driverVariables: variables,
      driver,
      code,
    },
  ];
}

/** Fields of a SparkApplication that the operator turns into settings. */
const APPLICATION_FIELDS: readonly (readonly [key: string, ...path: string[]])[] = [
  ['spark.executor.instances', 'executor', 'instances'],
  ['spark.dynamicAllocation.enabled', 'dynamicAllocation', 'enabled'],
  ['spark.dynamicAllocation.minExecutors', 'dynamicAllocation', 'minExecutors'],
  ['spark.dynamicAllocation.maxExecutors', 'dynamicAllocation', 'maxExecutors'],
  ['spark.dynamicAllocation.initialExecutors', 'dynamicAllocation', 'initialExecutors'],
];

function operatorConfigMaps(
  model: Model,
  object: ManifestObject,
  pod: PlainObject,
): Record<string, FileText> {
  return Object.fromEntries(
    asObjects(pod['configMaps']).flatMap(({ name, path }) => {
      const target = typeof name === 'string' ? model.find('ConfigMap', object, name) : undefined;
      if (target === undefined || typeof path !== 'string') return [];
      return Object.entries(textsOf(target)).map(([key, file]) => [joinPath(path, key), file] as const);
    }),
  );
}

/** `spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path` and its kin. */
function mountsFromConf(conf: ReadonlyMap<string, Stated>, role: 'driver' | 'executor'): Mount[] {
  const prefix = `spark.kubernetes.${role}.volumes.`;
  return [...conf].flatMap(([key, { value }]) => {
    if (!key.startsWith(prefix) || !key.endsWith('.mount.path')) return [];
    const [type = '', name = ''] = key.slice(prefix.length).split('.');
    const option = (field: string) => conf.get(`${prefix}${type}.${name}.options.${field}`)?.value;
    return [
      {
        path: value,
        volume: { name, [type]: { claimName: option('claimName'), path: option('path') } },
        readOnly: conf.get(`${prefix}${type}.${name}.mount.readOnly`)?.value === 'true',
      },
    ];
  });
}

// Containers that run spark-submit, or a Python program that makes a Spark session.

interface Command {
  readonly words: readonly string[];
  readonly place: (word: string, index: number) => Place;
}

function containerJobs(model: Model, template: PodTemplate): Job[] {
  const { object } = template;
  const volumes = volumesByName(template.spec['volumes']);
  return declaredContainers(template).flatMap(({ container, path }) => {
    const files = mountedTexts(model, object, container, volumes, claimTemplates(object));
    const variables = variablesOf(model, object, container, new Map());
    const commands = commandsOf(object, container, path, files, variables);
    return commands.flatMap(command => {
      const submit = command.words.findIndex(word => /(^|\/)(spark-submit|pyspark)(\.sh)?$/.test(word));
      const python = command.words.findIndex(word => /(^|\/)python[\d.]*$/.test(word));
      if (submit < 0 && python < 0) return [];
      const job = containerJob(
        model,
        template,
        container,
        path,
        command,
        submit,
        python,
        files,
        variables,
        volumes,
      );
      const others = commands.filter(other => other !== command);
      const fetchesJars = others.some(({ words }) => words.some(word => /\.jar\b|\/jars\b/.test(word)));
      return job === undefined ? [] : [fetchesJars ? { ...job, bringsJars: true } : job];
    });
  });
}

function containerJob(
  model: Model,
  template: PodTemplate,
  container: PlainObject,
  path: Path,
  command: Command,
  submit: number,
  python: number,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
  volumes: ReadonlyMap<string, PlainObject>,
): Job | undefined {
  const { object } = template;
  const isSubmitted = submit >= 0;
  const parsed = isSubmitted
    ? sparkSubmitArguments(command, submit + 1)
    : pythonArguments(command, python + 1);
  const main = parsed.words[0]?.word ?? '';
  const conf = new Map<string, Stated>();
  const defaults =
    files[parsed.options.get('--properties-file')?.[0]?.value ?? '/opt/spark/conf/spark-defaults.conf'];
  if (defaults !== undefined)
    for (const [key, value] of properties(defaults.text, defaults.place)) conf.set(key, value);
  addSubmitSettings(conf, parsed);
  const program = main.replace(/^(local|file):(\/\/)?/, '');
  const code = isPython(program)
    ? jobCode(
        program,
        files,
        variables,
        parsed.words.slice(1).map(({ word }) => word),
        index => parsed.words[index + 1]?.place ?? { object, path },
        { model, object, path },
      )
    : undefined;
  // A Python program is a Spark job when its code says so.
  if (!isSubmitted && code === undefined) return undefined;
  const submitArguments = isSubmitted
    ? undefined
    : pysparkArguments(code, variables, { model, object, path });
  if (submitArguments !== undefined) addSubmitSettings(conf, submitArguments);
  const inProcess = new Map(conf);
  for (const { key, setting } of code?.facts.conf ?? []) addCodeSetting(inProcess, key, setting, code);

  const master = inProcess.get('spark.master')?.value;
  const image = container['image'];
  const isCluster = conf.get('spark.submit.deployMode')?.value === 'cluster';
  // Where a plain Python program makes its session, the packages that its code asks for are resolved at that moment.
  const setting = (key: string) => (isSubmitted ? conf.get(key) : inProcess.get(key));
  return {
    object,
    usesSpark: isSubmitted || (code !== undefined && usesSpark(code.facts)),
    name: object.metadata.name,
    kind: 'container',
    path,
    driverPath: path,
    isSubmitted,
    isLocal: master === undefined ? !isSubmitted : master.startsWith('local'),
    image:
      typeof image === 'string' ? { value: image, place: { object, path: [...path, 'image'] } } : undefined,
    sparkVersion: undefined,
    conf: inProcess,
    packages: splitSetting(setting('spark.jars.packages')),
    excludedPackages: splitSetting(setting('spark.jars.excludes')).map(({ value }) => value),
    jars: splitSetting(setting('spark.jars')),
    bringsJars: submitArguments?.isOpen === true,
    driverMounts: isCluster
      ? mountsFromConf(conf, 'driver')
      : mounts(container, volumes, claimTemplates(object)),
    executorMounts: mountsFromConf(inProcess, 'executor'),
    driverVariables: variables,
    driver: { ...container, podSecurityContext: template.spec['securityContext'] },
    code,
  };
}

const SUBMIT_FLAGS: readonly (readonly [flag: string, key: string])[] = [
  ['--master', 'spark.master'],
  ['--deploy-mode', 'spark.submit.deployMode'],
  ['--packages', 'spark.jars.packages'],
  ['--exclude-packages', 'spark.jars.excludes'],
  ['--repositories', 'spark.jars.repositories'],
  ['--jars', 'spark.jars'],
  ['--num-executors', 'spark.executor.instances'],
  ['--executor-cores', 'spark.executor.cores'],
  ['--executor-memory', 'spark.executor.memory'],
  ['--driver-memory', 'spark.driver.memory'],
  ['--driver-class-path', 'spark.driver.extraClassPath'],
  ['--driver-java-options', 'spark.driver.extraJavaOptions'],
];

const SUBMIT_SWITCHES: ReadonlySet<string> = new Set([
  '--supervise',
  '--verbose',
  '-v',
  '--version',
  '--help',
  '-h',
]);

interface ParsedCommand {
  readonly options: ReadonlyMap<string, Stated[]>;
  /** The program and its own arguments. */
  readonly words: readonly { readonly word: string; readonly place: Place }[];
}

function sparkSubmitArguments({ words, place }: Command, start: number): ParsedCommand {
  const options = new Map<string, Stated[]>();
  let index = start;
  while (index < words.length) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) break;
    const [flag = '', attached] = splitOnce(word, '=');
    const name = flag === '-c' ? '--conf' : flag;
    if (SUBMIT_SWITCHES.has(name)) {
      index += 1;
      continue;
    }
    const value = attached ?? words[index + 1] ?? '';
    const at = attached === undefined ? index + 1 : index;
    options.set(name, [...(options.get(name) ?? []), { value, place: place(value, at) }]);
    index = at + 1;
  }
  return {
    options,
    words: words.slice(index).map((word, offset) => ({ word, place: place(word, index + offset) })),
  };
}

function addSubmitSettings(conf: Map<string, Stated>, { options }: ParsedCommand): void {
  for (const { value, place } of options.get('--conf') ?? []) {
    const equals = value.indexOf('=');
    if (equals > 0) conf.set(value.slice(0, equals).trim(), { value: value.slice(equals + 1), place });
  }
  for (const [flag, key] of SUBMIT_FLAGS) {
    const given = options.get(flag);
    const last = given?.[given.length - 1];
    if (last !== undefined) conf.set(key, last);
  }
}

/** What PYSPARK_SUBMIT_ARGS gives to a session that a plain Python program makes. */
function pysparkArguments(
  code: JobCode | undefined,
  variables: ReadonlyMap<string, string | null>,
  owner: Owner,
): (ParsedCommand & { readonly isOpen: boolean }) | undefined {
  const name = 'PYSPARK_SUBMIT_ARGS';
  const own = code?.facts.environment.get(name);
  const value = own === undefined ? variables.get(name) : (knownText(own) ?? null);
  if (value === undefined) return undefined;
  const place =
    own === undefined || code === undefined
      ? environmentPlace(owner, name)
      : code.placeOf(own, own.at ?? { module: '', line: 0 });
  const words = parseShell(value ?? '').filter(word => typeof word === 'string');
  return { ...sparkSubmitArguments({ words, place: () => place }, 0), isOpen: value === null };
}

function pythonArguments({ words, place }: Command, start: number): ParsedCommand {
  let index = start;
  while (words[index]?.startsWith('-') === true)
    index += words[index] === '-W' || words[index] === '-X' ? 2 : 1;
  return {
    options: new Map(),
    words: words.slice(index).map((word, offset) => ({ word, place: place(word, index + offset) })),
  };
}

/** The commands that a container runs: its own, and those of the shell script that it gives or mounts. */
function commandsOf(
  object: ManifestObject,
  container: PlainObject,
  path: Path,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
): Command[] {
  const written = (['command', 'args'] as const).flatMap(key =>
    listItems(container[key]).map(([word, index]) => ({
      word: substituted(String(word), variables),
      path: [...path, key, index],
    })),
  );
  const [program, ...rest] = written;
  if (program === undefined) return [];
  const isShell = /(^|\/)(ba|da|z|k)?sh$/.test(program.word);
  if (isShell) {
    const flag = rest.findIndex(({ word }) => /^-[a-z]*c$/.test(word));
    const script = flag >= 0 ? rest[flag + 1] : undefined;
    if (script !== undefined)
      return shellCommands(script.word, innerLine => ({ object, path: script.path, innerLine }), variables);
    const file = files[rest.find(({ word }) => !word.startsWith('-'))?.word ?? ''];
    return file === undefined ? [] : shellCommands(file.text, file.place, variables);
  }
  const script = files[program.word];
  if (script !== undefined && /^#!.*sh/.test(script.text))
    return shellCommands(script.text, script.place, variables);
  return [
    {
      words: written.map(({ word }) => word),
      place: (_, index) => ({ object, path: written[index]?.path ?? path }),
    },
  ];
}

function shellCommands(
  script: string,
  place: (innerLine: number) => Place,
  variables: ReadonlyMap<string, string | null>,
): Command[] {
  const lines = script.split('\n');
  const locals = new Map(variables);
  let tokens: ReturnType<typeof parseShell>;
  try {
    // A line that ends in a backslash goes on; any other line break ends a command.
    const joined = script.replace(/\\\r?\n/g, ' ').replace(/\r?\n/g, ' ;\n');
    tokens = parseShell(joined, name => `\0${name}\0`);
  } catch {
    return [];
  }
  // Variables get their values in the order of the commands; `${NAME}` stays of one that is unknown.
  const expanded = (word: string) =>
    word.replace(/\0(\w+)(?::?-([^\0]*))?[^\0]*\0/g, (_, name: string, fallback: string | undefined) => {
      const value = locals.get(name);
      return value ?? (value === undefined ? fallback : undefined) ?? `\${${name}}`;
    });
  const commands: { word: string; written: string }[][] = [[]];
  for (const token of tokens) {
    if (typeof token === 'string') {
      const word = expanded(token);
      const current = commands[commands.length - 1];
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
      if (assignment !== null && (current?.length === 0 || current?.[0]?.word === 'export'))
        locals.set(assignment[1] ?? '', assignment[2] ?? '');
      else current?.push({ word, written: token });
    } else if ('op' in token && token.op !== 'glob') commands.push([]);
    else if ('pattern' in token) {
      commands[commands.length - 1]?.push({ word: expanded(token.pattern), written: token.pattern });
    }
  }
  return commands
    .filter(words => words.length > 0)
    .map(words => ({
      words: words.map(({ word }) => word),
      place: (word, index) => place(lineHolding(lines, word, words[index]?.written ?? word)),
    }));
}

/** The line of a script on which a word stands, as it is or with its variables. */
function lineHolding(lines: readonly string[], word: string, written: string): number {
  const pattern = written
    .split(/\0(\w+)[^\0]*\0/)
    .map((piece, index) => (index % 2 === 0 ? escapeRegExp(piece) : `"?\\$\\{?${piece}\\b[^}"]*\\}?"?`))
    .join('');
  const holds = new RegExp(pattern);
  return Math.max(
    0,
    lines.findIndex(text => text.includes(word) || holds.test(text)),
  );
}

// What both have in common.

function isPython(file: string): boolean {
  return file.endsWith('.py');
}

function usesSpark({ sources, sinks, conf }: CodeFacts): boolean {
  return sources.length + sinks.length + conf.length > 0;
}

/** Settings in a program's code win over all others, but for what must be known before the program starts. */
function addCodeSetting(
  conf: Map<string, Stated>,
  key: string,
  setting: { readonly at: At; readonly value: Text },
  code: JobCode | undefined,
): void {
  if (code === undefined || setting.value.parts.includes(null)) return;
  conf.set(key, { value: setting.value.parts.join(''), place: code.placeOf(setting.value, setting.at) });
}

/** A setting that counts only where it is given before the program starts. */
function manifestSetting(
  conf: ReadonlyMap<string, Stated>,
  key: string,
  code: JobCode | undefined,
): Stated | undefined {
  return code?.facts.conf.some(entry => entry.key === key) === true ? undefined : conf.get(key);
}

function splitSetting(setting: Stated | undefined): Stated[] {
  if (setting === undefined) return [];
  return setting.value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
    .map(value => ({ value, place: setting.place }));
}

/** `key value`, `key=value` and `key: value` lines, as Java reads properties. */
function properties(text: string, place: (innerLine: number) => Place): [string, Stated][] {
  const lines = text.split('\n');
  return lines.flatMap((line, innerLine): [string, Stated][] => {
    if (isContinued(lines[innerLine - 1])) return [];
    let whole = line;
    for (let next = innerLine; isContinued(lines[next]); next += 1)
      whole = `${whole.trimEnd().slice(0, -1)}${(lines[next + 1] ?? '').trimStart()}`;
    const match = /^\s*([^\s#!=:][^\s=:]*)\s*[=:\s]\s*(.*?)\s*$/.exec(whole);
    return match === null ? [] : [[match[1] ?? '', { value: match[2] ?? '', place: place(innerLine) }]];
  });
}

/** Whether a line of properties goes on with the next one. */
function isContinued(line: string | undefined): boolean {
  return line !== undefined && !/^\s*[#!]/.test(line) && /(^|[^\\])(\\\\)*\\\r?$/.test(line);
}

function mounts(
  container: PlainObject,
  volumes: ReadonlyMap<string, PlainObject>,
  claims: ReadonlySet<string> = new Set(),
): Mount[] {
  return volumeMounts(container).map(({ name, mountPath, readOnly }) => ({
    path: mountPath,
    readOnly,
    volume: claims.has(name) ? { name, persistentVolumeClaim: { claimName: name } } : volumes.get(name),
  }));
}

function claimTemplates(object: ManifestObject): ReadonlySet<string> {
  return new Set(
    asObjects(at(object.body, 'spec', 'volumeClaimTemplates')).map(claim =>
      String(at(claim, 'metadata', 'name')),
    ),
  );
}

/** The texts of a ConfigMap by key. */
function textsOf(object: ManifestObject): Record<string, FileText> {
  return Object.fromEntries(
    Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
      typeof text === 'string'
        ? [
            [
              key,
              {
                text,
                object,
                place: (innerLine: number): Place => ({ object, path: ['data', key], innerLine }),
              },
            ] as const,
          ]
        : [],
    ),
  );
}

/** The files of ConfigMaps that a container sees, by their paths. */
function mountedTexts(
  model: Model,
  object: ManifestObject,
  container: PlainObject,
  volumes: ReadonlyMap<string, PlainObject>,
  claims: ReadonlySet<string> = new Set(),
): Record<string, FileText> {
  const result: Record<string, FileText> = {};
  for (const { name, mountPath, subPath } of volumeMounts(container)) {
    const volume = claims.has(name) ? undefined : volumes.get(name);
    const sources = [
      volume?.['configMap'],
      ...asObjects(at(volume, 'projected', 'sources')).map(source => source['configMap']),
    ];
    for (const source of sources.filter(isObject)) {
      const target =
        typeof source['name'] === 'string' ? model.find('ConfigMap', object, source['name']) : undefined;
      if (target === undefined) continue;
      const texts = textsOf(target);
      const items = Array.isArray(source['items'])
        ? asObjects(source['items']).map(({ key, path }) => [String(path), texts[String(key)]] as const)
        : Object.entries(texts);
      for (const [path, file] of items) {
        if (file === undefined) continue;
        if (subPath === undefined) result[joinPath(mountPath, path)] = file;
        else if (subPath === path) result[mountPath] = file;
      }
    }
  }
  return result;
}

/** Variables of a container: values, or null for what comes from a Secret or a field. */
function variablesOf(
  model: Model,
  object: ManifestObject,
  container: PlainObject,
  conf: ReadonlyMap<string, Stated>,
): Map<string, string | null> {
  const result = new Map<string, string | null>();
  for (const source of asObjects(container['envFrom'])) {
    const prefix = typeof source['prefix'] === 'string' ? source['prefix'] : '';
    const name = at(source, 'configMapRef', 'name');
    const target = typeof name === 'string' ? model.find('ConfigMap', object, name) : undefined;
    for (const [key, value] of Object.entries(asObject(target?.body['data'])))
      result.set(`${prefix}${key}`, String(value));
  }
  for (const [name, value] of Object.entries(asObject(container['envVars']))) result.set(name, String(value));
  for (const [key, { value }] of conf) {
    if (key.startsWith('spark.kubernetes.driverEnv.'))
      result.set(key.slice('spark.kubernetes.driverEnv.'.length), value);
  }
  const entries = asObjects(container['env']);
  for (const { name, value } of environment(container)) {
    if (value !== undefined) {
      result.set(name, substituted(value, result));
      continue;
    }
    const reference = asObject(
      at(
        entries.find(entry => entry['name'] === name),
        'valueFrom',
        'configMapKeyRef',
      ),
    );
    const target =
      typeof reference['name'] === 'string' ? model.find('ConfigMap', object, reference['name']) : undefined;
    const found = target === undefined ? undefined : at(target.body, 'data', String(reference['key']));
    result.set(name, typeof found === 'string' ? found : null);
  }
  return result;
}

/** Modules are parsed once for each text, however many ConfigMaps hold it and jobs run it. */
const parsedModules = new Map<string, Module>();

export function parsedModule(text: string): Module {
  const known = parsedModules.get(text);
  if (known !== undefined) return known;
  const module = parsePython(text);
  parsedModules.set(text, module);
  return module;
}

function jobCode(
  main: string,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
  words: readonly string[],
  argumentPlace: (index: number) => Place,
  variablePlace: Owner,
): JobCode | undefined {
  if (files[main] === undefined) return undefined;
  const folders = [
    main.slice(0, main.lastIndexOf('/')),
    ...(variables.get('PYTHONPATH') ?? '').split(':'),
  ].filter(folder => folder !== '');
  const modules = new Map<string, Module>();
  const texts = new Map<string, FileText>();
  for (const folder of folders) {
    for (const [path, file] of Object.entries(files)) {
      if (!path.startsWith(`${folder}/`) || !isPython(path)) continue;
      const name = path
        .slice(folder.length + 1, -'.py'.length)
        .replaceAll('/', '.')
        .replace(/\.__init__$/, '');
      if (modules.has(name)) continue;
      modules.set(name, parsedModule(file.text));
      texts.set(name, file);
    }
  }
  const entry = main.slice(main.lastIndexOf('/') + 1, -'.py'.length);
  const facts = evaluate({ modules, entry, words, variable: name => variables.get(name) });
  const place = (at: At): Place =>
    texts.get(at.module)?.place(at.line) ?? { object: variablePlace.object, path: variablePlace.path };
  return {
    facts,
    place,
    placeOf: (text, fallback) => {
      if (text.origin === undefined) return place(text.at ?? fallback);
      if ('argument' in text.origin) return argumentPlace(text.origin.argument);
      return environmentPlace(variablePlace, text.origin.variable);
    },
    objects: [...new Set([...texts.values()].map(({ object }) => object))],
  };
}

/** Whose variables they are: a container, or the driver of an application. */
interface Owner {
  readonly model: Model;
  readonly object: ManifestObject;
  readonly path: Path;
}

/** Where a variable is declared: in the pod, or in a ConfigMap of which all keys become variables. */
function environmentPlace({ model, object, path }: Owner, name: string): Place {
  const owner = path.reduce<unknown>(
    (value, key) => (typeof key === 'number' ? (value as unknown[])[key] : asObject(value)[key]),
    object.body,
  );
  const entries = listItems(asObject(owner)['env']);
  const index = entries.findIndex(([entry]) => asObject(entry)['name'] === name);
  const value = asObject(entries[index]?.[0])['value'] === undefined ? [] : ['value'];
  if (index >= 0) return { object, path: [...path, 'env', index, ...value] };
  for (const source of asObjects(asObject(owner)['envFrom'])) {
    const prefix = typeof source['prefix'] === 'string' ? source['prefix'] : '';
    const from = at(source, 'configMapRef', 'name');
    const target = typeof from === 'string' ? model.find('ConfigMap', object, from) : undefined;
    const key = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (target !== undefined && asObject(target.body['data'])[key] !== undefined)
      return { object: target, path: ['data', key] };
  }
  return { object, path };
}

/** Kubernetes puts the value of a variable for `$(NAME)`. */
function substituted(text: string, variables: ReadonlyMap<string, string | null>): string {
  return text.replace(/\$\(([A-Za-z_]\w*)\)/g, (whole, name: string) => variables.get(name) ?? whole);
}

function joinPath(folder: string, name: string): string {
  return `${folder.replace(/\/+$/, '')}/${name.replace(/^\/+/, '')}`;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + separator.length)];
}

/** Whether the job's code runs a streaming query that goes on; undefined when nobody knows. */
export function isStream(job: Job): boolean | undefined {
  const facts = job.code?.facts;
  if (facts === undefined) return undefined;
  const streams = facts.sinks.filter(sink => sink.isStream);
  if (streams.some(({ options }) => !ENDING_TRIGGERS.some(trigger => options.has(trigger)))) return true;
  return facts.isPartial || streams.some(sink => !endsByItself(sink)) ? undefined : false;
}

/** Triggers that process what is there and end the query. */
const ENDING_TRIGGERS = ['trigger.availablenow', 'trigger.once'];

function endsByItself({ options }: Sink): boolean {
  return ENDING_TRIGGERS.some(trigger => knownText(options.get(trigger)?.value) === 'True');
}
