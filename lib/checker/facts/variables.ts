import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import { environment } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  listItems,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import type { Stated } from './job';
import type { ManifestIndex } from './manifest-index';

/** Variables of a container: values, or null for what comes from a Secret or a field. */
export function variablesOf(
  model: ManifestIndex,
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

/** Whose variables they are: a container, or the driver of an application. */
export interface Owner {
  readonly model: ManifestIndex;
  readonly object: ManifestObject;
  readonly path: Path;
}

/** Where a variable is declared: in the pod, or in a ConfigMap of which all keys become variables. */
export function environmentPlace({ model, object, path }: Owner, name: string): Place {
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
export function substituted(text: string, variables: ReadonlyMap<string, string | null>): string {
  return text.replace(/\$\(([A-Za-z_]\w*)\)/g, (whole, name: string) => variables.get(name) ?? whole);
}
