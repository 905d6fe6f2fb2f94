import type { ManifestObject } from './manifest-object';

/** What tells an object from every other one. */
export interface ObjectIdentity {
  readonly kind: string;
  /** Absent for kinds that belong to no namespace, and where the manifest leaves it to whoever applies it. */
  readonly namespace?: string;
  readonly name: string;
}

/** Kinds that belong to no namespace, of those that stand in manifests most. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'APIService',
  'ClusterIssuer',
  'ClusterRole',
  'ClusterRoleBinding',
  'CSIDriver',
  'CustomResourceDefinition',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
]);

/** 'Kind/namespace/name', or 'Kind/name' of what belongs to no namespace. Without a namespace kubectl takes default. */
export function objectId(object: ObjectIdentity | Pick<ManifestObject, 'kind' | 'metadata'>): string {
  const { namespace = 'default', name: declared } = 'metadata' in object ? object.metadata : object;
  const name = declared === '' ? '(no name)' : declared;
  return CLUSTER_SCOPED.has(object.kind) ? `${object.kind}/${name}` : `${object.kind}/${namespace}/${name}`;
}
