import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, type Path, quote, say } from '../finding/message';
import { sparkSpec } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';

/** A claim, the place that names it, and in how many pods it is. */
interface Use {
  readonly object: ManifestObject;
  readonly path: Path;
  readonly claim: string;
  readonly pods: number;
  readonly who: string;
}

/** A volume that one node can attach: pods on a second node wait in ContainerCreating ("Multi-Attach error"). */
export const claimInManyPods: Rule = {
  id: 'claim-in-many-pods',
  level: 'warning',
  needs: ['pods'],
  refuses: 'a claim that one node can attach, in several pods that may run on different ones',
  remedy:
    'give each pod a claim of its own (volumeClaimTemplates, or claimName OnDemand for Spark), or take a volume with ReadWriteMany',
  check: model =>
    [...model.templates.flatMap(template => ofWorkload(template)), ...model.objects.flatMap(ofApplication)]
      .filter(({ pods }) => pods > 1)
      .flatMap(use => finding(model, use)),
};

function finding(model: Model, { object, path, claim, pods, who }: Use): Found[] {
  const target = model.find('PersistentVolumeClaim', object, claim);
  if (target === undefined) return [];
  const modes = listItems(at(target.body, 'spec', 'accessModes')).map(([mode]) => String(mode));
  const [only] = modes;
  if (modes.length !== 1 || only === undefined || !/^ReadWriteOnce(Pod)?$/.test(only)) return [];
  const isOfOnePod = only === 'ReadWriteOncePod';
  return [
    {
      place: { object, path },
      ...(isOfOnePod ? { level: 'error' as const } : {}),
      message: say`claim ${measured(claim, quote)} (${only}) is mounted by ${who}, ${pods} pods at once, and ${isOfOnePod ? 'one pod' : 'one node'} can have it: the others wait until they are deleted`,
      concerns: [target],
    },
  ];
}

function ofWorkload({ object, path, spec }: Model['templates'][number]): Use[] {
  const many =
    object.kind === 'DaemonSet'
      ? 2
      : Number(at(object.body, 'spec', object.kind === 'Job' ? 'parallelism' : 'replicas') ?? 1);
  if (object.kind === 'CronJob' || isOnOneNode(spec)) return [];
  return claimsOf(spec['volumes'], [...path, 'volumes']).map(({ claim, place }) => ({
    object,
    path: place,
    claim,
    pods: many,
    who:
      object.kind === 'DaemonSet'
        ? 'a pod on each node'
        : `the pods of ${object.kind} ${object.metadata.name}`,
  }));
}

/** The driver is one pod, and the executors are as many as somebody says. */
function ofApplication(object: ManifestObject): Use[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  const conf = asObject(spec['sparkConf']);
  const mounts = (side: PlainObject, name: string) =>
    asObjects(side['volumeMounts']).some(mount => mount['name'] === name);
  const [driver, executor] = [asObject(spec['driver']), asObject(spec['executor'])];
  if (isOnOneNode(driver) && isOnOneNode(executor)) return [];
  const executors = Math.max(
    ...[
      executor['instances'] ?? conf['spark.executor.instances'] ?? 1,
      at(spec, 'dynamicAllocation', 'maxExecutors') ?? conf['spark.dynamicAllocation.maxExecutors'] ?? 0,
    ].map(value => Number(value) || 0),
  );
  const who = (inDriver: boolean, inExecutors: boolean) =>
    [inDriver ? 'the driver' : '', inExecutors ? 'the executors' : '']
      .filter(item => item !== '')
      .join(' and ');
  const declared = claimsOf(spec['volumes'], [...path, 'volumes']).map(({ claim, place, name }) => {
    const [inDriver, inExecutors] = [mounts(driver, name), mounts(executor, name)];
    return { claim, place, inDriver, inExecutors };
  });
  const inConf = Object.entries(conf).flatMap(([key, value]) => {
    const role =
      /^spark\.kubernetes\.(driver|executor)\.volumes\.persistentVolumeClaim\.[^.]+\.options\.claimName$/.exec(
        key,
      )?.[1];
    // Spark makes a claim of its own for each pod where the name says so.
    if (role === undefined || /OnDemand|SPARK_EXECUTOR_ID/.test(String(value))) return [];
    const isDriver = role === 'driver';
    return [
      {
        claim: String(value),
        place: [...path, 'sparkConf', key],
        inDriver: isDriver,
        inExecutors: !isDriver,
      },
    ];
  });
  const byClaim = new Map<string, { place: Path; inDriver: boolean; inExecutors: boolean }>();
  for (const { claim, place, inDriver, inExecutors } of [...declared, ...inConf]) {
    const before = byClaim.get(claim);
    byClaim.set(claim, {
      place: before?.place ?? place,
      inDriver: inDriver || before?.inDriver === true,
      inExecutors: inExecutors || before?.inExecutors === true,
    });
  }
  return [...byClaim].map(([claim, { place, inDriver, inExecutors }]) => ({
    object,
    path: place,
    claim,
    pods: (inDriver ? 1 : 0) + (inExecutors ? executors : 0),
    who: who(inDriver, inExecutors),
  }));
}

function claimsOf(volumes: unknown, path: Path): { claim: string; place: Path; name: string }[] {
  return listItems(volumes).flatMap(([volume, index]) => {
    const claim = at(volume, 'persistentVolumeClaim', 'claimName');
    const name = asObject(volume)['name'];
    if (typeof claim !== 'string' || typeof name !== 'string') return [];
    return [{ claim, name, place: [...path, index, 'persistentVolumeClaim', 'claimName'] }];
  });
}

/** Whether somebody keeps the pods on one node by its name. */
function isOnOneNode(spec: PlainObject): boolean {
  return spec['nodeName'] !== undefined || at(spec, 'nodeSelector', 'kubernetes.io/hostname') !== undefined;
}
