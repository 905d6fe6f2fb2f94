import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { Application, type ApplicationSpecSource, AppProject } from '../../../imports/argoproj.io';
import { clusterServices } from '../../checker/capacity/cluster-services';
import { measured, say } from '../../checker/finding/message';
import type { KafkaCluster } from '../kafka/kafka-cluster';
import { operators } from '../versions';
import { type Refusal, refuse } from '../workload/refuse';

/** The cluster that ArgoCD itself runs in. */
const IN_CLUSTER = 'https://kubernetes.default.svc';
const PROJECT = 'lakehouse';

export interface ArgoCdApplicationsProps {
  /** URL of the Git repository that holds this program and its dist/. */
  readonly repository: string;
  /**
   * Branch, tag or commit.
   * @default 'main'
   */
  readonly revision?: string;
  /**
   * Folder of the manifests in the repository.
   * @default 'dist'
   */
  readonly path?: string;
  /**
   * The Kafka cluster, which Strimzi runs.
   * @default none: Strimzi is not installed
   */
  readonly kafka?: KafkaCluster;
  /**
   * Namespace of ArgoCD.
   * @default 'argocd'
   */
  readonly namespace?: string;
}

/**
 * What ArgoCD has to know: a project that allows this system and nothing else, and Applications for the operators,
 * for Prometheus and for dist/.
 *
 * The operators' Applications are a sync wave earlier. Where all are applied at once, dist/ is retried until the
 * custom resources that it needs are known. The charts get the same requests that the fit counts
 * (lib/checker/capacity/cluster-services.ts), and no Service for Spark's web UI: the operator would wait for it to vanish
 * before it starts a job anew. Which namespaces there are, and in which of them jobs run, the objects of the app say.
 *
 * @example
 * new ArgoCdApplications(chart, 'argocd', {
 *   repository: 'https://git.example.com/data/lakehouse.git',
 *   kafka,
 * });
 */
export class ArgoCdApplications extends Construct {
  private readonly namespace: string;

  constructor(scope: Construct, id: string, props: ArgoCdApplicationsProps) {
    super(scope, id);
    this.namespace = props.namespace ?? 'argocd';
    const { strimzi, spark, prometheus } = operators;
    const { kafka } = props;
    const charts = [...(kafka === undefined ? [] : [strimzi]), spark, prometheus];
    const destinations = () => [
      ...new Set([...this.namespaces(), ...charts.map(({ namespace }) => namespace), 'kube-system']),
    ];

    refuse(this, () => this.refusals(props));

    new AppProject(this, 'Project', {
      metadata: { name: PROJECT, namespace: this.namespace },
      spec: {
        description: 'A streaming lakehouse and its operators',
        sourceRepos: [props.repository, ...charts.map(({ repository }) => repository)],
        destinations: Lazy.any({
          produce: () => destinations().map(namespace => ({ server: IN_CLUSTER, namespace })),
        }),
        // What the charts and dist/ make outside of namespaces.
        clusterResourceWhitelist: [
          { group: '', kind: 'Namespace' },
          { group: 'scheduling.k8s.io', kind: 'PriorityClass' },
          { group: 'storage.k8s.io', kind: 'StorageClass' },
          { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' },
          { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole' },
          { group: 'rbac.authorization.k8s.io', kind: 'ClusterRoleBinding' },
          { group: 'admissionregistration.k8s.io', kind: 'MutatingWebhookConfiguration' },
          { group: 'admissionregistration.k8s.io', kind: 'ValidatingWebhookConfiguration' },
        ],
      },
    });

    if (kafka !== undefined) {
      this.application('strimzi', strimzi.namespace, 0, {
        repoUrl: strimzi.repository,
        chart: strimzi.chart,
        targetRevision: kafka.strimziVersion,
        helm: {
          releaseName: 'strimzi',
          valuesObject: {
            // A chart that watches the namespace which it is installed in refuses to list it too.
            watchNamespaces: [kafka.namespace].filter(namespace => namespace !== strimzi.namespace),
            ...figures('strimzi-cluster-operator'),
          },
        },
      });
    }
    this.application('spark-operator', spark.namespace, 0, {
      repoUrl: spark.repository,
      chart: spark.chart,
      targetRevision: spark.version,
      helm: {
        releaseName: 'spark-operator',
        valuesObject: {
          controller: {
            uiService: { enable: false },
            ...figures('spark-operator-controller'),
            // Each worker runs one spark-submit, which resolves packages here too (551 MB for Kafka and S3A). Two at
            // once write over each other's downloads and need the memory of two JVMs.
            workers: 1,
            volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }],
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp', readOnly: false }],
          },
          webhook: { enable: true, ...figures('spark-operator-webhook') },
          spark: {
            jobNamespaces: Lazy.any({ produce: () => this.jobNamespaces() }),
            // Each job brings its own account with the least rights.
            serviceAccount: { create: false },
            rbac: { create: false },
          },
        },
      },
    });
    this.application('prometheus', prometheus.namespace, 0, {
      repoUrl: prometheus.repository,
      chart: prometheus.chart,
      targetRevision: prometheus.version,
      helm: {
        releaseName: 'prometheus',
        valuesObject: {
          alertmanager: { enabled: false },
          'prometheus-node-exporter': { enabled: false },
          'prometheus-pushgateway': { enabled: false },
          server: figures('prometheus-server'),
          'kube-state-metrics': figures('kube-state-metrics'),
        },
      },
    });
    // Every object states its own namespace.
    const own = Lazy.any({ produce: () => this.namespaces()[0] }) as unknown as string;
    this.application('lakehouse', own, 1, {
      repoUrl: props.repository,
      path: props.path ?? 'dist',
      targetRevision: props.revision ?? 'main',
      // The Applications themselves stand in a folder below.
      directory: { recurse: false },
    });
  }

