import { k8s } from 'cdk8s-plus-28';
import type { LakehouseChart } from '../../../lib/lakehouse/lakehouse-chart';
import type { IngressProps } from '../../../lib/lakehouse/network/ingress';
import { validateApp } from '../../../lib/lakehouse/write-manifests';
import { containerOf, inside, objectOf } from '../synthesis';
import { composed } from './compositions';
import { policiesOf, reaches, reachesAddress, type TestPod } from './reachability';

const host = 'boards.example.com';

function grafana(ingress: IngressProps) {
  const { objects } = composed({ props: { grafana: { ingress } } });
  const policies = policiesOf(objects);
  const labels = { 'app.kubernetes.io/name': 'grafana', 'app.kubernetes.io/instance': 'grafana' };
  const pods: TestPod = { name: 'grafana', namespace: 'monitoring', labels };
  const isLetIn = (namespace: string, podLabels = {}) =>
    reaches(policies, { name: 'other', namespace, labels: podLabels }, pods, 3000);
  return { objects, isLetIn };
}

const said = (ingress: IngressProps) =>
  composed({ props: { grafana: { ingress } } })
    .lakehouse.grafana.node.findAll()
    .flatMap(({ node }) => node.validate());

test('an Ingress leads to the Service, shows the certificate, and its controller is let in', () => {
  const { objects, isLetIn } = grafana({ host, tls: { secretName: 'boards-tls' } });
  const ingress = objectOf(objects, 'Ingress', 'grafana');
  expect(ingress.metadata.namespace).toBe('monitoring');
  expect(inside(ingress, 'spec')).toEqual({
    ingressClassName: 'nginx',
    tls: [{ hosts: [host], secretName: 'boards-tls' }],
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: 'grafana', port: { number: 3000 } } },
            },
          ],
        },
      },
    ],
  });
  expect(containerOf(objectOf(objects, 'Deployment', 'grafana'))['env']).toContainEqual({
    name: 'GF_SERVER_ROOT_URL',
    value: 'https://boards.example.com/',
  });
  expect([isLetIn('ingress-nginx'), isLetIn('elsewhere'), isLetIn('monitoring')]).toEqual([
    true,
    false,
    false,
  ]);
});

test('a certificate of cert-manager is asked for by its annotation, and no Secret has to exist', () => {
  const certificate = (tls: NonNullable<IngressProps['tls']>) => {
    const { app } = composed({ props: { grafana: { ingress: { host, tls } } } });
    return app.node.findAll().filter(({ node }) => node.path.endsWith('ingress/certificate')).length;
  };
  expect(certificate({ secretName: 'boards-tls' })).toBe(1);
  expect(certificate({ secretName: 'boards-tls', clusterIssuer: 'letsencrypt' })).toBe(0);
  const { objects } = grafana({ host, tls: { secretName: 'boards-tls', clusterIssuer: 'letsencrypt' } });
  expect(objectOf(objects, 'Ingress', 'grafana').metadata.annotations).toEqual({
    'cert-manager.io/cluster-issuer': 'letsencrypt',
  });
});

test('a Gateway gets an HTTPRoute, and its namespace is let in', () => {
  const { objects, isLetIn } = grafana({ host, gateway: { name: 'public', namespace: 'gateways' } });
  expect(inside(objectOf(objects, 'HTTPRoute', 'grafana'), 'spec')).toEqual({
    parentRefs: [{ name: 'public', namespace: 'gateways' }],
    hostnames: [host],
    rules: [{ backendRefs: [{ name: 'grafana', port: 3000 }] }],
  });
  expect(objects.filter(({ kind }) => kind === 'Ingress')).toEqual([]);
  expect([isLetIn('gateways'), isLetIn('ingress-nginx')]).toEqual([true, false]);
});

test('a controller may be some pods of a namespace, or addresses', () => {
  const labels = { app: 'edge' };
  const pods = grafana({ host, className: 'edge', controller: { namespace: 'edge', labels } });
  expect([pods.isLetIn('edge', labels), pods.isLetIn('edge')]).toEqual([true, false]);
  const inVpc = grafana({ host, className: 'alb' });
  expect(inVpc.isLetIn('elsewhere')).toBe(true);
  expect(objectOf(inVpc.objects, 'Ingress', 'grafana').metadata.annotations).toEqual({
    'alb.ingress.kubernetes.io/target-type': 'ip',
    'alb.ingress.kubernetes.io/healthcheck-path': '/api/health',
  });
  const narrow = grafana({ host, className: 'alb', controller: { addresses: ['10.9.0.0/24'] } });
  expect(narrow.isLetIn('elsewhere')).toBe(false);
});

