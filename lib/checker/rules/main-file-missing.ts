import type { Job, Mount } from '../facts/job';
import { holding } from '../facts/local-path';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStockImage } from '../facts/spark-version';
import type { Found } from '../finding/finding';
import { listed, measured, quote, say } from '../finding/message';
import { asObject, asObjects, at, isObject } from '../object/manifest-object';

/** What Spark's own images hold. */
const OF_THE_IMAGE = /^\/opt\/spark\/(examples|jars|python|bin|sbin|R|data|tests)\//;

/** The driver starts, finds no program and ends: "can't open file". */
export const mainFileMissing: Rule = {
  id: 'main-file-missing',
  level: 'error',
  needs: ['pods'],
  refuses: 'a program that is neither in the image nor in what is mounted where the manifest says it is',
  remedy: 'mount the ConfigMap that holds the program at the folder of its path, or mend the path',
  check: model => model.jobs.flatMap(job => finding(model, job)),
};

function finding(model: Model, job: Job): Found[] {
  const { main, name, image } = job;
  const path = main === undefined ? '' : main.value.replace(/^(local|file):(\/\/)?/, '');
  if (main === undefined || !path.startsWith('/') || isElsewhere(job) || job.files.has(path)) return [];
  const concerns = [job.object];
  const mount = holding(job.driverMounts, path);
  if (mount !== undefined) {
    const keys = mount.subPath === undefined ? keysOf(model, job, mount) : undefined;
    if (keys === undefined || keys.includes(path.slice(mount.path.length + 1))) return [];
    return [
      {
        place: main.place,
        message: say`${name} runs ${measured(path, quote)}, which is not in the ConfigMap that is mounted at ${mount.path}; it holds ${listed([...keys].sort()) || 'nothing'}`,
        remedy: say`mend the name, or add the file to the ConfigMap`,
        concerns,
      },
    ];
  }
  const isStock = image !== undefined && isStockImage(image.value);
  const other = [...job.files].find(file => baseName(file) === baseName(path));
  if ((!isStock && other === undefined) || (isStock && OF_THE_IMAGE.test(path))) return [];
  const hint = other === undefined ? '' : `; a file of this name is mounted at ${other}`;
  return [
    {
      place: main.place,
      ...(isStock ? {} : { level: 'warning' as const }),
      message: isStock
        ? say`${name} runs ${measured(path, quote)}, but image ${quote(image?.value)} holds no such file and nothing is mounted there${hint}`
        : say`${name} runs ${measured(path, quote)}, where nothing is mounted${hint}; only the image can hold it`,
      ...(other === undefined ? {} : { remedy: say`run local://${other}, or mount it where it is run` }),
      concerns,
    },
  ];
}

/** A driver whose pod is made of what these manifests do not show. */
function isElsewhere(job: Job): boolean {
  const isCluster =
    job.kind === 'container' && job.submitted.get('spark.submit.deployMode')?.value === 'cluster';
  const hasTemplate =
    job.conf.has('spark.kubernetes.driver.podTemplateFile') || isObject(job.driver['template']);
  return isCluster || hasTemplate;
}

/** The files of the ConfigMaps behind a mount; undefined where it shows something else, or nobody knows. */
function keysOf(model: Model, { object }: Job, { volume }: Mount): string[] | undefined {
  const projected = asObjects(at(volume, 'projected', 'sources'));
  const sources = isObject(volume?.['configMap'])
    ? [volume['configMap']]
    : projected.map(item => item['configMap']);
  if (sources.length === 0) return undefined;
  const keys = sources.map(source => {
    const name = asObject(source)['name'];
    const target = typeof name === 'string' ? model.find('ConfigMap', object, name) : undefined;
    if (target === undefined) return undefined;
    const items = asObject(source)['items'];
    return Array.isArray(items)
      ? asObjects(items).map(({ path }) => String(path))
      : ['data', 'binaryData'].flatMap(part => Object.keys(asObject(target.body[part])));
  });
  return keys.includes(undefined) ? undefined : keys.flatMap(list => list ?? []);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
