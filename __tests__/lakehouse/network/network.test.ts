import { readFileSync } from 'node:fs';
import type { ManifestObject } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';
import { KafkaCluster } from '../../../lib/lakehouse/kafka/kafka-cluster';
import type { LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import { type Flow, isPods, type Pods } from '../../../lib/lakehouse/network/flow';
import { SparkDependencies } from '../../../lib/lakehouse/spark/spark-dependencies';
import type { SparkJobProps } from '../../../lib/lakehouse/spark/spark-job';
import { validateApp } from '../../../lib/lakehouse/write-manifests';
import { networkTable } from '../../../scripts/docs/network-table';
import { inside, objectOf } from '../synthesis';
import {
  addOwnJob,
  addSecondStream,
  composed,
  compositions,
  EXTERNAL_TOPIC,
  type Maker,
  RENAMED,
} from './compositions';
import {
  differences,
  isGuarded,
  isOf,
  podsAround,
  policiesOf,
  reaches,
  reachesAddress,
  type TestPod,
} from './reachability';

const namespacesOf = (objects: readonly ManifestObject[], kind: string) => [
  ...new Set(objects.filter(object => object.kind === kind).map(({ metadata }) => metadata.namespace)),
];

describe.each(Object.entries(compositions))('%s', (_, composition) => {
  const { app, objects, flows } = composed(composition);
  const policies = policiesOf(objects);
  const pods = podsAround(objects);
  const workloads = [
    ...new Map(
      flows
        .flatMap(({ from, to }) => [from, to])
        .filter((end): end is Pods => isPods(end) && Object.keys(end.labels).length > 0)
        .map(end => [`${end.namespace}/${end.name}`, end]),
    ).values(),
  ];
  const ofOthers = (name: string) => ['stranger', 'dns', 'operator', 'prometheus'].includes(name);

  test('it is accepted', () => {
    expect(validateApp(app)).toEqual([]);
  });

  test('every pod of ours is of exactly one workload, and has a policy for both directions', () => {
    for (const pod of pods.filter(({ name }) => !ofOthers(name) && name !== 'kube-state-metrics')) {
      const names = workloads.filter(workload => isOf(pod, workload)).map(({ name }) => name);
      expect([pod.name, names]).toEqual([pod.name, [expect.any(String)]]);
      expect(isGuarded(policies, pod, 'Ingress') && isGuarded(policies, pod, 'Egress')).toBe(true);
    }
    for (const workload of workloads) {
      expect([workload.name, pods.some(pod => isOf(pod, workload))]).toEqual([workload.name, true]);
    }
  });

  test('every pod reaches exactly what the flows say, on exactly these ports', () => {
    expect(differences(policies, pods, flows)).toEqual([]);
  });

  test('every pod of ours asks the DNS, of the cluster and of its node, by TCP and UDP', () => {
    const dns = pods.find(({ name }) => name === 'dns') as TestPod;
    for (const pod of pods.filter(candidate => isGuarded(policies, candidate, 'Egress'))) {
      expect(reaches(policies, pod, dns, 53)).toBe(true);
      expect(reachesAddress(policies, pod, '169.254.20.10', 53)).toBe(true);
    }
    const rules = policies
      .flatMap(policy => (inside(policy, 'spec', 'egress') ?? []) as { ports?: { port: number }[] }[])
      .filter(({ ports }) => ports?.some(({ port }) => port === 53));
    for (const { ports } of rules) {
      expect(ports).toEqual([
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ]);
    }
  });

  test('no object stands in a namespace that nothing of ours is in', () => {
    const own = new Set(
      pods
        .filter(({ name }) => !ofOthers(name) && name !== 'kube-state-metrics')
        .map(({ namespace }) => namespace),
    );
    for (const { kind, metadata } of objects) {
      if (metadata.namespace === undefined) continue;
      expect([kind, metadata.name, own.has(metadata.namespace)]).toEqual([kind, metadata.name, true]);
    }
  });

  test('every namespace that is made, and no other, is denied, limited and labelled', () => {
    const made = objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
    const asked = typeof composition.props === 'object' ? (composition.props.existingNamespaces ?? []) : [];
    const denying = policies
      .filter(
        policy =>
          JSON.stringify(inside(policy, 'spec')) ===
          JSON.stringify({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
      )
      .map(({ metadata }) => metadata.namespace);
    const existing = asked.filter(({ denyByDefault }) => denyByDefault === true).map(({ name }) => name);
    expect(denying.sort()).toEqual([...made, ...existing].sort());
    expect(namespacesOf(objects, 'LimitRange').sort()).toEqual([...made].sort());
  });
});

const podsOf = (objects: readonly ManifestObject[], name: RegExp) =>
  podsAround(objects).filter(pod => name.test(pod.name));

const one = (objects: readonly ManifestObject[], name: RegExp): TestPod => {
  const found = podsOf(objects, name);
  expect([name.source, found.length]).toEqual([name.source, 1]);
  return found[0] as TestPod;
};

describe('an external topic', () => {
  const given = compositions['an external topic'] ?? {};
  const byHand = compositions['an external topic for each that needs one'] ?? {};
  const alone = compositions['an external topic for the web servers alone'] ?? {};

  test.each([
    ['of the chart', given],
    ['of each that needs one', byHand],
  ])('%s leaves no Kafka cluster behind: no object, namespace, quota, policy or Secret', (_, composition) => {
    const { app, objects } = composed(composition);
    expect(objects.filter(({ apiVersion }) => apiVersion.startsWith('kafka.strimzi.io/'))).toEqual([]);
    expect(objects.filter(({ metadata }) => metadata.namespace === 'kafka')).toEqual([]);
    expect(objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'kafka')).toBe(
      false,
    );
    expect(JSON.stringify(objects.map(({ body }) => body))).not.toContain('strimzi');
    expect(app.node.findAll().filter(node => node instanceof KafkaCluster)).toEqual([]);
  });

  test('but a layer that still needs a topic of the chart brings the cluster', () => {
    const { objects, lakehouse } = composed(alone);
    expect(objects.filter(({ kind }) => kind === 'Kafka')).toHaveLength(1);
    const [peers] = objects
      .filter(({ kind }) => kind === 'Kafka')
      .map(kafka => JSON.stringify(inside(kafka, 'spec', 'kafka', 'listeners')));
    expect(peers).toContain(lakehouse.streaming.name);
    expect(peers).not.toContain('"was"');
  });

  test('is reached on its own port, by the web servers and the streaming job alone', () => {
    const { objects } = composed(given);
    const policies = policiesOf(objects);
    const clients = [/^was$/, /^activity-streaming-driver/, /^activity-streaming-exec/].map(name =>
      one(objects, name),
    );
    for (const pod of clients) {
      expect([pod.name, reachesAddress(policies, pod, '203.0.113.9', 9094)]).toEqual([pod.name, true]);
      expect(reachesAddress(policies, pod, '2001:db8::9', 9094)).toBe(true);
      expect(reachesAddress(policies, pod, '203.0.113.9', 9092)).toBe(false);
    }
    for (const pod of [/^minio-0|^minio$/, /^clickhouse$/, /^activity-gold-driver/, /^grafana$/].map(name =>
      one(objects, name),
    )) {
      expect([pod.name, reachesAddress(policies, pod, '203.0.113.9', 9094)]).toEqual([pod.name, false]);
    }
  });

  test('at addresses that are known is reached there alone', () => {
    const reached = (topic: Partial<typeof EXTERNAL_TOPIC> & { addresses?: string[] }, address: string) => {
      const { objects } = composed({ props: { externalTopic: { ...EXTERNAL_TOPIC, ...topic } } });
      return reachesAddress(policiesOf(objects), one(objects, /^was$/), address, 9094);
    };
    const addresses = ['10.20.0.0/16'];
    expect(reached({ addresses }, '10.20.1.1')).toBe(true);
    expect(reached({ addresses }, '10.21.1.1')).toBe(false);
    const bootstrapServers = '10.20.1.1:9094,[2001:db8::5]:9094';
    expect(reached({ bootstrapServers }, '10.20.1.1')).toBe(true);
    expect(reached({ bootstrapServers }, '2001:db8::5')).toBe(true);
    expect(reached({ bootstrapServers }, '10.20.1.2')).toBe(false);
    expect(reached({ bootstrapServers }, '2001:db8::6')).toBe(false);
  });

  test('is refused beside figures of a cluster that is not made, and taken without', () => {
    const said = (props: LakehouseChartProps) =>
      composed({ props: { externalTopic: EXTERNAL_TOPIC, ...props } }).lakehouse.node.validate();
    expect(said({ kafka: { brokers: 5 } })).toEqual([
      'it is given kafka but its topic is external, so no Kafka cluster is made; remove kafka, or the external topic',
    ]);
    expect(said({ topic: { partitions: 3 } })).toEqual([
      'it is given topic but its topic is external, so no Kafka cluster is made; remove topic, or the external topic',
    ]);
    expect(said({})).toEqual([]);
    expect(() => composed(given).lakehouse.kafka).toThrow(
      '[lakehouse] it has no Kafka cluster, because its topic user-activity-logs is external; use its topic, or leave out externalTopic',
    );
  });
});

describe.each<Maker>([
  'the chart',
  'the program, before',
  'the program, afterwards',
  'nobody, for it exists',
])('a second streaming job in a namespace of its own, made by %s', maker => {
  const { objects } = composed({ after: lakehouse => addSecondStream(lakehouse, maker) });
  const policies = policiesOf(objects);
  const isMade = maker !== 'nobody, for it exists';

  test('has its namespace once, denied by default and with the DNS, or none', () => {
    const there = objects.filter(
      ({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'payments',
    );
    expect(there).toHaveLength(isMade ? 1 : 0);
    const names = objects
      .filter(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.namespace === 'payments')
      .map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual([
      ...(isMade ? ['deny-by-default', 'dns'] : []),
      'payments-streaming-driver',
      'payments-streaming-executor',
    ]);
  });

  test('is watched by the Spark operator, and its namespace allowed by ArgoCD', () => {
    const withArgoCd = composed({
      props: { gitOps: { repository: 'https://git.example.com/data/lakehouse.git' } },
      after: lakehouse => addSecondStream(lakehouse, maker),
    }).objects;
    const operator = objectOf(withArgoCd, 'Application', 'spark-operator');
    expect(inside(operator, 'spec', 'source', 'helm', 'valuesObject', 'spark', 'jobNamespaces')).toEqual([
      'default',
      'payments',
    ]);
    const { destinations } = inside(objectOf(withArgoCd, 'AppProject', 'lakehouse'), 'spec') as {
      destinations: { namespace: string }[];
    };
    expect(destinations.map(({ namespace }) => namespace)).toContain('payments');
  });

  test('reaches Kafka and the store, and they admit it', () => {
    const [broker, minio] = [one(objects, /-broker$/), one(objects, /^minio$/)];
    for (const pod of [
      one(objects, /^payments-streaming-driver/),
      one(objects, /^payments-streaming-exec/),
    ]) {
      expect([pod.name, reaches(policies, pod, broker, 9092)]).toEqual([pod.name, true]);
      expect([pod.name, reaches(policies, pod, minio, 9000)]).toEqual([pod.name, true]);
      expect(reaches(policies, pod, one(objects, /^clickhouse$/), 8123)).toBe(false);
    }
  });

  test('brings no stranger of that namespace to Kafka or the store', () => {
    const stranger = podsAround(objects).find(
      ({ name, namespace }) => name === 'stranger' && namespace === 'payments',
    ) as TestPod;
    expect(reaches(policies, stranger, one(objects, /-broker$/), 9092)).toBe(false);
    expect(reaches(policies, stranger, one(objects, /^minio$/), 9000)).toBe(false);
  });

  test('gives its pods the ephemeral storage that packages need, where the namespace is made', () => {
    const limits = objects.filter(
      ({ kind, metadata }) => kind === 'LimitRange' && metadata.namespace === 'payments',
    );
    expect(limits.map(range => inside(range, 'spec', 'limits', 0, 'default', 'ephemeral-storage'))).toEqual(
      isMade ? ['5Gi'] : [],
    );
  });
});

describe('a batch job of the user’s', () => {
  test.each<Maker>(['the chart', 'nobody, for it exists'])(
    'reaches what it is handed, and nothing else, in a namespace made by %s',
    maker => {
      const { objects } = composed({ after: lakehouse => addOwnJob(lakehouse, maker) });
      const policies = policiesOf(objects);
      const reached = [
        ['minio', 9000],
        ['clickhouse', 8123],
        ['streaming-cluster-broker', 9092],
        ['was', 8080],
      ] as const;
      for (const pod of [one(objects, /^daily-report-driver/), one(objects, /^daily-report-exec/)]) {
        expect(
          reached.map(([name, port]) => reaches(policies, pod, one(objects, new RegExp(`${name}$`)), port)),
        ).toEqual([true, true, false, false]);
      }
      // Credentials that a job was handed are for its pods alone.
      const stranger = podsAround(objects).find(
        ({ name, namespace }) => name === 'stranger' && namespace === 'reports',
      ) as TestPod;
      expect(reaches(policies, stranger, one(objects, /^minio$/), 9000)).toBe(false);
    },
  );
});

describe('a program of the user’s that goes on for ever', () => {
  const stream = (own: Partial<SparkJobProps>) =>
    composed({ after: lakehouse => addOwnJob(lakehouse, 'the chart', { entry: 'stream.py', ...own }) }).app;

  test('is refused with the restart policy of a batch', () => {
    expect(() => validateApp(stream({}))).toThrow(
      /stream daily-report has restartPolicy OnFailure with 3 retries, so one failure more ends it for good; a stream needs Always; .*rule restart-policy-lets-stream-die\)\n1 error, nothing was written$/,
    );
  });

  test('is taken with that of a stream', () => {
    expect(validateApp(stream({ restartPolicy: 'Always' }))).toEqual([]);
  });
});

describe('namespaces', () => {
  test('that are renamed leave nothing behind under their former names', () => {
    const { objects } = composed({ props: RENAMED });
    const used = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));
    expect([...used].sort()).toEqual(['boards', 'data', 'jobs', 'messaging', 'shop']);
  });

  test('that exist get the policies of our own pods, and nothing else', () => {
    const { objects } = composed(compositions['namespaces that exist'] ?? {});
    const existing = ['kafka', 'storage', 'default', 'monitoring'];
    const there = objects.filter(({ metadata }) => existing.includes(metadata.namespace ?? ''));
    expect(there.filter(({ kind }) => ['LimitRange', 'ResourceQuota'].includes(kind))).toEqual([]);
    expect(objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name)).toEqual([
      'was',
    ]);
    const policies = policiesOf(objects);
    for (const namespace of existing) {
      const stranger: TestPod = {
        name: 'stranger',
        namespace,
        labels: { 'app.kubernetes.io/name': 'stranger' },
      };
      expect(isGuarded(policies, stranger, 'Ingress') || isGuarded(policies, stranger, 'Egress')).toBe(false);
    }
    const prometheus = one(objects, /^prometheus$/);
    expect(isGuarded(policies, prometheus, 'Egress')).toBe(false);
  });

  test('that exist are no reason for a check of the manifests alone to miss what exists in them', () => {
    const { objects } = composed(compositions['namespaces that exist'] ?? {});
    const { findings } = review(objects, {});
    expect(findings.filter(({ rule }) => rule === 'missing-reference')).toEqual([]);
  });

  test('that exist get what is asked for', () => {
    const { objects } = composed({
      props: {
        existingNamespaces: [{ name: 'was', denyByDefault: true, limitRange: true, quota: true }],
      },
    });
    const kinds = objects
      .filter(({ metadata }) => metadata.namespace === 'was')
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(kinds).toEqual(
      expect.arrayContaining([
        'LimitRange/container-defaults',
        'ResourceQuota/namespace',
        'NetworkPolicy/deny-by-default',
        'NetworkPolicy/dns',
      ]),
    );
    expect(objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'was')).toBe(false);
  });

  test('that exist are among those that something is in', () => {
    const said = (name: string) =>
      composed({ props: { existingNamespaces: [{ name }] } }).lakehouse.node.validate();
    expect(said('storge')).toEqual([
      expect.stringMatching(
        /^existingNamespaces has storge but nothing is in it, only in .*storage.*; correct the name, /,
      ),
    ]);
    expect(said('storage')).toEqual([]);
  });
});

