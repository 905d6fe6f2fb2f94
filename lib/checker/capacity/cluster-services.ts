import { asObjects, at, type ManifestObject, manifestObjects } from '../object/manifest-object';
import { objectId } from '../object/object-id';

/** A program of the cluster itself that takes room beside the chart. */
export interface ClusterService {
  readonly name: string;
  readonly namespace: string;
  readonly kind: 'DaemonSet' | 'Deployment';
  /** Pods; of a DaemonSet, one on each node. */
  readonly replicas: number;
  /** Requests of the whole pod, as Kubernetes quantities; '0' where the program asks for nothing. */
  readonly cpu: string;
  readonly memory: string;
  readonly priorityClassName?: string;
  /** Where the figures come from. */
  readonly source: string;
  /** What shows that it runs. @default nothing has to: every EKS cluster runs it */
  readonly comesWith?: {
    /** The API group of the objects that it operates. */
    readonly apiGroup?: string;
    /** The Helm chart that installs it. */
    readonly chart: string;
  };
}

/**
 * What an EKS cluster and its operators run around the chart.
 *
 * The add-ons' figures are what their manifests request. Programs whose install asks for nothing (spark-operator,
 * Prometheus, kube-state-metrics) are counted with the requests that their installation here has to state.
 */
export const clusterServices: readonly ClusterService[] = [
  {
    name: 'aws-node',
    namespace: 'kube-system',
    kind: 'DaemonSet',
    replicas: 1,
    cpu: '50m',
    memory: '0',
    priorityClassName: 'system-node-critical',
    source: 'aws/amazon-vpc-cni-k8s, config/master: aws-node 25m, aws-eks-nodeagent 25m',
  },
  {
    name: 'kube-proxy',
    namespace: 'kube-system',
    kind: 'DaemonSet',
    replicas: 1,
    cpu: '100m',
    memory: '0',
    priorityClassName: 'system-node-critical',
    source: 'EKS add-on kube-proxy',
  },
  {
    name: 'ebs-csi-node',
    namespace: 'kube-system',
    kind: 'DaemonSet',
    replicas: 1,
    cpu: '30m',
    memory: '104Mi',
    priorityClassName: 'system-node-critical',
    source: 'kubernetes-sigs/aws-ebs-csi-driver, Helm chart: 10m/40Mi + 10m/32Mi + 10m/32Mi',
  },
  {
    name: 'eks-pod-identity-agent',
    namespace: 'kube-system',
    kind: 'DaemonSet',
    replicas: 1,
    cpu: '0',
    memory: '0',
    priorityClassName: 'system-node-critical',
    source: 'EKS add-on eks-pod-identity-agent: no requests',
  },
  {
    name: 'coredns',
    namespace: 'kube-system',
    kind: 'Deployment',
    replicas: 2,
    cpu: '100m',
    memory: '70Mi',
    priorityClassName: 'system-cluster-critical',
    source: 'EKS add-on coredns',
  },
  {
    name: 'ebs-csi-controller',
    namespace: 'kube-system',
    kind: 'Deployment',
    replicas: 2,
    cpu: '60m',
    memory: '232Mi',
    priorityClassName: 'system-cluster-critical',
    source: 'kubernetes-sigs/aws-ebs-csi-driver, Helm chart: six containers of 10m',
  },
  {
    name: 'metrics-server',
    namespace: 'kube-system',
    kind: 'Deployment',
    replicas: 2,
    cpu: '100m',
    memory: '200Mi',
    priorityClassName: 'system-cluster-critical',
    source: 'kubernetes-sigs/metrics-server, components.yaml; two replicas as EKS installs it',
  },
  {
    name: 'strimzi-cluster-operator',
    namespace: 'kafka',
    kind: 'Deployment',
    replicas: 1,
    cpu: '200m',
    memory: '384Mi',
    priorityClassName: 'lakehouse-serving',
    comesWith: { apiGroup: 'kafka.strimzi.io', chart: 'strimzi-kafka-operator' },
    source: 'strimzi/strimzi-kafka-operator, install/cluster-operator/060-Deployment',
  },
  {
    name: 'spark-operator-controller',
    namespace: 'spark-operator',
    kind: 'Deployment',
    replicas: 1,
    cpu: '100m',
    memory: '384Mi',
    priorityClassName: 'lakehouse-serving',
    comesWith: { apiGroup: 'sparkoperator.k8s.io', chart: 'spark-operator' },
    source:
      'kubeflow/spark-operator, Helm values: none by default, 100m and 300Mi in the comment beside controller.resources; with a spark-submit beside it, measured: docs/capacity.md',
  },
  {
    name: 'spark-operator-webhook',
    namespace: 'spark-operator',
    kind: 'Deployment',
    replicas: 1,
    cpu: '100m',
    memory: '128Mi',
    priorityClassName: 'lakehouse-serving',
    comesWith: { apiGroup: 'sparkoperator.k8s.io', chart: 'spark-operator' },
    source:
      'kubeflow/spark-operator, Helm values: none by default, 100m in the comment beside webhook.resources; twice the measured memory: docs/capacity.md',
  },
  {
    name: 'prometheus-server',
    namespace: 'monitoring',
    kind: 'Deployment',
    replicas: 1,
    cpu: '100m',
    memory: '512Mi',
    priorityClassName: 'lakehouse-monitoring',
    comesWith: { chart: 'prometheus' },
    source: 'no request by default; stated here for some 30 scraped pods',
  },
  {
    name: 'kube-state-metrics',
    namespace: 'monitoring',
    kind: 'Deployment',
    replicas: 1,
    cpu: '100m',
    memory: '250Mi',
    priorityClassName: 'lakehouse-monitoring',
    comesWith: { chart: 'prometheus' },
    source: 'kubernetes/kube-state-metrics, README: 0.1 core and 250MiB as a general rule',
  },
];

