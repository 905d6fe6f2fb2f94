import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import { declaredContainers, type PodTemplate, volumesByName } from '../manifest/pod-templates';
import type { ManifestObject, PlainObject } from '../object/manifest-object';
import { type DeclaredProgram, declaredCode } from './declared-program';
import type { FileText } from './file-text';
import type { Job, Stated } from './job';
import { isPython, jobCode, usesSpark } from './job-code';
import type { ManifestIndex } from './manifest-index';
import { mountedTexts } from './mounted-texts';
import { claimTemplates, mounts, mountsFromConf } from './mounts';
import { addCodeSetting, properties, splitSetting } from './settings';
import { type Command, commandsOf } from './shell-commands';
import { addSubmitSettings, pysparkArguments, pythonArguments, sparkSubmitArguments } from './spark-submit';
import { variablesOf } from './variables';

export function containerJobs(
  model: ManifestIndex,
  template: PodTemplate,
  declared: DeclaredProgram | undefined,
): Job[] {
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
        declared,
      );
      const others = commands.filter(other => other !== command);
      const fetchesJars = others.some(({ words }) => words.some(word => /\.jar\b|\/jars\b/.test(word)));
      return job === undefined ? [] : [fetchesJars ? { ...job, bringsJars: true } : job];
    });
  });
}

function containerJob(
  model: ManifestIndex,
  template: PodTemplate,
  container: PlainObject,
  path: Path,
  command: Command,
  submit: number,
  python: number,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
  volumes: ReadonlyMap<string, PlainObject>,
  declared: DeclaredProgram | undefined,
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
  const given = isSubmitted ? undefined : givenCode({ object, command, start: python + 1 });
  const program = given === undefined ? main.replace(/^(local|file):(\/\/)?/, '') : GIVEN;
  const programs = given === undefined ? files : { ...files, [GIVEN]: given };
  const words = parsed.words.slice(1).map(({ word }) => word);
  const argument = (index: number) => parsed.words[index + 1]?.place ?? { object, path };
  const code =
    declared !== undefined
      ? declaredCode(declared, { words, argument, program: { object, path }, files })
      : isPython(program)
        ? jobCode(program, programs, variables, words, argument, { model, object, path })
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
    main: given === undefined ? mainOf(parsed.words[0]) : undefined,
    fetched: isSubmitted ? [mainOf(parsed.words[0]) ?? []].flat() : [],
    files: new Set(Object.keys(files)),
    image:
      typeof image === 'string' ? { value: image, place: { object, path: [...path, 'image'] } } : undefined,
    sparkVersion: undefined,
    conf: inProcess,
    submitted: conf,
    packages: splitSetting(setting('spark.jars.packages')),
    excludedPackages: splitSetting(setting('spark.jars.excludes')).map(({ value }) => value),
    jars: splitSetting(setting('spark.jars')),
    submittedJars: splitSetting(conf.get('spark.jars')),
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

function mainOf(word: { readonly word: string; readonly place: Place } | undefined): Stated | undefined {
  return word === undefined ? undefined : { value: word.word, place: word.place };
}

/** Where the code behind `-c` stands in, as if it were a file. */
const GIVEN = '/-c/program.py';

/** The code that `python3 -c` gets as a word of its command line. */
function givenCode({
  object,
  command,
  start,
}: {
  readonly object: ManifestObject;
  readonly command: Command;
  readonly start: number;
}): FileText | undefined {
  let index = start;
  while (/^-[A-Za-bd-z]+$/.test(command.words[index] ?? ''))
    index += /^-[WX]$/.test(command.words[index] ?? '') ? 2 : 1;
  const text = command.words[index + 1];
  if (!/^-[A-Za-z]*c$/.test(command.words[index] ?? '') || text === undefined) return undefined;
  const at = command.place(text, index + 1);
  return {
    object,
    text,
    place: line => ({ ...at, innerLine: ('innerLine' in at ? (at.innerLine ?? 0) : 0) + line }),
  };
}