test('no listener of Kafka admits pods that are no clients, that of TLS without logins neither', () => {
  const { objects } = composed({});
  const policies = policiesOf(objects);
  const broker = one(objects, /-broker$/);
  const strangers = podsAround(objects).filter(({ name }) => name === 'stranger');
  expect(strangers.length).toBeGreaterThan(5);
  for (const stranger of strangers) {
    for (const port of [9092, 9093]) {
      expect([stranger.namespace, port, reaches(policies, stranger, broker, port)]).toEqual([
        stranger.namespace,
        port,
        false,
      ]);
    }
  }
  expect(reaches(policies, one(objects, /^was$/), broker, 9092)).toBe(true);
});

test('the API server is looked for where the chart says', () => {
  const { objects } = composed({ props: { network: { apiServerBlocks: ['10.100.0.0/28'] } } });
  const driver = one(objects, /^activity-gold-driver/);
  const policies = policiesOf(objects);
  expect(reachesAddress(policies, driver, '10.100.0.3', 443)).toBe(true);
  expect(reachesAddress(policies, driver, '10.100.1.3', 443)).toBe(false);
});

test('a family of addresses that the cluster has not is left out', () => {
  const cidrs = (props: LakehouseChartProps) =>
    new Set(JSON.stringify(composed({ props }).objects.map(({ body }) => body)).match(/(?<="cidr":")[^"]+/g));
  const isIpv6 = (cidr: string) => cidr.includes(':');
  expect([...cidrs({})].some(isIpv6)).toBe(true);
  expect([...cidrs({ network: { ipFamilies: ['IPv4'] } })].some(isIpv6)).toBe(false);
  expect([...cidrs({ network: { ipFamilies: ['IPv6'] } })].every(isIpv6)).toBe(true);
});

