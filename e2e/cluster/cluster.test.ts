import { isDeepStrictEqual } from 'node:util';
import { REFUSED_EDITS } from '../../__tests__/lakehouse/refused-edits';
import { nodesOf } from '../../lib/checker/capacity/node';
import { type ZoneLayout, zoneLayouts } from '../../lib/checker/capacity/scenarios';
import { expandPods, type PodSet } from '../../lib/checker/manifest/pods';
import { bytes, cpuMillis } from '../../lib/checker/manifest/quantity';
import { asObjects, at, type ManifestObject } from '../../lib/checker/object/manifest-object';
import { objectId } from '../../lib/checker/object/object-id';
import { NodeGroup } from '../../lib/lakehouse/cluster/node-group';
import {
  isAsReported,
  isRefused,
  isRunning,
  type ReportedScenario,
  reason,
  reportedScenarios,
} from './claims';
import { accepted, eventually, list, taken } from './control-plane';
import { barePods, strimziObjects } from './custom-resources';
import { editedChart } from './edited-chart';
import {
  applications,
  applyDist,
  countedOfOperator,
  difference,
  generations,
  isOf,
  Lakehouse,
  livePods,
  nameOf,
  objects,
  SCHEDULED_TIMEOUT_MS,
  serviceObjects,
  sets,
} from './lakehouse';
import { addNodes, type FakeNode } from './nodes';
import { CONTESTS, contestObjects, type Played, play } from './preemption';
import { COMPONENTS } from './spark-operator';

/** The control plane, and a JVM for each job: half a minute alone, more on a busy machine. */
const START_TIMEOUT_MS = 5 * 60_000;
const rolled = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
const [oneZone, ...severalZones] = zoneLayouts(nodesOf(new NodeGroup())) as [ZoneLayout, ...ZoneLayout[]];

const lakehouse = new Lakehouse();
let report: readonly ReportedScenario[];
beforeAll(async () => {
  const reported = reportedScenarios();
  await lakehouse.start(fakeNodes(oneZone));
  report = await reported;
}, START_TIMEOUT_MS);
afterAll(() => lakehouse.stop());

