import { ApiObject } from 'cdk8s';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { measured, say } from '../../checker/finding/message';
import { ExternalSecret } from '../workload/external';
import { objectLabels } from '../workload/labels';
import { type Refusal, refuse } from '../workload/refuse';
import { privateNetworks } from './addresses';
import type { Flow } from './flow';
import type { Workload } from './workload';

/**
 * Where the pods of an ingress controller or of a Gateway are (every pod of the namespace, without labels), or the addresses
 * of a load balancer that goes to pods itself.
 */
export type IngressController =
  | { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> }
  | { readonly addresses: readonly string[] };

export interface IngressTls {
  /** Secret with the certificate, in the namespace of the servers. */
  readonly secretName: string;
  /**
   * ClusterIssuer of cert-manager, which makes the Secret.
   * @default none: the Secret exists, with the keys tls.crt and tls.key
   */
  readonly clusterIssuer?: string;
}

export interface IngressProps {
  /** Name of the DNS under which people reach the servers. */
  readonly host: string;
  /**
   * IngressClass: the controller that serves it.
   * @default 'nginx'
   */
  readonly className?: string;
  /**
   * The certificate of the host.
   * @default none: plain HTTP, or what the load balancer or the Gateway does
   */
  readonly tls?: IngressTls;
  /**
   * A Gateway (gateway.networking.k8s.io) in the place of an IngressClass: an HTTPRoute is made. TLS is the Gateway's own.
   * @default none: an Ingress is made
   */
  readonly gateway?: { readonly name: string; readonly namespace: string };
  /**
   * Who is let in.
   * @default the namespace ingress-nginx or traefik for these classes, the private networks for alb, the namespace of a Gateway
   */
  readonly controller?: IngressController;
  /**
   * Annotations of the Ingress or HTTPRoute.
   * @default none; for alb the target type ip, because the Service has no port on nodes, and the path of the health check
   */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an ingress leads to. */
export interface IngressTarget {
  /** The Service, and its namespace. */
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
  /** Answers 200 when the pods may be sent requests. */
  readonly healthPath: string;
  readonly pods: Workload;
}

/** Where the controllers of known classes are: their own install guides. */
const CONTROLLER_NAMESPACES: Readonly<Record<string, string>> = {
  nginx: 'ingress-nginx',
  traefik: 'traefik',
};
const ALB = 'alb';
/** An ALB shows certificates of AWS Certificate Manager, and reads no Secret. */
const ACM_CERTIFICATE = 'alb.ingress.kubernetes.io/certificate-arn';

/** The way in for people: an Ingress or an HTTPRoute to a Service, and the policy that lets its controller through to the pods. */
export class ServiceIngress extends Construct {
  /** What people type, without a path. */
  public readonly url: string;

  constructor(scope: Construct, id: string, target: IngressTarget, props: IngressProps) {
    super(scope, id);
    const { host, tls, gateway } = props;
    const className = props.className ?? 'nginx';
    const isEncrypted =
      tls !== undefined || gateway !== undefined || props.annotations?.[ACM_CERTIFICATE] !== undefined;
    this.url = `${isEncrypted ? 'https' : 'http'}://${host}/`;
    const metadata = {
      name: target.name,
      namespace: target.namespace,
      labels: objectLabels('ingress', target.name, 'ingress'),
      annotations: {
        ...(gateway === undefined && className === ALB
          ? {
              'alb.ingress.kubernetes.io/target-type': 'ip',
              'alb.ingress.kubernetes.io/healthcheck-path': target.healthPath,
            }
          : {}),
        ...(tls?.clusterIssuer === undefined ? {} : { 'cert-manager.io/cluster-issuer': tls.clusterIssuer }),
        ...props.annotations,
      },
    };
    if (gateway === undefined) this.addIngress(metadata, target, className, props);
    else this.addRoute(metadata, target, gateway, host);
    const from = this.controller(props, className);
    // One that is not known is refused, and then nothing else is said of it.
    const standIn = { name: 'the ingress controller', namespace: className, labels: {} };
    target.pods.acceptFrom(from ?? standIn, [target.port], `people come by ${host}`);
    refuse(this, () => refusals(target, props, from === undefined ? className : undefined));
  }

