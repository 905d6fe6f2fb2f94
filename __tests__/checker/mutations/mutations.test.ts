import { join } from 'node:path';
import { collect } from '../../../lib/checker/check/collect';
import { parseNodes } from '../../../lib/checker/facts/nodes';
import { loadManifests } from '../../../lib/checker/manifest/load';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';
import { rules } from '../../../lib/checker/rules';

/** A manifest that may be broken. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into plain data at any depth
type Body = any;

const DIST = join(__dirname, '..', '..', '..', 'dist');
const originals = loadManifests(collect([DIST], () => new Uint8Array()).sources).objects.map(
  ({ body }) => body,
);
const nodes = parseNodes('4xm6i.large');

class Dist {
  /** Without the LimitRanges, which give limits to whatever lost its own. */
  public withoutLimitRanges(): this {
    for (const body of this.bodies.filter(({ kind }) => kind === 'LimitRange'))
      this.bodies.splice(this.bodies.indexOf(body), 1);
    return this;
  }

  public readonly bodies: Body[] = structuredClone(originals) as Body[];

  public find(kind: string, name: string | RegExp): Body {
    const found = this.bodies.find(
      body =>
        body.kind === kind &&
        (typeof name === 'string' ? body.metadata.name === name : name.test(body.metadata.name)),
    );
    if (found === undefined) throw new Error(`dist/ has no ${kind} ${name}`);
    return found;
  }

  public get streaming(): Body {
    return this.find('SparkApplication', 'activity-streaming').spec;
  }

  public get gold(): Body {
    return this.find('SparkApplication', 'activity-gold').spec;
  }

  /** Changes the code of a job; what is replaced must be there. */
  public edit(configMap: RegExp, file: string, from: string | RegExp, to: string): void {
    const data = this.bodies.find(
      body =>
        body.kind === 'ConfigMap' && configMap.test(body.metadata.name) && body.data?.[file] !== undefined,
    )?.data;
    if (data === undefined) throw new Error(`dist/ has no ConfigMap ${configMap} with ${file}`);
    const changed = String(data[file]).replace(from, to);
    if (changed === data[file]) throw new Error(`${file} has no ${from}`);
    data[file] = changed;
  }

  public argument(application: Body, flag: string, value: string): void {
    const index = application.arguments.indexOf(flag);
    if (index < 0) throw new Error(`no argument ${flag}`);
    application.arguments[index + 1] = value;
  }

  public drop(kind: string, name: string | RegExp): void {
    this.bodies.splice(this.bodies.indexOf(this.find(kind, name)), 1);
  }

  public container(kind: string, name: string | RegExp): Body {
    return this.find(kind, name).spec.template.spec.containers[0];
  }
}

function fired(mutate: (dist: Dist) => void): string[] {
  const dist = new Dist();
  mutate(dist);
  const { findings } = review(manifestObjects(dist.bodies), {
    nodes: { list: 'nodes' in nodes ? nodes.nodes : [], source: 'test', areDescribed: false },
  });
  return [...new Set(findings.map(({ rule }) => rule ?? ''))];
}

const STREAM_CODE = /^spark-app-code/;
const GOLD_CODE = /^spark-gold-code/;
const package_ = (application: Body, name: string) =>
  application.deps.packages.findIndex((item: string) => item.includes(name));

