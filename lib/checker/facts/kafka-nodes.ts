import { asObject, at, isObject, type ManifestObject } from '../object/manifest-object';
import type { Model } from './model';
import { kafkaClusters, nodePools, usesNodePools } from './strimzi';

/** How many nodes of each role a Kafka has. */
export interface KafkaNodes {
  readonly brokers: number;
  /** KRaft's controllers, or ZooKeeper's servers; undefined where neither is declared. */
  readonly coordinators: number | undefined;
  readonly hasZooKeeper: boolean;
  /** The objects that say it, the Kafka among them. */
  readonly saidBy: readonly ManifestObject[];
}

/** The nodes of a cluster; undefined where a count is not known, or its pools are not among the files. */
export function kafkaNodes(model: Model, kafka: ManifestObject): KafkaNodes | undefined {
  const spec = asObject(kafka.body['spec']);
  const hasZooKeeper = isObject(spec['zookeeper']);
  const servers = at(spec, 'zookeeper', 'replicas');
  if (hasZooKeeper && !isCount(servers)) return undefined;
  if (!usesNodePools(model, kafka)) {
    const brokers = at(spec, 'kafka', 'replicas');
    if (!isCount(brokers)) return undefined;
    const coordinators = hasZooKeeper ? Number(servers) : undefined;
    return { brokers, coordinators, hasZooKeeper, saidBy: [kafka] };
  }
  const pools = distinctPools(model, kafka);
  if (pools.length === 0) return undefined;
  const counts = pools.map(pool => ({
    replicas: at(pool.body, 'spec', 'replicas'),
    roles: at(pool.body, 'spec', 'roles'),
  }));
  if (!counts.every(({ replicas, roles }) => isCount(replicas) && Array.isArray(roles))) return undefined;
  const of = (role: string) =>
    counts.reduce(
      (sum, { replicas, roles }) => sum + ((roles as unknown[]).includes(role) ? Number(replicas) : 0),
      0,
    );
  return {
    brokers: of('broker'),
    coordinators: hasZooKeeper ? Number(servers) : of('controller'),
    hasZooKeeper,
    saidBy: [kafka, ...pools],
  };
}

/** Each pool once, however many files hold it. */
function distinctPools(model: Model, kafka: ManifestObject): ManifestObject[] {
  const pools = nodePools(model, kafka);
  // Of several descriptions of one cluster each has the pools of its own file.
  const isOneOfMany = kafkaClusters(model).some(
    other =>
      other !== kafka &&
      other.metadata.name === kafka.metadata.name &&
      other.metadata.namespace === kafka.metadata.namespace,
  );
  const beside = isOneOfMany ? pools.filter(({ source }) => source?.file === kafka.source?.file) : [];
  return [...new Map((beside.length > 0 ? beside : pools).map(pool => [pool.metadata.name, pool])).values()];
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A setting of the brokers as a whole number; undefined where it is not given or no number. */
export function brokerSetting(kafka: ManifestObject, key: string): number | undefined {
  return countOf(at(kafka.body, 'spec', 'kafka', 'config', key));
}

export function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
  return isCount(count) ? count : undefined;
}
