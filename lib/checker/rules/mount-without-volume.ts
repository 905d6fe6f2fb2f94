import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, type Path, quote, say } from '../finding/message';
import { isClickHouse } from '../manifest/operated';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';

/** A mount is of a volume of its pod: the API server refuses the pod of which it is none. */
export const mountWithoutVolume: Rule = {
  id: 'mount-without-volume',
  level: 'error',
  needs: ['pods'],
  refuses: 'a mount of a volume that its pod does not have',
  remedy: 'declare the volume under volumes, or mend the name',
  check: model => [
    ...model.templates.flatMap(({ object, path, spec }) => {
      if (isCompletedElsewhere(object)) return [];
      const claims =
        object.kind === 'StatefulSet' ? asObjects(at(object.body, 'spec', 'volumeClaimTemplates')) : [];
      const names = [
        ...namesOf(spec['volumes']),
        ...claims.map(claim => String(at(claim, 'metadata', 'name'))),
        ...(isClickHouse(object) ? ofClickHouse(object) : []),
      ];
      return declaredContainers({ path, spec }).flatMap(({ container, role, path: place }) =>
        missing(
          object,
          container,
          place,
          names,
          `${role} ${String(container['name'])}`,
          'the API server refuses the pod',
        ),
      );
    }),
    ...model.objects.flatMap(ofApplication),
  ],
};

/** A template is laid over an installation that another object declares, and an installation may take templates. */
function isCompletedElsewhere(object: ManifestObject): boolean {
  return (
    isClickHouse(object) &&
    (object.kind === 'ClickHouseInstallationTemplate' ||
      at(object.body, 'spec', 'useTemplates') !== undefined)
  );
}

/** The operator makes a volume of each claim template that a container mounts. */
function ofClickHouse({ body }: ManifestObject): string[] {
  return namesOf(at(body, 'spec', 'templates', 'volumeClaimTemplates'));
}

/** Spark makes its local folders by itself, ClickHouse's operator a volume of each ConfigMap with settings. */
function isMadeByOperator(volume: string): boolean {
  return /^spark-local-dir-|^ch[ik]-.+-(common-(configd|usersd)|deploy-confd-.+)$/.test(volume);
}

function ofApplication(object: ManifestObject): Found[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  return (['driver', 'executor'] as const).flatMap(part => {
    const pod = asObject(spec[part]);
    const names = [
      ...namesOf(spec['volumes']),
      ...namesOf(at(pod, 'template', 'spec', 'volumes')),
      ...Object.keys(asObject(spec['sparkConf'])).flatMap(
        key => new RegExp(`^spark\\.kubernetes\\.${part}\\.volumes\\.\\w+\\.([^.]+)\\.`).exec(key)?.[1] ?? [],
      ),
    ];
    const place = [...path, part];
    const effect = 'the pod starts without it or is refused';
    return [
      ...missing(object, pod, place, names, `the ${part}`, effect),
      ...(['initContainers', 'sidecars'] as const).flatMap(key =>
        asObjects(pod[key]).flatMap((container, index) =>
          missing(
            object,
            container,
            [...place, key, index],
            names,
            `${part} container ${String(container['name'])}`,
            effect,
          ),
        ),
      ),
    ];
  });
}

function missing(
  object: ManifestObject,
  container: PlainObject,
  path: Path,
  names: readonly string[],
  owner: string,
  effect: string,
): Found[] {
  return (['volumeMounts', 'volumeDevices'] as const).flatMap(key =>
    listItems(container[key]).flatMap(([mount, index]): Found[] => {
      const { name } = asObject(mount);
      if (typeof name !== 'string' || names.includes(name) || isMadeByOperator(name)) return [];
      const has = [...new Set(names)].sort();
      return [
        {
          place: { object, path: [...path, key, index, 'name'] },
          message: say`${owner} mounts volume ${measured(name, quote)} of its pod, which has ${allowed(listed(has) || 'none')}, so ${effect}`,
        },
      ];
    }),
  );
}

function namesOf(volumes: unknown): string[] {
  return asObjects(volumes).map(({ name }) => String(name));
}