describe('dist/ on a real API server with four m6i.large in one zone', () => {
  test('it is taken whole with strict validation, and there is nothing to warn of', async () => {
    const result = await applyDist(lakehouse.cluster);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('a second apply changes nothing', async () => {
    const before = await generations(lakehouse.cluster);
    expect(await applyDist(lakehouse.cluster)).toMatchObject({ code: 0, stderr: '' });
    expect(await difference(lakehouse.cluster)).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(await generations(lakehouse.cluster)).toEqual(before);
  });

  describe('an edit of main.ts that synthesis refuses', () => {
    const dist = objects;
    /** What the edit makes other than dist/ has it, with all that has its name. */
    const changed = (manifests: readonly ManifestObject[]) => {
      const differs = manifests.filter(({ body }) => !dist.some(own => isDeepStrictEqual(own.body, body)));
      const names = new Set(differs.map(objectId));
      return manifests.filter(object => names.has(objectId(object)));
    };
    const apply = (manifests: readonly ManifestObject[], ...more: string[]) =>
      lakehouse.cluster.kubectl(
        ['apply', '--server-side', '--validate=strict', '--warnings-as-errors', ...more, '-f', '-'],
        list(manifests.map(({ body }) => body)),
      );

    test.each(REFUSED_EDITS.filter(({ inCluster }) => inCluster === 'stuck'))(
      '$name: the executors wait, for the reason that synthesis gives',
      async edit => {
        const { errors, objects } = editedChart(edit);
        const [, resource] = /executor needs \S+ (\w+) but/.exec(errors.join('\n')) ?? [];
        await accepted(apply(changed(objects)));
        const pods = await goldExecutors(objects);
        expect(pods.length).toBeGreaterThan(0);
        for (const pod of pods)
          expect(reason(pod)).toContain(`0/4 nodes are available: 4 Insufficient ${resource}.`);
        await accepted(
          apply(dist.filter(own => changed(objects).some(other => objectId(other) === objectId(own)))),
        );
      },
    );

    test('in the place of those an executor of dist/ finds a node', async () => {
      for (const pod of await goldExecutors(objects)) expect(isRunning(pod)).toBe(true);
    });

    /** What becomes of the executors that gold asks for, before anything else of Spark or Kafka is there. */
    async function goldExecutors(objects: readonly ManifestObject[]): Promise<readonly object[]> {
      const set = expandPods(objects).find(
        ({ owner, role }) => owner.metadata.name === 'activity-gold' && role === 'executor',
      ) as PodSet;
      const wanted = barePods(set);
      await eventually(
        'the API server counts by the quota that the edit brought',
        () =>
          lakehouse.apply(wanted).then(
            () => undefined,
            error => error.message,
          ),
        SCHEDULED_TIMEOUT_MS,
      );
      let own: readonly object[] = [];
      await eventually(
        'every executor has a node or is refused one',
        async () => {
          own = (await livePods(lakehouse.cluster)).filter(pod => isOf(set, pod));
          const open = own.filter(pod => !isRunning(pod) && !isRefused(pod));
          return own.length === wanted.length && open.length === 0 ? undefined : open.map(reason).join('; ');
        },
        SCHEDULED_TIMEOUT_MS,
      );
      for (const pod of own) await lakehouse.remove(pod);
      return own;
    }

    test.each(REFUSED_EDITS.filter(({ inCluster }) => typeof inCluster === 'object'))(
      '$name: the API server refuses it too',
      async edit => {
        const { objects } = editedChart(edit);
        const pods = expandPods(objects)
          .filter(({ owner }) => owner.kind === 'Deployment')
          .flatMap(barePods);
        const answers = [
          await apply(changed(objects), '--dry-run=server'),
          await lakehouse.cluster.kubectl(['create', '--dry-run=server', '-f', '-'], list(pods)),
        ];
        expect(answers.map(({ stderr }) => stderr).join('\n')).toMatch(
          (edit.inCluster as { refused: RegExp }).refused,
        );
      },
    );

    test.each(REFUSED_EDITS.filter(({ inCluster }) => inCluster === 'taken'))(
      '$name: a cluster takes it without a word, only synthesis knows',
      async edit => {
        const { errors, objects } = editedChart(edit);
        expect(errors).not.toEqual([]);
        expect(await apply(changed(objects), '--dry-run=server')).toMatchObject({ code: 0, stderr: '' });
      },
    );
  });

  test("the cluster's own programs, Strimzi's and Spark's pods run beside it, as the capacity report says", async () => {
    // After dist/, whose priority classes some of the programs name.
    await lakehouse.apply(serviceObjects());
    await lakehouse.startOperated();
    await isAsReported(lakehouse, reported('start', oneZone));
  });

  test('the Jobs of buckets, users and schema complete', async () => {
    await accepted(
      lakehouse.cluster.kubectl(['wait', '--for=condition=complete', 'job', '--all', '-A', '--timeout=60s']),
    );
  });

  test("what Spark's own submission and the operator's chart ask for is what the capacity report counts", async () => {
    const pods = await livePods(lakehouse.cluster);
    for (const set of sets.filter(({ role }) => role === 'driver' || role === 'executor')) {
      const own = pods.filter(pod => isOf(set, pod));
      expect(own).toHaveLength(set.replicas.initial);
      for (const pod of own)
        expect(requests(asObjects(at(pod, 'spec', 'containers')))).toEqual(requests(set.pod.spec.containers));
    }
    const asked = (manifests: readonly ManifestObject[]) =>
      Object.fromEntries(
        expandPods(manifests).map(set => [
          set.name,
          {
            ...requests(set.pod.spec.containers),
            replicas: set.replicas,
            priority: set.pod.spec.priorityClassName,
          },
        ]),
      );
    expect(asked(lakehouse.operator.objects)).toEqual(asked(countedOfOperator));
  });

  describe('new code of a job, with the former ConfigMap pruned while the operator is away', () => {
    const [streaming] = applications as [ManifestObject];
    const executors = executorsOf(streaming);
    const former = codeOf(streaming.body['spec']);
    let before: readonly object[];

    beforeAll(async () => {
      before = await podsOfJob(streaming);
      await lakehouse.operator.stop('controller');
      await lakehouse.apply(withNewCode(streaming));
      await taken(lakehouse.cluster.request('DELETE', codePath(former)));
    });
    afterAll(async () => {
      await accepted(applyDist(lakehouse.cluster));
      await lakehouse.operator.start('controller');
    });

    test('the driver and the executors that mount it run on', async () => {
      expect(before).toHaveLength(1 + executors.replicas.initial);
      const pods = await podsOfJob(streaming);
      expect(uids(pods)).toEqual(uids(before));
      for (const pod of pods) {
        expect(isRunning(pod)).toBe(true);
        expect(codeOf(at(pod, 'spec'))).toBe(former);
      }
    });

    test("an executor that comes later starts with the ConfigMap that the SparkApplication names by then: the operator's webhook says so", async () => {
      await lakehouse.remove((await podsOfJob(streaming)).find(pod => isOf(executors, pod)) as object);
      await eventually(
        'another executor runs',
        async () => {
          const later = (await podsOfJob(streaming)).filter(pod => !uids(before).includes(uid(pod)));
          return later.some(pod => isRunning(pod) && codeOf(at(pod, 'spec')) === newCodeOf(streaming))
            ? undefined
            : later.map(reason).join('; ');
        },
        SCHEDULED_TIMEOUT_MS,
      );
    });
  });

  describe('the Spark operator', () => {
    let drivers: readonly object[];
    beforeAll(async () => {
      const pods = await livePods(lakehouse.cluster);
      drivers = applications.map(({ metadata }) =>
        pods.find(pod => nameOf(pod) === `${metadata.name}-driver`),
      ) as object[];
    });

    test('ends a running application when its code is new, and submits it anew', async () => {
      for (const application of applications) await lakehouse.apply(withNewCode(application));
      drivers = await Promise.all(
        applications.map((application, index) => lakehouse.runDriver(application, drivers[index])),
      );
      await isAsReported(lakehouse, reported('replace', oneZone));
      for (const application of applications)
        for (const pod of await podsOfJob(application))
          expect(codeOf(at(pod, 'spec'))).toBe(newCodeOf(application));
    });

    test('starts a driver again that is gone', async () => {
      const [application, driver] = [applications[0], drivers[0]] as [ManifestObject, object];
      await lakehouse.remove(driver);
      await lakehouse.runDriver(application, driver);
      await isAsReported(lakehouse, reported('replace', oneZone));
    });
  });

  test.each(COMPONENTS)(
    'the memory that the %s took, a submission beside it included, is within its request',
    component => {
      const [set] = expandPods(lakehouse.operator.objects).filter(({ name }) =>
        name.endsWith(`-${component}`),
      );
      const { memoryBytes } = requests(set?.pod.spec.containers ?? []);
      expect(lakehouse.operator.peakMemory(component)).toBeLessThan(memoryBytes);
    },
  );

  test('the operator rests, and dist/ is as it was', async () => {
    await lakehouse.restOperator();
    await accepted(applyDist(lakehouse.cluster));
    expect(await difference(lakehouse.cluster)).toMatchObject({ code: 0, stdout: '' });
  });

  test("Strimzi's pods ask for what the resources state", () => {
    const stated = statedByStrimzi();
    expect(stated.length).toBeGreaterThan(0);
    for (const { role, replicas, resources } of stated) {
      const found = sets.filter(
        set => set.owner.apiVersion.startsWith('kafka.strimzi.io/') && set.role === role,
      );
      expect(found.map(set => set.replicas.max)).toEqual([replicas]);
      expect(requests(found.flatMap(set => set.pod.spec.containers))).toEqual(
        requests(resources.map(value => ({ resources: value }))),
      );
    }
  });

  test.each(rolled.map(object => [objectId(object), object] as const))(
    'a rolling update of %s completes',
    async (_id, { kind, metadata }) => {
      const target = [`${kind.toLowerCase()}/${metadata.name}`, '-n', metadata.namespace ?? 'default'];
      await accepted(lakehouse.cluster.kubectl(['rollout', 'restart', ...target]));
      expect(
        await lakehouse.cluster.kubectl(['rollout', 'status', ...target, '--timeout=90s']),
      ).toMatchObject({ code: 0 });
      await isAsReported(lakehouse, reported('replace', oneZone));
    },
  );

  test('Kafka rolls, a pod at a time', async () => {
    for (const pod of strimziObjects(sets).filter(object => at(object, 'kind') === 'Pod')) {
      await lakehouse.remove(pod);
      await isAsReported(lakehouse, reported('replace', oneZone));
    }
  });

  test('with any node lost it is as the capacity report says', () => eachNodeLost(oneZone));
});

describe.each(severalZones)('on four m6i.large in zones of $id', layout => {
  test('everything starts as the capacity report says', async () => {
    await lakehouse.startOver(fakeNodes(layout));
    await isAsReported(lakehouse, reported('start', layout));
  });

  test('with any node lost it is as the capacity report says', () => eachNodeLost(layout));
});

describe('where pods push others out, the engine says what the real scheduler does', () => {
  let played: Played[];
  beforeAll(async () => {
    await lakehouse.apply(contestObjects());
    played = await Promise.all(
      CONTESTS.map((contest, number) => play(lakehouse.cluster, contest, `pool-${number}`)),
    );
  });

  test.each(CONTESTS.map(({ name }, number) => [name, number] as const))('%s', (_, number) => {
    const { verdict, outcomes } = played[number] as Played;
    const waiting = (order: string) => outcomes.find(outcome => outcome.order === order)?.waiting;
    for (const { label, verdict: own, witness } of verdict.kinds) {
      const name = label.split('/')[1];
      if (own === 'guaranteed') for (const outcome of outcomes) expect(outcome.waiting).not.toContain(name);
      if (witness !== undefined) expect(waiting(`as the witness for ${label} says`)).toContain(name);
    }
    if (verdict.verdict === 'impossible')
      for (const outcome of outcomes) expect(outcome.waiting).not.toEqual([]);
    else expect(waiting('as the placement says')).toEqual([]);
  });
});

/** Takes each node away that the report takes away (of nodes that nothing tells apart, one), and gives it back. */
async function eachNodeLost(layout: ZoneLayout): Promise<void> {
  const lost = report.filter(
    ({ id, zones }) => id.startsWith('lost-') && !id.startsWith('lost-zone-') && zones === layout.id,
  );
  expect(lost.length).toBeGreaterThan(0);
  for (const scenario of lost) {
    const node = fakeNodes(layout).find(({ name }) => scenario.id === `lost-${name}`) as FakeNode;
    await lakehouse.lose(node.name);
    await isAsReported(lakehouse, scenario);
    await addNodes(lakehouse.cluster, [node]);
  }
}

function reported(id: string, layout: ZoneLayout): ReportedScenario {
  const scenario = report.find(scenario => scenario.id === id && scenario.zones === layout.id);
  if (scenario === undefined)
    throw new Error(`the capacity report has no scenario ${id} on ${layout.id} nodes`);
  return scenario;
}

/** What the name of a ConfigMap with other code ends with. */
const OTHER_HASH = '00000000';

/** A job and its code, which has another name; after a failure the operator tries again at once. */
function withNewCode(application: ManifestObject): object[] {
  const former = codeOf(application.body['spec']);
  const name = newCodeOf(application);
  return objects
    .filter(object => object === application || object.metadata.name === former)
    .map(({ body }) =>
      JSON.parse(
        JSON.stringify(body)
          .replaceAll(former, name)
          .replace(/"onFailureRetryInterval":\d+/, '"onFailureRetryInterval":1'),
      ),
    );
}

function newCodeOf(application: ManifestObject): string {
  return codeOf(application.body['spec']).replace(/[0-9a-f]+$/, OTHER_HASH);
}

function codePath(name: string): string {
  return `/api/v1/namespaces/default/configmaps/${name}`;
}

function executorsOf(application: ManifestObject): PodSet {
  return sets.find(({ owner, role }) => owner === application && role === 'executor') as PodSet;
}

async function podsOfJob({ metadata }: ManifestObject): Promise<readonly object[]> {
  return (await livePods(lakehouse.cluster)).filter(
    pod => at(pod, 'metadata', 'labels', 'sparkoperator.k8s.io/app-name') === metadata.name,
  );
}

function uid(pod: object): unknown {
  return at(pod, 'metadata', 'uid');
}

function uids(pods: readonly object[]): unknown[] {
  return pods.map(uid).sort();
}

/** The ConfigMap that a job's code comes from. */
function codeOf(spec: unknown): string {
  const volume = asObjects(at(spec, 'volumes')).find(({ name }) => name === 'code');
  return String(at(volume, 'configMap', 'name'));
}

function fakeNodes(layout: ZoneLayout): FakeNode[] {
  return layout.nodes.map(({ name, zone = '' }) => ({ name, zone }));
}

/** Replicas and resources as the Kafka resources spell them, read without the model that expands them. */
function statedByStrimzi(): { role: PodSet['role']; replicas: number; resources: unknown[] }[] {
  const pools = objects.filter(({ kind }) => kind === 'KafkaNodePool');
  const kafka = objects.find(({ kind }) => kind === 'Kafka');
  return [
    ...pools.map(({ body }) => ({
      role: (at(body, 'spec', 'roles') as string[]).includes('broker')
        ? ('broker' as const)
        : ('controller' as const),
      replicas: at(body, 'spec', 'replicas') as number,
      resources: [at(body, 'spec', 'resources')],
    })),
    {
      role: 'entity-operator' as const,
      replicas: 1,
      resources: ['topicOperator', 'userOperator']
        .map(name => at(kafka?.body, 'spec', 'entityOperator', name, 'resources'))
        .filter(value => value !== undefined),
    },
    {
      role: 'exporter' as const,
      replicas: 1,
      resources: [at(kafka?.body, 'spec', 'kafkaExporter', 'resources')],
    },
  ];
}

function requests(containers: readonly object[]): { cpuMillis: number; memoryBytes: number } {
  const sum = (resource: string, read: (value: unknown) => number) =>
    containers.reduce(
      (total, container) => total + read(at(container, 'resources', 'requests', resource)),
      0,
    );
  return { cpuMillis: sum('cpu', cpuMillis), memoryBytes: sum('memory', bytes) };
}
