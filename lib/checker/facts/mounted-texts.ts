import type { Place } from '../finding/finding';
import { volumeMounts } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  isObject,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import type { FileText } from './file-text';
import type { ManifestIndex } from './manifest-index';

/** The texts of a ConfigMap by key. */
export function textsOf(object: ManifestObject): Record<string, FileText> {
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
export function mountedTexts(
  model: ManifestIndex,
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

export function joinPath(folder: string, name: string): string {
  return `${folder.replace(/\/+$/, '')}/${name.replace(/^\/+/, '')}`;
}