  private addIngress(
    metadata: k8s.ObjectMeta,
    { name, namespace, port }: IngressTarget,
    ingressClassName: string,
    { host, tls }: IngressProps,
  ): void {
    if (tls !== undefined && tls.clusterIssuer === undefined) {
      new ExternalSecret(this, 'certificate', {
        secretName: tls.secretName,
        namespace,
        keys: {
          'tls.crt': { givenBy: 'the certificate authority' },
          'tls.key': { givenBy: 'the certificate authority' },
        },
      });
    }
    new k8s.KubeIngress(this, 'ingress', {
      metadata,
      spec: {
        ingressClassName,
        ...(tls === undefined ? {} : { tls: [{ hosts: [host], secretName: tls.secretName }] }),
        rules: [
          {
            host,
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: port } } } },
              ],
            },
          },
        ],
      },
    });
  }

  private addRoute(
    metadata: k8s.ObjectMeta,
    { name, port }: IngressTarget,
    gateway: NonNullable<IngressProps['gateway']>,
    host: string,
  ): void {
    new ApiObject(this, 'route', {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata,
      spec: {
        parentRefs: [{ name: gateway.name, namespace: gateway.namespace }],
        hostnames: [host],
        rules: [{ backendRefs: [{ name, port }] }],
      },
    });
  }

  /** Who opens the connections to the pods, where that is known. */
  private controller(
    { controller, gateway }: IngressProps,
    className: string,
  ): Exclude<Flow['from'], 'anywhere'> | undefined {
    if (controller !== undefined && 'addresses' in controller) {
      return { name: 'the load balancer', blocks: controller.addresses.map(cidr => ({ cidr })) };
    }
    const pods = (namespace: string, labels: Readonly<Record<string, string>> = {}) => ({
      name: gateway === undefined ? 'the ingress controller' : 'the Gateway',
      namespace,
      labels,
    });
    if (controller !== undefined) return pods(controller.namespace, controller.labels);
    if (gateway !== undefined) return pods(gateway.namespace);
    if (className === ALB) return { ...privateNetworks(this), name: 'the load balancer' };
    const namespace = CONTROLLER_NAMESPACES[className];
    return namespace === undefined ? undefined : pods(namespace);
  }
}

/** RFC 1123, and a wildcard for the first label as an Ingress takes it. */
const HOST = /^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

function refusals({ name, namespace }: IngressTarget, props: IngressProps, unknown?: string): Refusal[] {
  const object = `ingress of ${namespace}/${name}`;
  const ofIngress = (['className', 'tls'] as const).filter(prop => props[prop] !== undefined);
  return [
    ...(HOST.test(props.host)
      ? []
      : [
          {
            message: say`${object} has host ${measured(props.host, JSON.stringify)} but a host is a name of the DNS in lower case, without scheme, port and path`,
            remedy: say`set ingress.host, e.g. grafana.example.com`,
          },
        ]),
    ...(unknown === undefined
      ? []
      : [
          {
            message: say`${object} is of class ${measured(unknown, JSON.stringify)} but nothing says where its controller is, so no policy could let it in`,
            remedy: say`set ingress.controller, e.g. { namespace: 'ingress-system' } or { addresses: ['10.0.0.0/16'] }`,
          },
        ]),
    ...(props.className === ALB && props.tls !== undefined
      ? [
          {
            message: say`${object} has ${measured('tls')} but a load balancer of class alb reads no Secret`,
            remedy: say`remove ingress.tls, and set ingress.annotations['${ACM_CERTIFICATE}'] to the ARN of its certificate`,
          },
        ]
      : []),
    ...(props.gateway === undefined
      ? []
      : ofIngress.map(prop => ({
          message: say`${object} has ${measured(prop)} beside a Gateway but the Gateway's own listeners say it`,
          remedy: say`remove ingress.${prop}, or ingress.gateway`,
        }))),
  ];
}
