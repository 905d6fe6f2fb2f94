/** What a program composes: the constructs with their props, the values that these take, and the checks. */
export { ApiObject, App, Chart, Duration, Size, Testing } from 'cdk8s';
export { type ContainerResources, Cpu, type CpuResources, type MemoryResources } from 'cdk8s-plus-28';
export type { ClusterService } from './checker/capacity/cluster-services';
export {
  customInstanceType,
  type InstanceType,
  instanceType,
  instanceTypes,
} from './checker/capacity/instance-types';
export type { NodeGroupShape, Taint } from './checker/capacity/node';
export type {
  DeclaredInsert,
  DeclaredProgram,
  DeclaredRead,
  DeclaredWrite,
} from './checker/facts/declared-program';
export {
  ClickHouseDb,
  type ClickHouseDbProps,
  type ClickHouseLogin,
} from './lakehouse/clickhouse/clickhouse-db';
export { clusterNodes } from './lakehouse/cluster/cluster-nodes';
export {
  ExistingNamespace,
  type ExistingNamespaceProps,
  Namespace,
  type NamespaceProps,
} from './lakehouse/cluster/namespace';
export { NodeGroup, type NodeGroupProps } from './lakehouse/cluster/node-group';
export { ResourceQuotas, type ResourceQuotasProps } from './lakehouse/cluster/resource-quotas';
export {
  EbsStorageClass,
  type EbsStorageClassProps,
  ExternalStorageClass,
  type StorageClass,
} from './lakehouse/cluster/storage-class';
export { ArgoCdApplications, type ArgoCdApplicationsProps } from './lakehouse/gitops/argo-cd-applications';
export type { KafkaClusterTopicProps } from './lakehouse/kafka/cluster-topic';
export { KafkaCluster, type KafkaClusterProps } from './lakehouse/kafka/kafka-cluster';
export { KafkaCoordination, type KafkaCoordinationProps } from './lakehouse/kafka/kafka-coordination';
export {
  type ExternalKafkaTopicProps,
  type KafkaClientProps,
  type KafkaConnection,
  type KafkaLogin,
  KafkaTopic,
  type KafkaTopicProps,
} from './lakehouse/kafka/kafka-topic';
export { LakehouseChart, type LakehouseChartProps } from './lakehouse/lakehouse-chart';
export { Grafana, type GrafanaProps } from './lakehouse/monitoring/grafana';
export type { IpFamily, NetworkProps } from './lakehouse/network/addresses';
export { DefaultDeny, type DefaultDenyProps } from './lakehouse/network/default-deny';
export {
  type AddressBlock,
  type Addresses,
  type Connectable,
  type Flow,
  flowsOf,
  type Listener,
  type Pods,
} from './lakehouse/network/flow';
export type { IngressController, IngressProps, IngressTarget, IngressTls } from './lakehouse/network/ingress';
export { ServiceIngress } from './lakehouse/network/ingress';
export { Workload, type WorkloadProps } from './lakehouse/network/workload';
export type { PlainApiObject } from './lakehouse/plain-objects';
export { RefusedApp } from './lakehouse/refused-app';
export { TrafficEstimate, type TrafficEstimateProps } from './lakehouse/sizing/traffic';
export { SparkExecutorCount } from './lakehouse/spark/executor-count';
export type { JobLocations } from './lakehouse/spark/job-locations';
export { connectorJars, type SparkConnector, SparkDependencies } from './lakehouse/spark/spark-dependencies';
export { type GoldEngine, SparkGoldJob, type SparkGoldJobProps } from './lakehouse/spark/spark-gold-job';
export {
  SparkJob,
  type SparkJobOptions,
  type SparkJobProps,
  type SparkRestartPolicy,
  type SparkSecretFile,
} from './lakehouse/spark/spark-job';
export type { SparkPodProps } from './lakehouse/spark/spark-pod';
export { SparkStreamingJob, type SparkStreamingJobProps } from './lakehouse/spark/spark-streaming-job';
export type { StreamOptions } from './lakehouse/spark/stream-options';
export { MinioStore, type MinioStoreProps } from './lakehouse/storage/minio-store';
export {
  Bucket,
  type DataSet,
  type DataSetProps,
  ExternalObjectStoreCredentials,
  type ExternalObjectStoreProps,
  ObjectLocation,
  ObjectStore,
  type ObjectStoreClientProps,
  type ObjectStoreCredentials,
} from './lakehouse/storage/object-store';
export { SynthChecks, type SynthChecksProps } from './lakehouse/synth-checks';
export * as versions from './lakehouse/versions';
export { type WasAutoscaling, WasService, type WasServiceProps } from './lakehouse/was/was-service';
export { CodeConfigMap, type CodeConfigMapProps } from './lakehouse/workload/code-config-map';
export {
  External,
  ExternalSecret,
  type ExternalSecretProps,
  type SecretKey,
  type SecretValue,
} from './lakehouse/workload/external';
export { type PriorityClass, PriorityClasses } from './lakehouse/workload/priority-classes';
export { manifestFiles, writeManifests } from './lakehouse/write-manifests';
