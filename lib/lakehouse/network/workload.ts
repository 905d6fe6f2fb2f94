import { ApiObject, App, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { EXTERNAL_ANNOTATION } from '../../checker/facts/model';
import { externalsOf } from '../workload/external';
import { objectLabels } from '../workload/labels';
import { policyAnnotations } from '../workload/policy-exceptions';
import { refuse } from '../workload/refuse';
import { type Connectable, covers, declareFlows, type Flow, flowsOf, isPods, type Pods } from './flow';
import { deniesByDefault, dnsRule } from './namespace-dns';
import { unreachedRefusals } from './unreached';

export interface WorkloadProps extends Pods {
  /**
   * Whether the pods come with a Helm chart, and not with these manifests.
   * @default false
   */
  readonly isMadeElsewhere?: boolean;
}

/**
 * Pods that are cut off but for the connections that the app declares.
 *
 * It makes one NetworkPolicy, whose rules are every flow of the app that begins or ends at these pods, whichever construct
 * declares it. Each construct with pods has its own; make one for pods of yours, and connect them.
 *
 * @example
 * const report = new Workload(chart, 'report', { name: 'report', namespace: 'reports', labels: { app: 'report' } });
 * report.connectTo(database, 'a report is made every morning');
 * report.acceptFrom('anywhere', [8080], 'people read it');
 */
export class Workload extends Construct implements Pods {
  public readonly name: string;
  public readonly namespace: string;
  public readonly labels: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id);
    this.name = props.name;
    this.namespace = props.namespace;
    this.labels = props.labels;
    new ApiObject(this, 'policy', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: {
        name: this.name.replaceAll(' ', '-'),
        namespace: this.namespace,
        labels: objectLabels('network-policy', this.namespace, 'network'),
        annotations: {
          ...(props.isMadeElsewhere === true ? policyAnnotations(['podsOfAnotherChart']) : {}),
          [EXTERNAL_ANNOTATION]: Lazy.any({ produce: () => this.externals() }),
        },
      },
      spec: Lazy.any({ produce: () => this.spec() }),
    });
    refuse(this, () =>
      unreachedRefusals(
        this,
        this,
        this.node.root.node.findAll().filter(node => node instanceof Workload),
      ),
    );
  }

  /** Lets the pods through to a server: a topic, a store, a database, web servers, or something of your own. */
  public connectTo(server: Connectable, why: string): void {
    declareFlows(this, () => server.listeners.map(({ end, ports }) => ({ from: this, to: end, ports, why })));
  }

  /** Lets others through to the pods. */
  public acceptFrom(from: Flow['from'], ports: readonly number[], why: string): void {
    declareFlows(this, () => [{ from, to: this, ports, why }]);
  }

  /** What exists in the namespace: where nobody makes it, there is no Namespace that could say so. */
  private externals(): string | undefined {
    const root = App.of(this);
    const isMade = root.node
      .findAll()
      .some(node => ApiObject.isApiObject(node) && isNamespace(node as ApiObject, this.namespace));
    return isMade ? undefined : externalsOf(root, this.namespace);
  }

  private spec(): object {
    const flows = flowsOf(this.node.root);
    const ingress = flows
      .filter(({ to }) => covers(to, this))
      .map(({ from, ports }) => ({
        ...(from === 'anywhere' ? {} : { from: peersOf(from) }),
        ...portsOf(ports),
      }));
    const egress = [
      ...(deniesByDefault(this.node.root, this.namespace) ? [] : [dnsRule(this)]),
      ...flows
        .filter(({ from }) => covers(from, this))
        .map(({ to, ports }) => ({ to: peersOf(to), ...portsOf(ports) })),
    ];
    return {
      podSelector: { matchLabels: this.labels },
      policyTypes: ['Ingress', 'Egress'],
      // An empty list means the same as none, but a server-side apply of it counts as a change every time.
      ...(ingress.length === 0 ? {} : { ingress }),
      ...(egress.length === 0 ? {} : { egress }),
    };
  }
}

function isNamespace({ kind, name }: ApiObject, namespace: string): boolean {
  return kind === 'Namespace' && name === namespace;
}

/** The pods at an end as a policy names them; none of addresses and of anywhere. */
export function podPeer({ namespace, labels }: Pods): object {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    // Without labels it is every pod of the namespace.
    ...(Object.keys(labels).length === 0 ? {} : { podSelector: { matchLabels: labels } }),
  };
}

function peersOf(end: Exclude<Flow['from'], 'anywhere'>): object[] {
  return isPods(end) ? [podPeer(end)] : end.blocks.map(ipBlock => ({ ipBlock }));
}

function portsOf(ports: readonly number[]): { ports?: object[] } {
  return ports.length === 0 ? {} : { ports: ports.map(port => ({ port, protocol: 'TCP' })) };
}
