import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { strimziComponents } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, type Message, measured, type Path, say } from '../finding/message';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import { bytes, cpuMillis } from '../manifest/quantity';
import { asObject, asObjects, at, type ManifestObject } from '../object/manifest-object';

/** "must be less than or equal to cpu limit": the API server refuses such a pod. */
export const requestAboveLimit: Rule = {
  id: 'request-above-limit',
  level: 'error',
  needs: ['pods'],
  refuses: 'a container that requests more than its limit, cores of Spark above coreLimit included',
  remedy: 'lower the request, or raise the limit',
  check: model => [
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, role, path }) =>
        ofResources(template.object, container['resources'], path, `${role} ${String(container['name'])}`),
      ),
    ),
    ...strimziComponents(model).flatMap(({ object, resources, path, name }) =>
      ofResources(
        object,
        at(object.body, ...path.map(String), 'resources') ?? resources,
        path,
        `${name} of ${object.metadata.name}`,
      ),
    ),
    ...model.objects.flatMap(object => ofApplication(model, object)),
  ],
};

function ofResources(object: ManifestObject, resources: unknown, path: Path, owner: string): Found[] {
  const limits = asObject(at(resources, 'limits'));
  return Object.entries(asObject(at(resources, 'requests'))).flatMap(([resource, request]): Found[] => {
    const limit = limits[resource];
    return isAbove(resource, request, limit)
      ? [
          {
            place: { object, path: [...path, 'resources', 'requests', resource] },
            message: say`${owner} requests ${measured(String(request))} of ${resource} and is limited to ${allowed(String(limit))}, which the API server refuses`,
          },
        ]
      : [];
  });
}

/** Driver and executor: the request is coreRequest, else cores; a limit stands where coreLimit does. */
function ofApplication(model: Model, object: ManifestObject): Found[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  const job = model.jobs.find(other => other.object === object);
  const conf = (key: string) => ({ value: job?.submitted.get(key)?.value, words: key });
  return (['driver', 'executor'] as const).flatMap((role): Found[] => {
    const side = asObject(spec[role]);
    const field = (key: string) => ({ value: side[key], words: key });
    const given = [
      field('coreRequest'),
      conf(`spark.kubernetes.${role}.request.cores`),
      field('cores'),
      conf(`spark.${role}.cores`),
    ].find(({ value }) => value !== undefined) ?? { value: 1, words: 'cores' };
    const stated = conf(`spark.kubernetes.${role}.limit.cores`);
    const limit = side['coreLimit'] ?? stated.value;
    const beside = (['initContainers', 'sidecars'] as const).flatMap(key =>
      asObjects(side[key]).flatMap((container, index) =>
        ofResources(
          object,
          container['resources'],
          [...path, role, key, index],
          `${role} container ${String(container['name'])}`,
        ),
      ),
    );
    if (!isAbove('cpu', given.value, limit)) return beside;
    const isField = side['coreLimit'] !== undefined;
    const remedy: Message = say`set coreRequest to at most ${String(limit)}, which leaves the task slots as they are, or raise the limit`;
    return [
      ...beside,
      {
        place: {
          object,
          path: isField ? [...path, role, 'coreLimit'] : [...path, 'sparkConf', stated.words],
        },
        message: say`the ${role} requests ${measured(String(given.value))} cores of CPU (${given.words}) and is limited to ${allowed(String(limit))}, which the API server refuses`,
        remedy,
      },
    ];
  });
}

/** What is no quantity is no matter of this rule. */
function isAbove(resource: string, request: unknown, limit: unknown): boolean {
  if (request === undefined || request === null || limit === undefined || limit === null) return false;
  const read = resource === 'cpu' ? cpuMillis : bytes;
  try {
    return read(request) > read(limit);
  } catch {
    return false;
  }
}