test.each<[IngressProps, string]>([
  [{ host }, 'http://boards.example.com/'],
  [{ host, tls: { secretName: 'boards-tls' } }, 'https://boards.example.com/'],
  [{ host, gateway: { name: 'public', namespace: 'gateways' } }, 'https://boards.example.com/'],
  [
    {
      host,
      className: 'alb',
      annotations: {
        'alb.ingress.kubernetes.io/certificate-arn': 'arn:aws:acm:eu-west-1:111122223333:certificate/a',
      },
    },
    'https://boards.example.com/',
  ],
])('Grafana knows how people reach it: %j', (ingress, value) => {
  const { objects } = grafana(ingress);
  expect(containerOf(objectOf(objects, 'Deployment', 'grafana'))['env']).toContainEqual({
    name: 'GF_SERVER_ROOT_URL',
    value,
  });
});

test('web servers behind an ingress are reached by its controller and by Prometheus alone', () => {
  const { objects } = composed({ props: { was: { ingress: { host: 'shop.example.com' } } } });
  const policies = policiesOf(objects);
  const was: TestPod = {
    name: 'was',
    namespace: 'was',
    labels: { 'app.kubernetes.io/name': 'was', 'app.kubernetes.io/instance': 'was' },
  };
  const from = (namespace: string): TestPod => ({ name: 'other', namespace, labels: {} });
  expect(reaches(policies, from('ingress-nginx'), was, 8080)).toBe(true);
  expect(reaches(policies, from('elsewhere'), was, 8080)).toBe(false);
  expect(reachesAddress(policies, was, '203.0.113.9', 443)).toBe(false);
});

describe('refused', () => {
  test.each<[IngressProps, string]>([
    [
      { host: 'https://boards.example.com' },
      'ingress of monitoring/grafana has host "https://boards.example.com" but a host is a name of the DNS in lower case, without scheme, port and path; set ingress.host, e.g. grafana.example.com',
    ],
    [
      { host, className: 'haproxy' },
      "ingress of monitoring/grafana is of class \"haproxy\" but nothing says where its controller is, so no policy could let it in; set ingress.controller, e.g. { namespace: 'ingress-system' } or { addresses: ['10.0.0.0/16'] }",
    ],
    [
      { host, className: 'alb', tls: { secretName: 'boards-tls' } },
      "ingress of monitoring/grafana has tls but a load balancer of class alb reads no Secret; remove ingress.tls, and set ingress.annotations['alb.ingress.kubernetes.io/certificate-arn'] to the ARN of its certificate",
    ],
    [
      { host, gateway: { name: 'public', namespace: 'gateways' }, tls: { secretName: 'boards-tls' } },
      "ingress of monitoring/grafana has tls beside a Gateway but the Gateway's own listeners say it; remove ingress.tls, or ingress.gateway",
    ],
  ])('%j', (ingress, message) => {
    expect(said(ingress)).toEqual([message]);
  });

  test.each<IngressProps>([
    { host: '*.example.com' },
    { host, className: 'haproxy', controller: { namespace: 'haproxy-controller' } },
    { host, gateway: { name: 'public', namespace: 'gateways' } },
  ])('but not %j', ingress => {
    expect(said(ingress)).toEqual([]);
  });
});

describe('an Ingress that somebody writes by hand', () => {
  const byHand = (lakehouse: LakehouseChart, service: string) =>
    new k8s.KubeIngress(lakehouse, 'by-hand', {
      metadata: { name: 'by-hand', namespace: 'monitoring' },
      spec: {
        ingressClassName: 'nginx',
        defaultBackend: { service: { name: service, port: { number: 3000 } } },
      },
    });

  test('to pods that no policy lets it through to is refused', () => {
    const { app } = composed({ after: lakehouse => byHand(lakehouse, 'grafana') });
    expect(() => validateApp(app)).toThrow(
      /^\[lakehouse\/grafana\/pods\] Ingress\/monitoring\/by-hand leads to the pods of grafana but only declared flows are let through to them, and none is from its controller; set the prop ingress in its place, or let the controller in, e\.g\. pods\.acceptFrom\(.*\n1 error, nothing was written$/,
    );
  });

  test('to a Service that does not exist is refused', () => {
    const { app } = composed({ after: lakehouse => byHand(lakehouse, 'grafna') });
    expect(() => validateApp(app)).toThrow(
      /^\[Ingress\/monitoring\/by-hand\] Service "grafna" is needed in namespace monitoring but not declared \(declared there: grafana\); .*rule missing-reference\)\n1 error, nothing was written$/,
    );
  });

  test('is taken when its controller is let in', () => {
    const { app } = composed({
      after: lakehouse => {
        byHand(lakehouse, 'grafana');
        const controller = { name: 'ingress', namespace: 'ingress-nginx', labels: {} };
        lakehouse.grafana.pods.acceptFrom(controller, [3000], 'people read it');
      },
    });
    expect(validateApp(app)).toEqual([]);
  });
});
