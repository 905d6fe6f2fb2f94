import { podRequest } from '../capacity/pod-request';
import { requestPlace } from '../facts/fit';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStrimzi, strimziComponents } from '../facts/strimzi';
import type { Found, Place } from '../finding/finding';
import { measured, type Path, say } from '../finding/message';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import { expandPods, type PodSet, type UnreadableFigure } from '../manifest/pods';
import { bytes, count, QuantityError, shownValue } from '../manifest/quantity';
import { asObject, at, listItems, type ManifestObject } from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';

/** A figure that the API server refuses: nothing of its pod starts, and nothing can be counted with it. */
export const invalidQuantity: Rule = {
  id: 'invalid-quantity',
  level: 'error',
  needs: ['pods', 'figures'],
  refuses: 'a quantity or a count of pods that is none, and a limit below its request',
  remedy: 'write a number with an optional unit, e.g. 500m, 2, 512Mi or 20Gi',
  check: model => [...ofPods(model), ...ofVolumes(model), ...model.objects.flatMap(ofObject)],
};

function ofPods(model: Model): Found[] {
  return expandPods(model.objects).flatMap(set =>
    [...set.unreadable, ...podRequest(set.pod.spec, set.volumeClaims).unreadable]
      .filter(({ isFilledIn }) => isFilledIn !== true)
      .flatMap(figure => [
        { place: placeOf(model, set, figure), message: figure.message, remedy: figure.remedy },
        ...limitOfSameValue(model, set, figure),
      ]),
  );
}

/** A limit that repeats its request was read with it, and is refused by itself too. */
function limitOfSameValue(model: Model, { owner }: PodSet, { resource, of }: UnreadableFigure): Found[] {
  const container = of?.part === 'requests' ? containerOf(model, owner, of.container) : undefined;
  const [request, limit] = (['requests', 'limits'] as const).map(part =>
    at(container?.container, 'resources', part, resource),
  );
  if (container === undefined || of === undefined || limit === undefined || limit !== request) return [];
  return ofValue(owner, container.container, container.path, ['resources', 'limits', resource], count).map(
    found => ({ ...found, message: say`container ${of.container}: ${found.message}` }),
  );
}

function containerOf(model: Model, object: ManifestObject, name: string) {
  return model.templates
    .filter(template => template.object === object)
    .flatMap(template => declaredContainers(template))
    .find(declared => declared.container['name'] === name);
}

/** Where a figure stands: in the container that states it, else where the pod's requests are. */
function placeOf(model: Model, set: PodSet, { resource, path, of }: UnreadableFigure): Place {
  const object = set.owner;
  if (path !== undefined) return { object, path };
  const container = of === undefined ? undefined : containerOf(model, object, of.container);
  if (of === undefined) return requestPlace(set, resource);
  if (container === undefined) return placeOfOperator(model, set, resource, of);
  // A request that is left out is the limit, and a limit may come from the namespace.
  const parts = of.part === 'requests' ? (['requests', 'limits'] as const) : [of.part];
  const part = parts.find(key => at(container.container, 'resources', key, resource) !== undefined);
  return {
    object,
    path: [...container.path, 'resources', ...(part === undefined ? [of.part] : [part, resource])],
  };
}

/** The field of a custom resource from which an operator makes a container's figure. */
function placeOfOperator(
  model: Model,
  set: PodSet,
  resource: string,
  of: NonNullable<UnreadableFigure['of']>,
): Place {
  const object = set.owner;
  const application = sparkSpec(object);
  const limit = { cpu: 'coreLimit', memory: 'memoryLimit' }[resource];
  if (application !== undefined && of.part === 'limits' && limit !== undefined) {
    const path = [...application.path, set.role, limit];
    // A limit that is a quantity is below its request, and stands there.
    if (!isQuantity(at(object.body, ...path) ?? 0)) return { object, path };
  }
  const component = strimziComponents(model).find(
    item =>
      item.object === object &&
      item.container ===
        (set.role === 'connect' ? object.kind : of.container.replace(`${object.metadata.name}-`, '')),
  );
  if (component === undefined) return requestPlace(set, resource);
  const parts = of.part === 'requests' ? ['requests', 'limits'] : ['limits'];
  const part = parts.find(key => at(component.resources, key, resource) !== undefined);
  return { object, path: [...component.path, 'resources', ...(part === undefined ? [] : [part, resource])] };
}

