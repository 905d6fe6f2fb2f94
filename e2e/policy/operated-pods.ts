import { expandPods, type PodSet } from '../../lib/checker/manifest/pods';
import type { ManifestObject } from '../../lib/checker/object/manifest-object';
import { imageReference, images, strimzi } from '../../lib/lakehouse/versions';

/** What Strimzi's operator runs where a resource names no image (its own defaults, by release). */
const STRIMZI_IMAGES = {
  kafka: `quay.io/strimzi/kafka:${strimzi.kraft.version}-kafka-${strimzi.kraft.kafkaVersion}`,
  operator: `quay.io/strimzi/operator:${strimzi.kraft.version}`,
};

/**
 * One Pod for each kind of pod that the operators make of custom resources, as a manifest: the policy tools know
 * neither Strimzi's resources nor Spark's. The workloads of Kubernetes itself they read as they are.
 */
export function operatedPods(objects: readonly ManifestObject[]): object[] {
  return expandPods(objects)
    .filter(({ owner }) => /^(kafka\.strimzi\.io|sparkoperator\.k8s\.io)\//.test(owner.apiVersion))
    .map(set => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: set.name,
        namespace: set.namespace,
        labels: set.pod.labels,
        annotations: set.pod.annotations,
      },
      spec: { ...specOf(set), automountServiceAccountToken: mountsToken(set, objects) },
    }));
}

/** What the API server decides: the pod's own word, else its account's, else yes. */
function mountsToken({ pod: { spec }, namespace }: PodSet, objects: readonly ManifestObject[]): boolean {
  const account = objects.find(
    ({ kind, metadata }) =>
      kind === 'ServiceAccount' &&
      metadata.name === spec['serviceAccountName'] &&
      metadata.namespace === namespace,
  );
  return (spec['automountServiceAccountToken'] ?? account?.body['automountServiceAccountToken']) !== false;
}

function specOf({ pod: { spec }, role, volumeClaims }: PodSet): object {
  const image =
    role === 'driver' || role === 'executor'
      ? imageReference(images.spark)
      : role === 'entity-operator'
        ? STRIMZI_IMAGES.operator
        : STRIMZI_IMAGES.kafka;
  return {
    ...spec,
    containers: spec.containers.map(container => ({ image, ...container })),
    volumes: [
      ...spec.volumes,
      ...volumeClaims.map(({ name }) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ],
  };
}
