import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { PodSet } from '../../lib/checker/manifest/pods';
import { type ManifestObject, manifestObjects } from '../../lib/checker/object/manifest-object';

const DIST = join(__dirname, '..', '..', 'dist');

/** Every object of a folder of manifests, in the order in which kubectl applies its files. */
export function readManifests(folder: string = DIST): ManifestObject[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.yaml'))
    .sort()
    .flatMap(name =>
      manifestObjects(
        parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map(document => document.toJS()),
      ),
    );
}

/**
 * The objects that Strimzi's operator would make of its resources, for a cluster where it does not run: one pod a
 * replica with its claims. A test compares their figures with the resources' own.
 */
export function strimziObjects(sets: readonly PodSet[]): object[] {
  return sets.filter(set => set.owner.apiVersion.startsWith('kafka.strimzi.io/')).flatMap(barePods);
}

/** The pods of a set, without what would make them, and their claims. */
export function barePods(set: PodSet): object[] {
  return Array.from({ length: set.replicas.max }, (_, index) =>
    podAndClaims(set, `${set.name}-${index}`),
  ).flat();
}

function podAndClaims(set: PodSet, name: string): object[] {
  const claims = set.volumeClaims.map(claim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `${claim.name}-${name}`, namespace: set.namespace },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(claim.storageClass === undefined ? {} : { storageClassName: claim.storageClass }),
      resources: { requests: { storage: claim.size } },
    },
  }));
  const volumes = set.volumeClaims.map(claim => ({
    name: claim.name,
    persistentVolumeClaim: { claimName: `${claim.name}-${name}` },
  }));
  const containers = set.pod.spec.containers.map(container => ({
    image: 'stand-in:1',
    ...container,
  }));
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: set.namespace, labels: set.pod.labels, annotations: set.pod.annotations },
    spec: { ...set.pod.spec, containers, volumes: [...set.pod.spec.volumes, ...volumes] },
  };
  return [...claims, pod];
}
