import { App, Lazy, Size } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { EXTERNAL_ANNOTATION } from '../../checker/facts/model';
import { objectId } from '../../checker/object/object-id';
import { sizeQuantity } from '../workload/container';
import { externalReferences } from '../workload/external';

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
   * @default 16Mi requested, 256Mi at most
   */
  readonly ephemeralStorage?: { readonly request: Size; readonly limit: Size };
}

/**
 * A namespace that admits only restricted pods and gives figures to containers that have none.
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
    const podSecurity = props.podSecurity ?? { level: 'restricted' as const };
    const ephemeralStorage = props.ephemeralStorage ?? {
      request: Size.mebibytes(16),
      limit: Size.mebibytes(256),
    };
    const labels = { 'app.kubernetes.io/part-of': 'lakehouse', 'app.kubernetes.io/managed-by': 'cdk8s' };
    new k8s.KubeNamespace(this, 'namespace', {
      metadata: {
        name: this.name,
        labels: {
          ...labels,
          'pod-security.kubernetes.io/enforce': podSecurity.level,
          'pod-security.kubernetes.io/enforce-version': 'latest',
          'pod-security.kubernetes.io/audit': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
        annotations: {
          'argocd.argoproj.io/sync-options': 'Prune=false',
          [EXTERNAL_ANNOTATION]: Lazy.any({ produce: () => this.externals() }),
          ...('reason' in podSecurity ? { 'cdk8s-lakehouse/pod-security-reason': podSecurity.reason } : {}),
        },
      },
    });
    new k8s.KubeLimitRange(this, 'limit-range', {
      metadata: { name: 'container-defaults', namespace: this.name, labels },
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: {
              cpu: k8s.Quantity.fromString('50m'),
              memory: k8s.Quantity.fromString('64Mi'),
              'ephemeral-storage': k8s.Quantity.fromString(sizeQuantity(ephemeralStorage.request)),
            },
            default: {
              cpu: k8s.Quantity.fromString('500m'),
              memory: k8s.Quantity.fromString('256Mi'),
              'ephemeral-storage': k8s.Quantity.fromString(sizeQuantity(ephemeralStorage.limit)),
            },
          },
        ],
      },
    });
  }

  /** What the manifests refer to in this namespace, or outside of any, and somebody else creates. */
  private externals(): string | undefined {
    const references = externalReferences(App.of(this)).filter(
      ({ namespace }) => namespace === undefined || namespace === this.name,
    );
    return references.length === 0 ? undefined : [...new Set(references.map(objectId))].sort().join(' ');
  }
}