const leaving = (flows: readonly Flow[]) =>
  flows
    .filter(({ to }) => to.name === 'the Internet')
    .map(({ from, ports }) => [typeof from === 'string' ? from : from.name, ports]);

test('only Spark drivers and Grafana reach the Internet, S3 aside', () => {
  const { flows, objects } = composed({});
  expect(leaving(flows).sort()).toEqual([
    ['activity-gold driver', [443]],
    ['activity-streaming driver', [443]],
    ['grafana', [443]],
  ]);
  // And no way out to the Internet is a way to the neighbours.
  const policies = policiesOf(objects);
  for (const name of [/^activity-gold-driver/, /^grafana$/]) {
    const pod = one(objects, name);
    expect(reachesAddress(policies, pod, '203.0.113.9', 443)).toBe(true);
    expect(reachesAddress(policies, pod, '2600:1f13::9', 443)).toBe(true);
    expect(reachesAddress(policies, pod, '192.168.1.1', 8443)).toBe(false);
  }
  expect(reachesAddress(policies, one(objects, /^grafana$/), '10.1.2.3', 443)).toBe(false);
});

test('a job whose image holds its packages does not reach the Internet', () => {
  const { flows } = composed({
    props: {
      streaming: {
        image: 'registry.example.com/spark:3.5.7-connectors-1',
        dependencies: SparkDependencies.baked(),
      },
    },
  });
  expect(leaving(flows).sort()).toEqual([
    ['activity-gold driver', [443]],
    ['grafana', [443]],
  ]);
});

test('docs/network.md is what the default chart says', () => {
  expect(readFileSync('docs/network.md', 'utf8')).toBe(networkTable(composed({}).flows));
});
