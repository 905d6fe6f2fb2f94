import { asObjects, at, objectId } from '../../lib/manifest/model';
import type { PodSet } from '../../lib/manifest/pods';
import { bytes, cpuMillis } from '../../lib/manifest/quantity';
import { buildControlPlane } from './control-plane';
import { strimziObjects } from './custom-resources';
import {
  accepted,
  allRun,
  applyDist,
  difference,
  generations,
  Lakehouse,
  livePods,
  objects,
  podName,
  serviceObjects,
  sets,
  settled,
  submittedPrefix,
} from './lakehouse';
import { ZONE_LAYOUTS } from './nodes';

const BUILD_TIMEOUT_MS = 25 * 60_000;
const rolled = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');

let binary: string;
beforeAll(async () => {
  binary = await buildControlPlane(line => process.stderr.write(`${line}\n`));
}, BUILD_TIMEOUT_MS);

describe('dist/ on a real API server with four m6i.large in three zones', () => {
  const lakehouse = new Lakehouse();
  beforeAll(() => lakehouse.start(binary, ZONE_LAYOUTS['three zones, 2+1+1']));
  afterAll(() => lakehouse.stop());

  test('it is taken whole with strict validation, and there is nothing to warn of', async () => {
    const result = await applyDist(lakehouse.cluster);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.trim().split('\n')).toHaveLength(objects.length);
  });

  test('the programs of the cluster itself run beside it', async () => {
    // After dist/, whose priority classes some of them name.
    await lakehouse.apply(serviceObjects());
    await settled(lakehouse.cluster);
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

  test("Strimzi's and Spark's pods are scheduled beside all others, every one of them", async () => {
    await lakehouse.startOperated();
    await allRun(lakehouse.cluster);
  });

  test("what Spark's own submission asks for is what the capacity report counts", async () => {
    const pods = await livePods(lakehouse.cluster);
    for (const set of sets.filter(({ role }) => role === 'driver' || role === 'executor')) {
      const own = pods.filter(
        pod =>
          at(pod, 'metadata', 'namespace') === set.namespace && podName(pod).startsWith(submittedPrefix(set)),
      );
      expect(own).toHaveLength(set.replicas.initial);
      for (const pod of own)
        expect(requests(asObjects(at(pod, 'spec', 'containers')))).toEqual(requests(set.pod.spec.containers));
    }
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
      await allRun(lakehouse.cluster);
    },
  );

  test('Kafka rolls, a pod at a time', async () => {
    for (const pod of strimziObjects(sets).filter(object => at(object, 'kind') === 'Pod')) {
      await lakehouse.remove(pod);
      await lakehouse.apply([pod]);
      await allRun(lakehouse.cluster);
    }
  });
});

describe.each(Object.entries(ZONE_LAYOUTS).filter(([layout]) => !layout.startsWith('three')))(
  'on four m6i.large in %s',
  (layout, zones) => {
    const lakehouse = new Lakehouse();
    beforeAll(async () => {
      await lakehouse.start(binary, zones);
      await accepted(applyDist(lakehouse.cluster));
      await lakehouse.apply(serviceObjects());
      await lakehouse.startOperated();
    });
    afterAll(() => lakehouse.stop());

    test('every pod runs', () => allRun(lakehouse.cluster));

    if (layout === 'one zone') {
      test('a node is taken away: serving, storage and streaming run again, only gold may wait', async () => {
        const lost = 'node-2';
        const gone = (await livePods(lakehouse.cluster)).filter(pod => at(pod, 'spec', 'nodeName') === lost);
        expect(gone.length).toBeGreaterThan(0);
        await accepted(lakehouse.cluster.kubectl(['delete', 'node', lost]));
        for (const pod of gone) await lakehouse.remove(pod);
        await lakehouse.apply(strimziObjects(sets));
        await lakehouse.restoreDrivers(gone);
        await allRun(lakehouse.cluster, pod => at(pod, 'spec', 'priorityClassName') === 'lakehouse-gold');
      });
    }
  },
);

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
