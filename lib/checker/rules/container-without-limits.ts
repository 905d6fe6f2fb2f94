import { missingResources } from '../facts/missing-resources';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { listed, measured, type Path, say } from '../finding/message';
import { isClickHouse, isTenant, operatedTemplates } from '../manifest/operated';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import { asObject, asObjects, at, type ManifestObject, type PlainObject } from '../object/manifest-object';

/** What the LimitRanges of an object's namespace give to containers that state nothing. */
function limitRangeDefaults(model: Model, object: ManifestObject): PlainObject {
  const items = model
    .ofKind('LimitRange')
    .filter(range => range.metadata.namespace === object.metadata.namespace)
    .flatMap(range => asObjects(at(range.body, 'spec', 'limits')))
    .filter(item => item['type'] === 'Container');
  const merged = (key: string) => Object.assign({}, ...items.map(item => asObject(item[key])));
  return { limits: merged('default'), requests: { ...merged('default'), ...merged('defaultRequest') } };
}

/** Incident 7: web servers without limits took every core of the nodes that Kafka and Spark run on. */
export const containerWithoutLimits: Rule = {
  id: 'container-without-limits',
  level: 'error',
  needs: ['pods'],
  refuses: 'a container, init containers included, without CPU and memory requests and limits',
  remedy:
    'state resources.requests and resources.limits for cpu and memory, e.g. requests 200m and 512Mi, limits 1000m and 1Gi',
  check: model => [
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, role, path }) =>
        finding(model, template.object, container, role, path),
      ),
    ),
    ...model.objects.flatMap(object =>
      sparkSidecars(object).flatMap(({ container, role, path }) =>
        finding(model, object, container, role, path),
      ),
    ),
    ...model.objects
      .filter(isTenant)
      .flatMap(object =>
        asObjects(at(object.body, 'spec', 'pools')).flatMap((pool, index) =>
          finding(model, object, { ...pool, name: pool['name'] ?? index }, 'pool', ['spec', 'pools', index]),
        ),
      ),
    ...model.objects.filter(isClickHouse).flatMap(withoutPodTemplate),
  ],
};

/** An installation without a template of its pods gets the operator's, which states no limits. */
function withoutPodTemplate(object: ManifestObject): Found[] {
  const isTemplate = object.kind === 'ClickHouseInstallationTemplate';
  const spec = at(object.body, 'spec');
  if (isTemplate || operatedTemplates(object).length > 0 || at(spec, 'useTemplates') !== undefined) return [];
  return [
    {
      place: { object, path: ['spec'] },
      message: say`${object.kind} ${object.metadata.name} has no podTemplate, so its server has no ${measured('cpu and memory request and limit')} and can take a whole node`,
      remedy: say`add templates.podTemplates with resources to it, and name it in defaults.templates.podTemplate`,
    },
  ];
}

function finding(
  model: Model,
  object: ManifestObject,
  container: PlainObject,
  role: string,
  path: Path,
): Found[] {
  const missing = missingResources(asObject(container['resources']), limitRangeDefaults(model, object));
  if (missing.length === 0) return [];
  return [
    {
      place: { object, path: container['resources'] === undefined ? path : [...path, 'resources'] },
      message: say`${role} ${String(container['name'])} has no ${measured(listed(missing))}, so it can take a whole node`,
    },
  ];
}

/** Containers that stand beside Spark's own in a driver or executor; Spark gives its own theirs. */
function sparkSidecars(object: ManifestObject): { container: PlainObject; role: string; path: Path }[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  return (['driver', 'executor'] as const).flatMap(part =>
    (['initContainers', 'sidecars'] as const).flatMap(key =>
      asObjects(at(application.spec, part, key)).map((container, index) => ({
        container,
        role: `${part} ${key === 'sidecars' ? 'sidecar' : 'init container'}`,
        path: [...application.path, part, key, index],
      })),
    ),
  );
}