const MUTATIONS: readonly (readonly [rule: string, what: string, mutate: (dist: Dist) => void])[] = [
  [
    'bronze-not-written',
    'bronze is defined and not written',
    d =>
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        'writer = records(kafka.load())',
        'bronze = kafka.load()\n        writer = records(kafka.load())',
      ),
  ],
  [
    'checkpoint-on-volume',
    'streaming keeps its checkpoint in a folder',
    d => d.argument(d.streaming, '--checkpoint', '/tmp/checkpoints'),
  ],
  [
    'checkpoint-on-volume',
    'streaming keeps its checkpoint behind file:',
    d => d.argument(d.streaming, '--checkpoint', 'file:///opt/spark/work-dir/checkpoint'),
  ],
  [
    'checkpoint-shared',
    'the streaming job is there a second time, and neither keeps a folder of its own',
    d => {
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        /f"\{options\.checkpoint[^\n]*\{self\._attempt\}"/,
        'options.checkpoint',
      );
      // The nodes have room for one of both.
      d.drop('SparkApplication', 'activity-gold');
      const second = structuredClone(d.find('SparkApplication', 'activity-streaming'));
      second.metadata.name = 'activity-streaming-2';
      d.bodies.push(second);
    },
  ],
  [
    'log-folder-shared',
    'the streaming job is there a second time, with a commit log of its own inside the silver folder of the first',
    d => {
      d.drop('SparkApplication', 'activity-gold');
      const second = structuredClone(d.find('SparkApplication', 'activity-streaming'));
      second.metadata.name = 'activity-streaming-2';
      d.argument(second.spec, '--commits', 's3a://silver/user-activity-v2/commits/');
      d.bodies.push(second);
    },
  ],
  [
    'stream-without-checkpoint',
    'the stream keeps its offsets nowhere',
    d => d.edit(STREAM_CODE, 'streaming_job.py', '.option("checkpointLocation", self._checkpoint)', ''),
  ],
  [
    'unsupported-output-mode',
    'the stream has a mode that there is not',
    d => d.edit(STREAM_CODE, 'streaming_job.py', '.foreachBatch(', '.outputMode("upsert").foreachBatch('),
  ],
  [
    'stream-without-schema',
    'files are read as a stream without a schema',
    d =>
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        'writer = records(kafka.load())',
        'more = self._spark.readStream.option("maxFilesPerTrigger", 1).json("/tmp/raw")\n        writer = records(kafka.load())',
      ),
  ],
  [
    'query-not-awaited',
    'the query is stopped as soon as it is started',
    d =>
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        'self._query = writer.start()',
        'self._query = writer.start()\n        self._query.stop()',
      ),
  ],
  [
    'batch-action-on-stream',
    'the stream is counted',
    d =>
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        'writer = records(kafka.load())',
        'kafka.load().count()\n        writer = records(kafka.load())',
      ),
  ],
  [
    'unknown-source-option',
    'an option with a letter too many',
    d => d.edit(STREAM_CODE, 'streaming_job.py', '"maxTriggerDelay"', '"maxTriggerDelays"'),
  ],
  [
    'main-file-missing',
    'gold runs a file that its ConfigMap does not hold',
    d => {
      d.gold.mainApplicationFile = d.gold.mainApplicationFile.replace('gold_job.py', 'gold.py');
    },
  ],
  [
    'mount-without-volume',
    'the driver mounts what the application does not declare',
    d => d.streaming.driver.volumeMounts.push({ name: 'scratch', mountPath: '/scratch' }),
  ],
  [
    'claim-in-many-pods',
    'executors share a claim of one node',
    d => {
      const volume = 'spark.kubernetes.executor.volumes.persistentVolumeClaim.scratch';
      d.streaming.sparkConf[`${volume}.mount.path`] = '/scratch';
      d.streaming.sparkConf[`${volume}.options.claimName`] = 'scratch';
      d.bodies.push({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          name: 'scratch',
          namespace: d.find('SparkApplication', 'activity-streaming').metadata.namespace,
        },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      });
    },
  ],
  [
    'shuffle-service-on-kubernetes',
    'streaming asks for a shuffle service',
    d => {
      d.streaming.sparkConf['spark.shuffle.service.enabled'] = 'true';
    },
  ],
  [
    'dynamic-allocation-without-tracking',
    'streaming grows and shrinks without tracking its shuffles',
    d => {
      Object.assign(d.streaming.sparkConf, {
        'spark.dynamicAllocation.enabled': 'true',
        'spark.dynamicAllocation.minExecutors': '2',
        'spark.dynamicAllocation.maxExecutors': '2',
        'spark.dynamicAllocation.shuffleTracking.enabled': 'false',
      });
    },
  ],
  [
    'setting-made-too-late',
    'the code asks for a package when it runs',
    d =>
      d.edit(
        STREAM_CODE,
        'streaming_job.py',
        'writer = records(kafka.load())',
        'self._spark.conf.set("spark.jars.packages", "org.example:more:1.0")\n        writer = records(kafka.load())',
      ),
  ],
  [
    'layer-without-writer',
    'gold reads the silver of another version',
    d =>
      d.edit(
        GOLD_CODE,
        'gold_job.py',
        '.parquet(*(load.file for load in loads))',
        '.parquet("s3a://silver/user-activity-v3/")',
      ),
  ],
  [
    'ivy-cache-unwritable',
    'streaming says no Ivy directory',
    d => {
      delete d.streaming.sparkConf['spark.jars.ivy'];
    },
  ],
  [
    'ivy-cache-unwritable',
    "gold's Ivy directory is on the read-only root",
    d => {
      d.gold.sparkConf['spark.jars.ivy'] = '/home/spark/.ivy2';
    },
  ],
  [
    'executor-does-not-fit',
    'gold executors ask for two cores',
    d => {
      d.gold.executor.coreRequest = '2';
      d.gold.executor.coreLimit = '2';
    },
  ],
  [
    'executor-does-not-fit',
    'executors have 7g',
    d => {
      d.gold.executor.memory = '7g';
    },
  ],
  [
    'set-does-not-fit',
    'sixteen gold executors',
    d => {
      Object.assign(d.gold.dynamicAllocation, { maxExecutors: 16 });
      d.gold.executor.coreRequest = '1';
    },
  ],
  [
    'set-does-not-fit',
    'forty web servers',
    d => {
      d.find('Deployment', 'was').spec.replicas = 40;
    },
  ],
  [
    'invalid-quantity',
    "a web server's limit is written as for a JVM",
    d => {
      d.container('Deployment', 'was').resources.limits.memory = '2g';
    },
  ],
  [
    'invalid-field',
    'a field of the web servers is misspelt',
    d => {
      d.container('Deployment', 'was').imagePulPolicy = 'IfNotPresent';
    },
  ],
  [
    'kafka-replication',
    'the topic asks for more replicas than there are brokers',
    d => {
      d.find('KafkaTopic', /./).spec.replicas = 5;
    },
  ],
  [
    'kafka-replication',
    'all replicas have to be in sync',
    d => {
      d.find('Kafka', /./).spec.kafka.config['min.insync.replicas'] = 3;
    },
  ],
  [
    'kafka-quorum',
    'there are two controllers',
    d => {
      d.find('KafkaNodePool', /controller/).spec.replicas = 2;
    },
  ],
  [
    'unreconciled-resource',
    'a rebalance is asked of a Kafka without Cruise Control',
    d => {
      const { metadata } = d.find('Kafka', /./);
      d.bodies.push({
        apiVersion: 'kafka.strimzi.io/v1',
        kind: 'KafkaRebalance',
        metadata: {
          name: 'even',
          namespace: metadata.namespace,
          labels: { 'strimzi.io/cluster': metadata.name },
        },
        spec: {},
      });
    },
  ],
  [
    'unreachable-address',
    'streaming reads from a port that no listener has',
    d => {
      const index = d.streaming.arguments.findIndex((word: string) => word.includes('kafka-bootstrap'));
      d.streaming.arguments[index] = d.streaming.arguments[index].replace(/:\d+$/, ':9099');
    },
  ],
  [
    'service-without-pods',
    "the web servers' Service selects another name",
    d => {
      const { selector } = d.find('Service', 'was').spec;
      selector[Object.keys(selector)[0] ?? ''] = 'web-application-server';
    },
  ],
  [
    'too-many-parts',
    'a table is partitioned by minute',
    d => {
      d.bodies.push({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'tables', namespace: 'default' },
        data: {
          'tables.sql':
            'CREATE TABLE lake.clicks (ts DateTime) ENGINE = MergeTree PARTITION BY toStartOfMinute(ts) ORDER BY ts',
        },
      });
    },
  ],
  [
    'replicated-without-keeper',
    'a table is replicated',
    d => {
      d.bodies.push({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'tables', namespace: 'default' },
        data: {
          'tables.sql':
            "CREATE TABLE lake.clicks (ts DateTime) ENGINE = ReplicatedMergeTree('/a', 'r') ORDER BY ts",
        },
      });
    },
  ],
  [
    'image-not-served',
    'the web server comes from a registry that dropped it',
    d => {
      d.container('Deployment', 'was').image = 'bitnami/nginx:1.27.0';
    },
  ],
  [
    'unbounded-backlog',
    'Kafka without a bound',
    d => d.edit(STREAM_CODE, 'streaming_job.py', /\n\s*\.option\("maxOffsetsPerTrigger"[^\n]*/, ''),
  ],
  [
    'table-schema-mismatch',
    'the schema job makes another table',
    d => d.edit(/./, 'contract_clickhouse.py', 'name="user_states"', 'name="users_states"'),
  ],
  [
    'table-schema-mismatch',
    'gold writes a column that nobody made',
    d =>
      d.edit(
        GOLD_CODE,
        'contract_gold.py',
        /(from_partials="INSERT INTO \{database\}\.user_states \(date, )user,/,
        '$1user_name,',
      ),
  ],
  [
    'container-without-limits',
    'the web servers have no limits',
    d => {
      delete d.withoutLimitRanges().container('Deployment', 'was').resources.limits;
    },
  ],
  [
    'container-without-limits',
    'ClickHouse has no memory limit',
    d => {
      delete d.withoutLimitRanges().container('StatefulSet', 'clickhouse').resources.limits.memory;
    },
  ],
  [
    'container-without-limits',
    'a job has no resources',
    d => {
      delete d.withoutLimitRanges().container('Job', /clickhouse-schema/).resources;
    },
  ],
  [
    'kafka-without-limits',
    'the brokers have no resources',
    d => {
      delete d.find('KafkaNodePool', /broker/).spec.resources;
    },
  ],
  [
    'kafka-without-limits',
    'the topic operator has no resources',
    d => {
      delete d.find('Kafka', 'streaming-cluster').spec.entityOperator.topicOperator.resources;
    },
  ],
  [
    'connector-package-missing',
    'the Kafka connector is not resolved',
    d => d.streaming.deps.packages.splice(package_(d.streaming, 'sql-kafka'), 1),
  ],
  [
    'connector-package-missing',
    'the object store client is not resolved',
    d => {
      d.gold.deps.packages = [];
    },
  ],
  [
    'version-conflict',
    'a connector for another Scala',
    d => {
      d.streaming.deps.packages[package_(d.streaming, 'sql-kafka')] =
        'org.apache.spark:spark-sql-kafka-0-10_2.13:3.5.7';
    },
  ],
  [
    'version-conflict',
    "another Hadoop's client",
    d => {
      d.gold.deps.packages[package_(d.gold, 'hadoop-aws')] = 'org.apache.hadoop:hadoop-aws:3.4.1';
    },
  ],
  [
    'version-conflict',
    'ZooKeeper in API v1',
    d => {
      d.find('Kafka', 'streaming-cluster').spec.zookeeper = {
        replicas: 1,
        storage: { type: 'persistent-claim', size: '5Gi' },
        resources: { limits: { cpu: '50m', memory: '256Mi' } },
      };
    },
  ],
  [
    'version-conflict',
    'replicas that node pools overrule',
    d => {
      d.find('Kafka', 'streaming-cluster').spec.kafka.replicas = 3;
    },
  ],
  [
    'single-executor',
    'streaming may shrink to one',
    d => {
      d.streaming.dynamicAllocation = { ...d.gold.dynamicAllocation, minExecutors: 1, maxExecutors: 2 };
    },
  ],
  [
    'single-executor',
    'streaming has one',
    d => {
      d.streaming.executor.instances = 1;
    },
  ],
  [
    'restart-policy-lets-stream-die',
    'OnFailure',
    d => {
      d.streaming.restartPolicy = { type: 'OnFailure', onFailureRetries: 3 };
    },
  ],
  [
    'restart-policy-lets-stream-die',
    'no policy',
    d => {
      delete d.streaming.restartPolicy;
    },
  ],
  [
    'restart-policy-lets-stream-die',
    'a retry count beside Always',
    d => {
      d.streaming.restartPolicy.onFailureRetries = 5;
    },
  ],
  [
    'unknown-spark-conf',
    'a key that Spark does not have',
    d => {
      d.gold.sparkConf['spark.task.maxAttempts'] = '8';
    },
  ],
  [
    'unknown-spark-conf',
    'a key with a letter too many',
    d => {
      d.streaming.sparkConf['spark.executors.memoryOverhead'] = '512m';
    },
  ],
  [
    'ephemeral-data',
    'the brokers keep their logs in the pod',
    d => {
      d.find('KafkaNodePool', /broker/).spec.storage = { type: 'ephemeral' };
    },
  ],
  [
    'ephemeral-data',
    'ClickHouse keeps its data in an emptyDir',
    d => {
      const set = d.find('StatefulSet', 'clickhouse').spec;
      const [claim] = set.volumeClaimTemplates;
      set.volumeClaimTemplates = [];
      set.template.spec.volumes = [
        ...(set.template.spec.volumes ?? []),
        { name: claim.metadata.name, emptyDir: {} },
      ];
    },
  ],
  [
    'topic-without-operator',
    'no topic operator',
    d => {
      delete d.find('Kafka', 'streaming-cluster').spec.entityOperator.topicOperator;
    },
  ],
  [
    'topic-without-operator',
    'a topic of another cluster',
    d => {
      const topic = structuredClone(d.find('KafkaTopic', 'user-activity-logs'));
      topic.metadata.name = 'audit';
      topic.metadata.labels['strimzi.io/cluster'] = 'streaming';
      d.bodies.push(topic);
    },
  ],
  [
    'missing-reference',
    'the code is gone',
    d => {
      d.gold.volumes.find((volume: Body) => volume.configMap !== undefined).configMap.name =
        'spark-gold-code';
    },
  ],
  ['missing-reference', 'a ServiceAccount is gone', d => d.drop('ServiceAccount', 'activity-gold')],
  [
    'missing-reference',
    'a topic that no cluster has',
    d => d.argument(d.streaming, '--topic', 'user-activity'),
  ],
  [
    'missing-reference',
    'a bucket that nobody makes',
    d => d.argument(d.streaming, '--checkpoint', 's3a://golden/checkpoints/activity-streaming/'),
  ],
  [
    'python-syntax-error',
    'a bracket is missing in the code',
    d => {
      d.find('ConfigMap', GOLD_CODE).data['gold_job.py'] += 'print("done"\n';
    },
  ],
  [
    'illegal-name',
    'a Service begins with a digit',
    d => (d.find('Service', 'was').metadata.name = '1st-was'),
  ],
  [
    'oversized-config-map',
    'code grows by a mebibyte',
    d => {
      d.find('ConfigMap', STREAM_CODE).data['streaming_job.py'] += `# ${'.'.repeat(2 ** 20)}\n`;
    },
  ],
  [
    'duplicate-object',
    'two Services of one name',
    d => {
      const copy = structuredClone(d.find('Service', 'was'));
      copy.spec.ports[0].port = 81;
      d.bodies.push(copy);
    },
  ],
  [
    'mutable-image-tag',
    'latest',
    d => {
      d.container('Deployment', 'was').image = 'node:latest';
    },
  ],
  [
    'image-not-served',
    'MinIO from Docker Hub',
    d => {
      d.container('StatefulSet', 'minio').image = 'minio/minio:RELEASE.2025-09-07T16-13-09Z';
    },
  ],
  [
    'plaintext-secret',
    "the writer's password in clear",
    d => {
      const variable = d.gold.driver.env.find((entry: Body) => entry.name === 'CLICKHOUSE_PASSWORD');
      delete variable.valueFrom;
      variable.value = 'hunter2';
    },
  ],
  [
    'plaintext-secret',
    "the store's key in sparkConf",
    d => {
      d.streaming.sparkConf['spark.hadoop.fs.s3a.secret.key'] = 'hunter2hunter2';
    },
  ],
  [
    'undefined-name',
    'a name with a letter too many',
    d => d.edit(GOLD_CODE, 'gold_job.py', /\bargparse\.ArgumentParser/, 'argsparse.ArgumentParser'),
  ],
];

it('is silent on dist/ as it is', () => {
  expect(originals.length).toBeGreaterThan(50);
  expect(fired(() => undefined)).toEqual([]);
});

it.each(MUTATIONS)('%s alone fires when %s', (rule, _, mutate) => {
  expect(fired(mutate)).toEqual([rule]);
});

it('breaks dist/ for every rule that single objects can break', () => {
  // A text is no document here.
  const elsewhere = ['unparseable-manifest'];
  expect(rules.map(({ id }) => id).filter(id => !MUTATIONS.some(([rule]) => rule === id))).toEqual(elsewhere);
});