function isQuantity(value: unknown): boolean {
  try {
    return count(value) >= 0;
  } catch {
    return false;
  }
}

/** The sizes of volumes that pods bring along. */
function ofVolumes(model: Model): Found[] {
  return model.templates.flatMap(({ object, path, spec }) =>
    listItems(spec['volumes']).flatMap(([volume, index]) => {
      const at = [...path, 'volumes', index];
      const claim = ['ephemeral', 'volumeClaimTemplate', 'spec', 'resources', 'requests', 'storage'];
      return [
        ...ofValue(object, volume, at, ['emptyDir', 'sizeLimit'], bytes),
        ...ofValue(object, volume, at, claim, bytes),
      ];
    }),
  );
}

const STORAGE = ['spec', 'resources', 'requests', 'storage'];

/** The sizes and amounts that an object states outside of its pods. */
function ofObject(object: ManifestObject): Found[] {
  switch (object.kind) {
    case 'PersistentVolumeClaim':
      return ofValue(object, object.body, [], STORAGE, bytes);
    case 'PersistentVolume':
      return ofValue(object, object.body, [], ['spec', 'capacity', 'storage'], bytes);
    case 'StatefulSet':
      return listItems(at(object.body, 'spec', 'volumeClaimTemplates')).flatMap(([claim, index]) =>
        ofValue(object, claim, ['spec', 'volumeClaimTemplates', index], STORAGE, bytes),
      );
    case 'ResourceQuota':
      return ofAmounts(object, object.body, [], ['spec', 'hard']);
    case 'LimitRange':
      return listItems(at(object.body, 'spec', 'limits')).flatMap(([item, index]) =>
        ['default', 'defaultRequest', 'max', 'min'].flatMap(key =>
          ofAmounts(object, item, ['spec', 'limits', index], [key]),
        ),
      );
    default:
      return isStrimzi(object) ? ofStorage(object) : [];
  }
}

/** The operator makes claims of these sizes. */
function ofStorage(object: ManifestObject): Found[] {
  return [
    ['spec', 'kafka', 'storage'],
    ['spec', 'zookeeper', 'storage'],
    ['spec', 'storage'],
  ].flatMap(path => {
    const storage = at(object.body, ...path);
    return [
      ...ofValue(object, storage, path, ['size'], bytes),
      ...listItems(at(storage, 'volumes')).flatMap(([volume, index]) =>
        ofValue(object, volume, [...path, 'volumes', index], ['size'], bytes),
      ),
    ];
  });
}

function ofAmounts(object: ManifestObject, from: unknown, path: Path, inner: readonly string[]): Found[] {
  return Object.keys(asObject(at(from, ...inner))).flatMap(name =>
    ofValue(object, from, path, [...inner, name], count),
  );
}

function ofValue(
  object: ManifestObject,
  from: unknown,
  path: Path,
  inner: readonly string[],
  read: (value: unknown) => number,
): Found[] {
  const value = at(from, ...inner);
  // What somebody fills in before it is applied is not known.
  if (value === undefined || value === null || hasPlaceholder(String(value))) return [];
  try {
    read(value);
    return [];
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    const place = [...path, ...inner];
    return [
      {
        place: { object, path: place },
        message: say`${(inner[0] === 'resources' ? inner : place).join('.')} ${measured(shownValue(error.value))} is no quantity (${error.reason})`,
      },
    ];
  }
}
