import { ApiObject, App, Lazy, Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { EXTERNAL_ANNOTATION } from '../../checker/facts/model';
import { DefaultDeny } from '../network/default-deny';
import { sizeQuantity } from '../workload/container';
import { externalsOf } from '../workload/external';
import { ResourceQuotas } from './resource-quotas';

/** Begins the id of a namespace that a chart makes because something is in it. */
export const MADE_WHEN_NEEDED = 'needed-namespace-';

export interface NamespaceProps {
  readonly name: string;
  /**
   * The Pod Security standard that the namespace enforces; a laxer one carries its reason.
   * @default restricted
   */
  readonly podSecurity?:
    | { readonly level: 'restricted' }
    | { readonly level: 'baseline' | 'privileged'; readonly reason: string };
  /**
   * Ephemeral storage of containers that state none, which is all that a SparkApplication can do.
   * @default 1Gi requested and 5Gi at most where a Spark job runs, whose packages need it; else 16Mi and 256Mi
   */
  readonly ephemeralStorage?: { readonly request: Size; readonly limit: Size };
}

export interface ExistingNamespaceProps {
  readonly name: string;
  /**
   * Whether every pod there is cut off but for the DNS and what workloads declare, those of others too.
   * @default false: only the app's own pods are
   */
  readonly denyByDefault?: boolean;
  /**
   * Whether containers there that state no figures are given some, those of others too.
   * @default false
   */
  readonly limitRange?: boolean;
  /**
   * Whether a quota holds the namespace to what the app's pods need; pods of others count too, and are stopped by it.
   * @default false
   */
  readonly quota?: boolean;
}

/**
 * A namespace that exists, and in which others may be: nothing is made in it but what is asked for. The app's own pods have
 * their policies there, which say nothing about the pods of others.
 *
 * @example
 * new ExistingNamespace(chart, 'team', { name: 'team', limitRange: true });
 */
export class ExistingNamespace extends Construct {
  public readonly name: string;

  constructor(scope: Construct, id: string, props: ExistingNamespaceProps) {
    super(scope, id);
    this.name = props.name;
    takeTheNameFromOthers(this);
    if (props.denyByDefault === true) new DefaultDeny(this, 'network', { namespace: props.name });
    if (props.limitRange === true) addLimitRange(this, props.name);
    if (props.quota === true) new ResourceQuotas(this, 'quota', { namespaces: [props.name] });
  }
}

/**
 * A namespace that admits only restricted pods, cuts them off but for what workloads declare, and gives figures to
 * containers that have none.
 *
 * It is never pruned: the volumes' claims are in it.
 *
 * @example
 * const storage = new Namespace(chart, 'storage', { name: 'storage' });
 */
export class Namespace extends Construct {
  public readonly name: string;

  constructor(scope: Construct, id: string, props: NamespaceProps) {
    super(scope, id);
    this.name = props.name;
    takeTheNameFromOthers(this);
    const podSecurity = props.podSecurity ?? { level: 'restricted' as const };
    new k8s.KubeNamespace(this, 'namespace', {
      metadata: {
        name: this.name,
        labels: {
          ...LABELS,
          'pod-security.kubernetes.io/enforce': podSecurity.level,
          'pod-security.kubernetes.io/enforce-version': 'latest',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
        annotations: {
          'argocd.argoproj.io/sync-options': 'Prune=false',
          [EXTERNAL_ANNOTATION]: Lazy.any({ produce: () => externalsOf(App.of(this), this.name) }),
          ...('reason' in podSecurity ? { 'cdk8s-lakehouse/pod-security-reason': podSecurity.reason } : {}),
        },
      },
    });
    addLimitRange(this, this.name, props.ephemeralStorage);
    new DefaultDeny(this, 'network', { namespace: this.name });
  }
}

/** A namespace that a chart made, because something is in it, makes way for what the program says of it afterwards. */
function takeTheNameFromOthers(namespace: Namespace | ExistingNamespace): void {
  for (const other of namespace.node.root.node.findAll()) {
    if (
      other !== namespace &&
      (other instanceof Namespace || other instanceof ExistingNamespace) &&
      other.name === namespace.name &&
      other.node.id === `${MADE_WHEN_NEEDED}${other.name}`
    ) {
      other.node.scope?.node.tryRemoveChild(other.node.id);
    }
  }
}

const LABELS = { 'app.kubernetes.io/part-of': 'lakehouse', 'app.kubernetes.io/managed-by': 'cdk8s' };

/**
 * What a driver or executor needs of its node's disk: the jars (281 MB, kept twice) and what it spills. At most as
 * much as its emptyDirs may hold, and the logs.
 */
const SPARK_EPHEMERAL_STORAGE = { request: Size.gibibytes(1), limit: Size.gibibytes(5) } as const;

const PLAIN_EPHEMERAL_STORAGE = { request: Size.mebibytes(16), limit: Size.mebibytes(256) };

/** Figures for containers that state none. */
function addLimitRange(
  scope: Construct,
  namespace: string,
  ephemeralStorage?: NamespaceProps['ephemeralStorage'],
): void {
  const storage = (side: 'request' | 'limit') =>
    Lazy.any({
      produce: () => {
        const usual = runsSpark(scope, namespace) ? SPARK_EPHEMERAL_STORAGE : PLAIN_EPHEMERAL_STORAGE;
        return sizeQuantity((ephemeralStorage ?? usual)[side]);
      },
    });
  // Not k8s.KubeLimitRange, which takes quantities that are known.
  new ApiObject(scope, 'limit-range', {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'container-defaults', namespace, labels: LABELS },
    spec: {
      limits: [
        {
          type: 'Container',
          defaultRequest: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': storage('request') },
          default: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': storage('limit') },
        },
      ],
    },
  });
}

function runsSpark(scope: Construct, namespace: string): boolean {
  return scope.node.root.node
    .findAll()
    .some(
      node =>
        ApiObject.isApiObject(node) &&
        (node as ApiObject).kind.endsWith('SparkApplication') &&
        (node as ApiObject).metadata.namespace === namespace,
    );
}
