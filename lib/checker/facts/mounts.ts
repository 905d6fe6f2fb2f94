import { volumeMounts } from '../manifest/pod-templates';
import { asObjects, at, type ManifestObject, type PlainObject } from '../object/manifest-object';
import type { Mount, Stated } from './job';

/** `spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path` and its kin. */
export function mountsFromConf(conf: ReadonlyMap<string, Stated>, role: 'driver' | 'executor'): Mount[] {
  const prefix = `spark.kubernetes.${role}.volumes.`;
  return [...conf].flatMap(([key, { value }]) => {
    if (!key.startsWith(prefix) || !key.endsWith('.mount.path')) return [];
    const [type = '', name = ''] = key.slice(prefix.length).split('.');
    const option = (field: string) => conf.get(`${prefix}${type}.${name}.options.${field}`)?.value;
    return [
      {
        path: value,
        volume: { name, [type]: { claimName: option('claimName'), path: option('path') } },
        readOnly: conf.get(`${prefix}${type}.${name}.mount.readOnly`)?.value === 'true',
      },
    ];
  });
}

export function mounts(
  container: PlainObject,
  volumes: ReadonlyMap<string, PlainObject>,
  claims: ReadonlySet<string> = new Set(),
): Mount[] {
  return volumeMounts(container).map(({ name, mountPath, readOnly, subPath }) => ({
    path: mountPath,
    readOnly,
    ...(subPath === undefined ? {} : { subPath }),
    volume: claims.has(name) ? { name, persistentVolumeClaim: { claimName: name } } : volumes.get(name),
  }));
}

export function claimTemplates(object: ManifestObject): ReadonlySet<string> {
  return new Set(
    asObjects(at(object.body, 'spec', 'volumeClaimTemplates')).map(claim =>
      String(at(claim, 'metadata', 'name')),
    ),
  );
}
