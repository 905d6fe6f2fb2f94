import { sparkSpec, volumesByName } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import { type DeclaredProgram, declaredCode } from './declared-program';
import type { FileText } from './file-text';
import type { Job, Stated } from './job';
import { isPython, jobCode } from './job-code';
import type { ManifestIndex } from './manifest-index';
import { joinPath, mountedTexts, textsOf } from './mounted-texts';
import { mounts, mountsFromConf } from './mounts';
import { addCodeSetting, properties, splitSetting } from './settings';
import { substituted, variablesOf } from './variables';

export function applicationJob(
  model: ManifestIndex,
  object: ManifestObject,
  declared: DeclaredProgram | undefined,
): Job[] {
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
  const argument = (index: number) => ({ object, path: [...path, 'arguments', index] });
  const code =
    declared !== undefined
      ? declaredCode(declared, { words, argument, program: { object, path }, files })
      : isPython(main)
        ? jobCode(main, files, variables, words, argument, { model, object, path: driverPath })
        : undefined;
  const submitted = new Map(conf);
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
      main:
        spec['mainApplicationFile'] === undefined
          ? undefined
          : stated(spec['mainApplicationFile'], 'mainApplicationFile'),
      fetched: [
        ...(spec['mainApplicationFile'] === undefined
          ? []
          : [stated(spec['mainApplicationFile'], 'mainApplicationFile')]),
        ...['jars', 'files', 'pyFiles', 'archives'].flatMap(list),
      ],
      files: new Set(Object.keys(files)),
      image:
        spec['image'] === undefined && driver['image'] === undefined
          ? undefined
          : stated(
              driver['image'] ?? spec['image'],
              ...(driver['image'] === undefined ? ['image'] : ['driver', 'image']),
            ),
      sparkVersion: typeof spec['sparkVersion'] === 'string' ? spec['sparkVersion'] : undefined,
      conf,
      submitted,
      packages: [...list('packages'), ...splitSetting(submitted.get('spark.jars.packages'))],
      excludedPackages: [
        ...list('excludePackages'),
        ...splitSetting(submitted.get('spark.jars.excludes')),
      ].map(({ value }) => value),
      jars: [...list('jars'), ...splitSetting(conf.get('spark.jars'))],
      submittedJars: [...list('jars'), ...splitSetting(submitted.get('spark.jars'))],
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
  model: ManifestIndex,
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