  /** Namespaces that the manifests have objects in: those that are made, in their order, then the others. */
  private namespaces(): string[] {
    const objects = this.objects();
    return [
      ...new Set([
        ...objects.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name),
        ...objects.flatMap(({ metadata }) => metadata.namespace ?? []),
      ]),
    ];
  }

  /** Namespaces in which the Spark operator has to look for jobs. */
  private jobNamespaces(): string[] {
    const jobs = this.objects().filter(({ kind }) => kind.endsWith('SparkApplication'));
    return [...new Set(jobs.flatMap(({ metadata }) => metadata.namespace ?? []))];
  }

  /** The app's objects but for ArgoCD's own. */
  private objects(): ApiObject[] {
    return this.node.root.node
      .findAll()
      .filter(node => ApiObject.isApiObject(node))
      .map(node => node as ApiObject)
      .filter(({ apiGroup }) => apiGroup !== 'argoproj.io');
  }

  private refusals({ repository, path = 'dist' }: ArgoCdApplicationsProps): Refusal[] {
    return [
      ...(/^((https?|ssh):\/\/|[\w.-]+@)\S+$/.test(repository)
        ? []
        : [
            {
              message: say`gitOps has repository ${measured(repository, JSON.stringify)} but ArgoCD clones a URL`,
              remedy: say`set repository, e.g. https://git.example.com/data/lakehouse.git`,
            },
          ]),
      ...(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))\S+$/.test(path)
        ? []
        : [
            {
              message: say`gitOps has path ${measured(path, JSON.stringify)} but ArgoCD takes a folder inside the repository`,
              remedy: say`set path, e.g. dist`,
            },
          ]),
    ];
  }

  private application(name: string, destination: string, wave: number, source: ApplicationSpecSource): void {
    new Application(this, name, {
      metadata: {
        name,
        namespace: this.namespace,
        annotations: {
          'argocd.argoproj.io/sync-wave': `${wave}`,
          // Defaults that the API server and the operators fill in are no difference.
          'argocd.argoproj.io/compare-options': 'ServerSideDiff=true',
        },
      },
      spec: {
        project: PROJECT,
        source,
        destination: { server: IN_CLUSTER, namespace: destination },
        syncPolicy: {
          automated: { prune: true, selfHeal: true },
          retry: { limit: 10, backoff: { duration: '15s', factor: 2, maxDuration: '5m' } },
          syncOptions: [
            ...(source.chart === undefined ? [] : ['CreateNamespace=true']),
            'ServerSideApply=true',
            // Code and configuration have names that follow their content: the former ones go only when the new pods run.
            'PruneLast=true',
            'SkipDryRunOnMissingResource=true',
          ],
        },
      },
    });
  }
}

/** What the fit counts, as a chart takes it; memory is its own limit, CPU may burst. */
function figures(name: string) {
  const service = clusterServices.find(entry => entry.name === name);
  if (service === undefined)
    throw new Error(`lib/checker/capacity/cluster-services.ts has no service ${name}`);
  const { cpu, memory, priorityClassName } = service;
  return {
    resources: { requests: { cpu, memory }, limits: { cpu: '1', memory } },
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
  };
}