/** ArgoCD's programs, where it runs in the same cluster: its manifests request nothing, these are stated here. */
export const argoCdServices: readonly ClusterService[] = (
  [
    ['argocd-application-controller', '100m', '512Mi'],
    ['argocd-repo-server', '50m', '256Mi'],
    ['argocd-server', '50m', '128Mi'],
    ['argocd-applicationset-controller', '20m', '64Mi'],
    ['argocd-redis', '20m', '64Mi'],
  ] as const
).map(([name, cpu, memory]) => ({
  name,
  namespace: 'argocd',
  kind: 'Deployment',
  replicas: 1,
  cpu,
  memory,
  source: 'argoproj/argo-cd, manifests/install.yaml: no requests; stated here for a handful of applications',
}));

/**
 * What runs beside a set of manifests, where nobody says it: the add-ons of every EKS cluster, the operator of each kind
 * of custom resource among the manifests, and what their Argo CD Applications install.
 */
export function servicesBeside(objects: readonly ManifestObject[]): readonly ClusterService[] {
  const groups = new Set(objects.map(({ apiVersion }) => apiVersion.split('/')[0] ?? ''));
  const charts = new Set(
    objects
      .filter(({ kind, apiVersion }) => kind === 'Application' && apiVersion.startsWith('argoproj.io/'))
      .flatMap(({ body }) => [at(body, 'spec', 'source'), ...asObjects(at(body, 'spec', 'sources'))])
      .map(source => at(source, 'chart')),
  );
  return clusterServices.filter(
    ({ comesWith }) =>
      comesWith === undefined ||
      (comesWith.apiGroup !== undefined && groups.has(comesWith.apiGroup)) ||
      charts.has(comesWith.chart),
  );
}

/**
 * The services as manifests, so that they are counted in the same way as everything else. What the objects already
 * hold (same kind, namespace and name) is left out.
 */
export function serviceManifests(
  services: readonly ClusterService[],
  objects: readonly ManifestObject[] = [],
): ManifestObject[] {
  const declared = new Set(objects.map(objectId));
  return manifestObjects(
    services
      .filter(service => !declared.has(objectId(service)))
      .map(service => {
        const labels = { 'app.kubernetes.io/name': service.name };
        return {
          apiVersion: 'apps/v1',
          kind: service.kind,
          metadata: { name: service.name, namespace: service.namespace, labels },
          spec: {
            ...(service.kind === 'Deployment' ? { replicas: service.replicas } : {}),
            selector: { matchLabels: labels },
            template: {
              metadata: { labels },
              spec: {
                ...(service.priorityClassName === undefined
                  ? {}
                  : { priorityClassName: service.priorityClassName }),
                ...(service.kind === 'DaemonSet' ? { tolerations: [{ operator: 'Exists' }] } : {}),
                containers: [
                  {
                    name: service.name,
                    resources: { requests: { cpu: service.cpu, memory: service.memory } },
                  },
                ],
              },
            },
          },
        };
      }),
  );
}
