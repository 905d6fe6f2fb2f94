import { apiGroup } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';

/**
 * The kinds whose content rules look at, by the name of the kind, with the groups of its API. Of every other kind rules
 * know the name and the namespace alone. A test holds this table against the kinds that the rules' sources name.
 */
const READ: Readonly<Record<string, readonly string[]>> = {
  ConfigMap: [''],
  CronJob: ['batch'],
  DaemonSet: ['apps', 'extensions'],
  Deployment: ['apps', 'extensions'],
  Job: ['batch'],
  LimitRange: [''],
  PersistentVolumeClaim: [''],
  Pod: [''],
  ReplicaSet: ['apps', 'extensions'],
  ReplicationController: [''],
  Secret: [''],
  StatefulSet: ['apps'],

  HorizontalPodAutoscaler: ['autoscaling'],
  PodDisruptionBudget: ['policy'],
  PriorityClass: ['scheduling.k8s.io'],
  StorageClass: ['storage.k8s.io'],

  // Nothing stands in them that could be wrong beside their names.
  Namespace: [''],
  ServiceAccount: [''],

  Application: ['argoproj.io'],
  Bucket: ['objectbucket.io', 's3.aws.upbound.io', 's3.aws.crossplane.io', 'minio.crossplane.io'],
  ClusterConfig: ['eksctl.io'],
  Kafka: ['kafka.strimzi.io'],
  ClickHouseInstallation: ['clickhouse.altinity.com'],
  ClickHouseKeeperInstallation: ['clickhouse-keeper.altinity.com'],
  ClickHouseInstallationTemplate: ['clickhouse.altinity.com'],
  CronWorkflow: ['argoproj.io'],
  ClusterWorkflowTemplate: ['argoproj.io'],
  HTTPRoute: ['gateway.networking.k8s.io'],
  Ingress: ['networking.k8s.io'],
  KafkaBridge: ['kafka.strimzi.io'],
  KafkaConnect: ['kafka.strimzi.io'],
  KafkaConnector: ['kafka.strimzi.io'],
  KafkaMirrorMaker2: ['kafka.strimzi.io'],
  KafkaNodePool: ['kafka.strimzi.io'],
  KafkaRebalance: ['kafka.strimzi.io'],
  KafkaTopic: ['kafka.strimzi.io'],
  KafkaUser: ['kafka.strimzi.io'],
  ObjectBucketClaim: ['objectbucket.io'],
  ScheduledSparkApplication: ['sparkoperator.k8s.io'],
  SecretProviderClass: ['secrets-store.csi.x-k8s.io'],
  Service: [''],
  SparkApplication: ['sparkoperator.k8s.io', 'spark.apache.org'],
  Tenant: ['minio.min.io'],
  Workflow: ['argoproj.io'],
  WorkflowTemplate: ['argoproj.io'],
};

/** Kinds of which rules only ask what they make or that they exist: what stands in them is not judged. */
export const ONLY_RESOLVED: ReadonlySet<string> = new Set([
  'PersistentVolume',
  'Certificate',
  'Config',
  'CustomResourceDefinition',
  'ExternalSecret',
  'HelmRelease',
  'Kustomization',
  'Component',
  'MachineDeployment',
  'MachinePool',
  'MachineSet',
  'SealedSecret',
  'VaultDynamicSecret',
  'VaultStaticSecret',
  'ZookeeperCluster',
]);

export const READ_KINDS: ReadonlySet<string> = new Set(Object.keys(READ));

/** Whether rules look at what stands in an object, and not at its name alone. */
export function isRead(object: Pick<ManifestObject, 'apiVersion' | 'kind'>): boolean {
  return READ[object.kind]?.includes(apiGroup(object)) === true;
}
