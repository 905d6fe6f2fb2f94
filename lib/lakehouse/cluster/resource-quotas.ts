import { ApiObject, App, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import {
  type ClusterService,
  clusterServices,
  serviceManifests,
} from '../../checker/capacity/cluster-services';
import { formatAmount, podRequest } from '../../checker/capacity/pod-request';
import { expandPods, type PodSet } from '../../checker/manifest/pods';
import { manifestObjects } from '../../checker/object/manifest-object';
import { objectLabels } from '../workload/labels';

/** What a namespace may request in all, in millicores, bytes and pods. */
interface Quota {
  readonly cpu: number;
  readonly memory: number;
  readonly pods: number;
}

export interface ResourceQuotasProps {
  readonly namespaces: readonly string[];
  /**
   * What runs in the cluster beside the app's objects.
   * @default the add-ons of every EKS cluster, the operators, and Prometheus
   */
  readonly services?: readonly ClusterService[];
}

/**
 * What each namespace may request in all: every pod of the app and of the cluster's services there at its maximum,
 * each workload's rolling surge, and the largest pod once more, because a pod that ends counts until it is gone.
 *
 * The figures are computed from the same pods that the fit counts, so the two agree; a workload that grows brings
 * its own room, and whatever comes beside it is stopped.
 *
 * @example
 * new ResourceQuotas(chart, 'quotas', { namespaces: ['kafka', 'storage'] });
 */
export class ResourceQuotas extends Construct {
  private readonly services: readonly ClusterService[];
  private computed: ReadonlyMap<string, Quota> | undefined;

  constructor(scope: Construct, id: string, props: ResourceQuotasProps) {
    super(scope, id);
    this.services = props.services ?? clusterServices;
    for (const namespace of props.namespaces) this.addNamespace(namespace);
  }

  /** Holds one more namespace to what its pods need. */
  public addNamespace(namespace: string): void {
    // Not k8s.KubeResourceQuota, which would copy the figures before they are known.
    new ApiObject(this, namespace, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'namespace', namespace, labels: objectLabels('quota', namespace, 'quota') },
      spec: { hard: Lazy.any({ produce: () => this.hard(namespace) }) },
    });
  }

  private hard(namespace: string): Record<string, string> {
    this.computed ??= quotas(podSets(this, this.services));
    const { cpu, memory, pods } = this.computed.get(namespace) ?? { cpu: 0, memory: 0, pods: 0 };
    return {
      'requests.cpu': formatAmount('cpu', cpu),
      'requests.memory': formatAmount('memory', memory),
      pods: `${pods}`,
    };
  }
}

/** The pods of the app's other objects, and of what the cluster runs beside them. */
function podSets(scope: Construct, services: readonly ClusterService[]): PodSet[] {
  const objects = manifestObjects(
    App.of(scope)
      .node.findAll()
      .filter((node): node is ApiObject => node instanceof ApiObject && node.kind !== 'ResourceQuota')
      .map(object => object.toJson()),
  );
  return expandPods([...objects, ...serviceManifests(services, objects)]);
}

function quotas(sets: readonly PodSet[]): Map<string, Quota> {
  const found = new Map<string, Quota>();
  for (const namespace of new Set(sets.map(set => set.namespace))) {
    const demands = sets
      .filter(set => set.namespace === namespace)
      .map(({ pod, volumeClaims, replicas, updateStrategy }) => {
        const { amounts } = podRequest(pod.spec, volumeClaims);
        const surge = updateStrategy.kind === 'surge' ? updateStrategy.maxSurge : 0;
        return { cpu: amounts['cpu'] ?? 0, memory: amounts['memory'] ?? 0, count: replicas.max + surge };
      });
    const total = (figure: 'cpu' | 'memory') =>
      demands.reduce((sum, demand) => sum + demand[figure] * demand.count, 0) +
      Math.max(...demands.map(demand => demand[figure]));
    found.set(namespace, {
      cpu: total('cpu'),
      memory: total('memory'),
      pods: demands.reduce((sum, demand) => sum + demand.count, 1),
    });
  }
  return found;
}
