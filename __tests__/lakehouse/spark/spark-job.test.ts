import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ApiObject, Chart, Duration, Size, Testing } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { expandPods } from '../../../lib/checker/manifest/pods';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { SparkExecutorCount } from '../../../lib/lakehouse/spark/executor-count';
import { SparkDependencies } from '../../../lib/lakehouse/spark/spark-dependencies';
import { SparkJob, type SparkJobProps } from '../../../lib/lakehouse/spark/spark-job';
import { sparkPod } from '../../../lib/lakehouse/spark/spark-pod';
import { ExternalObjectStoreCredentials, ObjectStore } from '../../../lib/lakehouse/storage/object-store';
import { CodeConfigMap } from '../../../lib/lakehouse/workload/code-config-map';

const SIZE = {
  taskSlots: 1,
  cpu: { request: Cpu.millis(400), limit: Cpu.millis(1000) },
  memory: Size.gibibytes(2),
  memoryOverhead: Size.mebibytes(512),
};

function describeJob(chart: Chart, props: Partial<SparkJobProps> = {}, roleArn?: string): SparkJob {
  const store = ObjectStore.external(chart, 'Store', {
    endpoint: 'http://minio.storage:9000',
    region: 'us-east-1',
    buckets: ['silver'],
    credentials:
      roleArn === undefined
        ? ExternalObjectStoreCredentials.secret()
        : ExternalObjectStoreCredentials.role(roleArn),
  });
  return new SparkJob(chart, 'Job', {
    name: 'gold',
    component: 'gold',
    namespace: 'jobs',
    code: new CodeConfigMap(chart, 'Code', { name: 'code', namespace: 'jobs', entry: 'gold_job.py' }),
    arguments: ['run', '--commits', 's3a://silver/commits/'],
    connectors: ['objectStore'],
    store,
    credentials: store.addClient('gold', { namespace: 'jobs' }),
    driver: SIZE,
    executor: SIZE,
    executors: SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 }),
    ...props,
  });
}

// biome-ignore lint/suspicious/noExplicitAny: manifests are plain data
type Plain = any;

function synthesized(props: Partial<SparkJobProps> = {}, roleArn?: string): Plain[] {
  const chart = Testing.chart();
  describeJob(chart, props, roleArn);
  return Testing.synth(chart);
}

function application(props: Partial<SparkJobProps> = {}, roleArn?: string): Plain {
  return synthesized(props, roleArn).find(({ kind }) => kind === 'SparkApplication').spec;
}

describe('defaults', () => {
  test('a program that ends well is done: only a failure is tried again, three times', () => {
    expect(application().restartPolicy).toEqual({
      type: 'OnFailure',
      onFailureRetries: 3,
      onSubmissionFailureRetries: 3,
      onFailureRetryInterval: 30,
      onSubmissionFailureRetryInterval: 30,
    });
  });

  test('the program gets its own command line and nothing beside', () => {
    const spec = application();
    expect(spec.arguments).toEqual(['run', '--commits', 's3a://silver/commits/']);
    expect(spec.driver.terminationGracePeriodSeconds).toBe(30);
  });

  test('a name and a program are enough', () => {
    const chart = Testing.chart();
    new SparkJob(chart, 'Job', {
      name: 'count',
      code: new CodeConfigMap(chart, 'Code', { name: 'c', namespace: 'default', entry: 'gold_job.py' }),
    });
    const objects: Plain[] = Testing.synth(chart);
    const { metadata, spec } = objects.find(({ kind }) => kind === 'SparkApplication');
    expect(metadata).toMatchObject({ namespace: 'default' });
    expect(spec.deps).toBeUndefined();
    expect(spec.executor.instances).toBe(2);
    expect(JSON.stringify(spec)).not.toMatch(/s3a|AWS_|--stop-timeout/);
  });

  test('driver and executors have a policy each', () => {
    const policies = synthesized().filter(({ kind }) => kind === 'NetworkPolicy');
    expect(policies.map(({ metadata, spec }) => [metadata.name, spec.podSelector.matchLabels])).toEqual([
      ['gold-executor', { 'sparkoperator.k8s.io/app-name': 'gold', 'spark-role': 'executor' }],
      ['gold-driver', { 'sparkoperator.k8s.io/app-name': 'gold', 'spark-role': 'driver' }],
    ]);
  });

  test("the pods are those that Spark's arithmetic makes of the sizes", () => {
    const [driver, executor] = expandPods(manifestObjects(synthesized()));
    expect(executor?.replicas).toEqual({ initial: 2, min: 2, max: 4 });
    for (const set of [driver, executor]) {
      expect(set?.pod.spec.containers[0]?.resources).toMatchObject({
        requests: { cpu: '400m', memory: '2560Mi' },
        limits: { cpu: '1000m', memory: '2560Mi' },
      });
    }
  });

  test('dynamic allocation tracks shuffles and gives executors back', () => {
    expect(application().dynamicAllocation).toEqual({
      enabled: true,
      initialExecutors: 2,
      minExecutors: 2,
      maxExecutors: 4,
      shuffleTrackingEnabled: true,
      shuffleTrackingTimeout: 600_000,
    });
    expect(application().executor.instances).toBeUndefined();
  });

  test('the code is mounted in driver and executors, and started from there', () => {
    const { mainApplicationFile, driver, executor, volumes } = application();
    expect(mainApplicationFile).toBe('local:///opt/spark/code/gold_job.py');
    for (const pod of [driver, executor]) {
      expect(pod.volumeMounts).toContainEqual({ name: 'code', mountPath: '/opt/spark/code', readOnly: true });
      expect(pod.env).toContainEqual({ name: 'PYTHONPATH', value: '/opt/spark/code' });
    }
    const code = volumes.find(({ name }: Plain) => name === 'code');
    expect(code.configMap.name).toMatch(/^code-[0-9a-f]{8}$/);
  });

  test('credentials come from the Secret by reference, and never as settings or arguments', () => {
    const spec = application();
    for (const pod of [spec.driver, spec.executor]) {
      expect(pod.env).toContainEqual({
        name: 'AWS_SECRET_ACCESS_KEY',
        valueFrom: { secretKeyRef: { name: 'object-store-credentials', key: 'secret-key' } },
      });
    }
    expect(spec.sparkConf['spark.hadoop.fs.s3a.aws.credentials.provider']).toBe(
      'com.amazonaws.auth.EnvironmentVariableCredentialsProvider',
    );
    expect(Object.keys(spec.sparkConf).filter(key => /access\.key|secret|password/.test(key))).toEqual([]);
  });

  test('every folder that is written in is an emptyDir with a limit, under a read-only root', () => {
    const { driver, executor, volumes, sparkConf } = application();
    for (const pod of [driver, executor]) {
      expect(pod.securityContext.readOnlyRootFilesystem).toBe(true);
      const written = pod.volumeMounts.filter(({ readOnly }: Plain) => readOnly !== true);
      expect(written.map(({ mountPath }: Plain) => mountPath)).toEqual([
        '/var/data/spark-local-dir',
        '/tmp',
        '/opt/spark/work-dir',
      ]);
      for (const { name } of written) {
        expect(volumes.find((volume: Plain) => volume.name === name).emptyDir.sizeLimit).toMatch(/^\dGi$/);
      }
    }
    expect(sparkConf['spark.jars.ivy']).toMatch(/^\/tmp\//);
  });

  test("the driver's account may manage pods, delete its Service and keep its executors' ConfigMap; the executors' may do nothing", () => {
    const objects = synthesized();
    const role = objects.find(({ kind }) => kind === 'Role');
    expect(role.rules).toEqual([
      {
        apiGroups: [''],
        resources: ['pods'],
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'watch'],
      },
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'deletecollection'] },
      { apiGroups: [''], resources: ['services'], verbs: ['deletecollection'] },
    ]);
    const binding = objects.find(({ kind }) => kind === 'RoleBinding');
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: 'gold', namespace: 'jobs' }]);
    const { driver, executor } = application();
    expect([driver.serviceAccount, executor.serviceAccount]).toEqual(['gold', 'gold-executor']);
    const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
    expect(
      accounts.map(({ metadata, automountServiceAccountToken }) => [
        metadata.name,
        automountServiceAccountToken,
      ]),
    ).toEqual([
      ['gold', true],
      ['gold-executor', false],
    ]);
  });

  test('every setting of spark-defaults.conf is passed on', () => {
    const text = readFileSync(path.join(__dirname, '../../../spark-jobs/spark-defaults.conf'), 'utf8');
    const lines = text.split('\n').filter(line => /^\s*[^#\s]/.test(line));
    expect(lines.length).toBeGreaterThan(0);
    const { sparkConf } = application();
    for (const line of lines) {
      const [key = '', ...value] = line.trim().split(/\s+/);
      expect([key, sparkConf[key]?.split(/\s+/)]).toEqual([key, value]);
    }
  });
});

describe('custom props', () => {
  test('a stream is always started anew, without retry counts that Always ignores', () => {
    expect(application({ restartPolicy: 'Always' }).restartPolicy).toEqual({
      type: 'Always',
      onFailureRetryInterval: 30,
      onSubmissionFailureRetryInterval: 30,
    });
  });

  test('a program may be run once, whatever becomes of it, or tried again more often', () => {
    expect(application({ restartPolicy: 'Never' }).restartPolicy).toEqual({ type: 'Never' });
    expect(application({ retries: 0 }).restartPolicy).toMatchObject({
      type: 'OnFailure',
      onFailureRetries: 0,
    });
  });

  test('a program that is to finish what it has begun is told how long, and given half a minute more', () => {
    const spec = application({ stopTimeout: Duration.seconds(90) });
    expect(spec.arguments.slice(-2)).toEqual(['--stop-timeout-seconds', '90']);
    expect(spec.driver.terminationGracePeriodSeconds).toBe(120);
  });

  test('a fixed number of executors is no dynamic allocation', () => {
    const spec = application({ executors: SparkExecutorCount.fixed(3) });
    expect(spec.executor.instances).toBe(3);
    expect(spec.dynamicAllocation).toBeUndefined();
  });

  test('a role takes the place of keys, on both accounts', () => {
    const arn = 'arn:aws:iam::111122223333:role/lakehouse';
    const accounts = synthesized({}, arn).filter(({ kind }) => kind === 'ServiceAccount');
    expect(accounts.map(({ metadata }) => metadata.annotations)).toEqual([
      { 'eks.amazonaws.com/role-arn': arn },
      { 'eks.amazonaws.com/role-arn': arn },
    ]);
    const spec = application({}, arn);
    expect(JSON.stringify(spec)).not.toContain('AWS_SECRET_ACCESS_KEY');
    expect(spec.sparkConf['spark.hadoop.fs.s3a.aws.credentials.provider']).toBe(
      'com.amazonaws.auth.WebIdentityTokenCredentialsProvider',
    );
  });

  test('baked dependencies need no packages and no Ivy directory', () => {
    const spec = application({
      dependencies: SparkDependencies.baked(),
      image: 'registry.example.com/spark:3.5.7-1',
    });
    expect(spec.deps).toBeUndefined();
    expect(spec.sparkConf['spark.jars.ivy']).toBeUndefined();
    expect(spec.image).toBe('registry.example.com/spark:3.5.7-1');
  });

  test('settings of the caller win; priority, interval and files from Secrets are passed on', () => {
    const spec = application({
      sparkConf: { 'spark.executor.maxNumFailures': '7', 'spark.sql.adaptive.enabled': 'false' },
      priority: { priorityClassName: 'urgent' },
      restartInterval: Duration.minutes(2),
      secretFiles: [{ volumeName: 'ca', secretName: 'kafka-ca', key: 'ca.crt', mountPath: '/opt/ca' }],
      javaOptions: '-Dx=y',
    });
    expect(spec.sparkConf).toMatchObject({
      'spark.executor.maxNumFailures': '7',
      'spark.sql.adaptive.enabled': 'false',
    });
    expect(spec.sparkConf['spark.driver.extraJavaOptions']).toMatch(/(^| )-Dx=y$/);
    expect(spec.sparkConf['spark.executor.extraJavaOptions']).toMatch(/(^| )-Dx=y$/);
    expect(spec.restartPolicy.onFailureRetryInterval).toBe(120);
    for (const pod of [spec.driver, spec.executor]) {
      expect(pod.priorityClassName).toBe('urgent');
      expect(pod.volumeMounts).toContainEqual({ name: 'ca', mountPath: '/opt/ca', readOnly: true });
    }
    expect(spec.volumes).toContainEqual({
      name: 'ca',
      secret: { secretName: 'kafka-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    });
  });

  test('a size that is set in part keeps the defaults for the rest', () => {
    const { memoryOverhead: _, ...defaults } = SIZE;
    expect(sparkPod(defaults, { cpu: { limit: Cpu.units(2) }, taskSlots: 2 })).toMatchObject({
      memory: SIZE.memory,
      taskSlots: 2,
      cpu: { request: Cpu.millis(400), limit: Cpu.units(2) },
    });
  });

  test.each([
    [Size.gibibytes(1), 384],
    [Size.gibibytes(2), 410],
    [Size.gibibytes(6), 1229],
  ])('the memory beside the heap grows with it (%#)', (memory, mebibytes) => {
    expect(sparkPod(SIZE, { memory }).memoryOverhead.toMebibytes()).toBe(mebibytes);
    const memoryOverhead = Size.mebibytes(700);
    expect(sparkPod(SIZE, { memory, memoryOverhead }).memoryOverhead).toBe(memoryOverhead);
  });

  test.each([
    [Size.mebibytes(1536), '1536m'],
    [Size.mebibytes(3072), '3g'],
    [Size.gibibytes(1), '1g'],
  ])('%p is written as the JVM reads it', (memory, expected) => {
    expect(application({ driver: { ...SIZE, memory } }).driver.memory).toBe(expected);
  });
});

describe('refused', () => {
  function problems(props: Partial<SparkJobProps>): string[] {
    const chart = Testing.chart();
    return describeJob(chart, props).node.validate();
  }

  test.each<[string, Partial<SparkJobProps>, string]>([
    [
      'no task slot',
      { executor: { ...SIZE, taskSlots: 0 } },
      'executor of gold has 0 task slots but a whole number of at least 1 is allowed; set executor.taskSlots, e.g. 1',
    ],
    [
      'a request above its limit',
      { driver: { ...SIZE, cpu: { request: Cpu.units(2), limit: Cpu.units(1) } } },
      'driver of gold requests 2 cpu but its limit is 1; set driver.cpu.request to at most 1, or raise driver.cpu.limit (rule invalid-quantity)',
    ],
    [
      'a heap that Spark refuses',
      { executor: { ...SIZE, memory: Size.mebibytes(511) } },
      'executor of gold has a heap of 511Mi but Spark does not start with less than 512Mi; set executor.memory, e.g. Size.gibibytes(1)',
    ],
    [
      'no room beside the heap',
      { executor: { ...SIZE, memoryOverhead: Size.mebibytes(204) } },
      'executor of gold has 204Mi beside a heap of 2Gi but the JVM itself needs at least a tenth of it; set executor.memoryOverhead to at least 205Mi',
    ],
    [
      'no executor',
      { executors: SparkExecutorCount.fixed(0) },
      'spark job gold has executors initial 0, min 0, max 0 but whole numbers of at least 2 are allowed; set executors, e.g. SparkExecutorCount.fixed(2)',
    ],
    [
      'a maximum below the minimum',
      { executors: SparkExecutorCount.dynamic({ initial: 2, min: 3, max: 2 }) },
      'spark job gold has executors initial 2, min 3, max 2 but min ≤ initial ≤ max must hold; set executors, e.g. SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 4 })',
    ],
    ['an image without a tag', { image: 'apache/spark' }, 'rule mutable-image-tag'],
    [
      'no cpu',
      { executor: { ...SIZE, cpu: { request: Cpu.millis(0), limit: Cpu.units(1) } } },
      'executor of gold has a cpu request of 0m but it must be more than 0; set executor.cpu.request, e.g. Cpu.millis(500)',
    ],
    [
      'a restart at once',
      { restartInterval: Duration.seconds(0) },
      'spark job gold has a restartInterval of 0 s but it must be a whole number of seconds, at least 1; set restartInterval, e.g. Duration.seconds(60)',
    ],
    [
      'a restart policy that is none',
      { restartPolicy: 'Once' as never },
      'spark job gold has restartPolicy "Once" but only Always, OnFailure, Never are known; set restartPolicy, e.g. \'OnFailure\'',
    ],
    [
      'retries that nothing counts',
      { restartPolicy: 'Always', retries: 5 },
      "spark job gold has retries 5 but with restartPolicy Always nothing counts them; remove retries, or set restartPolicy to 'OnFailure'",
    ],
    [
      'a part of a retry',
      { retries: 0.5 },
      'spark job gold has retries 0.5 but a whole number of at least 0 is allowed; set retries, e.g. 3',
    ],
    [
      'no time to stop',
      { stopTimeout: Duration.seconds(0) },
      'spark job gold has a stopTimeout of 0 s but it must be a whole number of seconds, at least 1; set stopTimeout, e.g. Duration.seconds(60)',
    ],
    [
      'a store without credentials',
      { credentials: undefined as never },
      "spark job gold has a store but no credentials but each needs the other; set both store and credentials, e.g. store.addClient('gold', { namespace: 'default' })",
    ],
    [
      'no failure allowed',
      { maxExecutorFailures: 0 },
      'spark job gold has maxExecutorFailures 0 but a whole number of at least 1 is allowed; set maxExecutorFailures, e.g. 20',
    ],
    ...[
      ['spark.executor.memory', 'executor'],
      ['spark.driver.cores', 'driver'],
      ['spark.kubernetes.executor.request.cores', 'executor.cpu'],
      ['spark.dynamicAllocation.maxExecutors', 'executors'],
      ['spark.executor.instances', 'executors'],
      ['spark.kubernetes.container.image', 'image'],
      ['spark.jars.packages', 'dependencies'],
    ].map(([setting = '', prop]): [string, Partial<SparkJobProps>, string] => [
      `${setting} behind the back of its prop`,
      { sparkConf: { [setting]: '6' } },
      `spark job gold has ${setting}=6 in sparkConf but the operator takes it from the application's own fields; set ${prop} instead`,
    ]),
  ])('%s', (_, props, message) => {
    expect(problems(props)).toEqual([expect.stringContaining(message)]);
  });

  test.each<[string, Partial<SparkJobProps>]>([
    ['one task slot', { executor: { ...SIZE, taskSlots: 1 } }],
    [
      'a request at its limit',
      { driver: { ...SIZE, cpu: { request: Cpu.units(1), limit: Cpu.millis(1000) } } },
    ],
    [
      'the smallest heap',
      { executor: { ...SIZE, memory: Size.mebibytes(512), memoryOverhead: Size.mebibytes(52) } },
    ],
    ['a tenth beside the heap', { executor: { ...SIZE, memoryOverhead: Size.mebibytes(205) } }],
    ['the smallest cpu', { executor: { ...SIZE, cpu: { request: Cpu.millis(1), limit: Cpu.millis(1) } } }],
    ['a restart after a second', { restartInterval: Duration.seconds(1) }],
    ['retries of failures', { restartPolicy: 'OnFailure', retries: 0 }],
    ['a second to stop', { stopTimeout: Duration.seconds(1) }],
    ['neither store nor credentials', { store: undefined as never, credentials: undefined as never }],
    ['one failure', { maxExecutorFailures: 1 }],
    ['a setting without a prop', { sparkConf: { 'spark.executor.extraClassPath': '/opt/jars' } }],
    ['an equal range', { executors: SparkExecutorCount.dynamic({ initial: 2, min: 2, max: 2 }) }],
  ])('but not %s', (_, props) => {
    expect(problems(props)).toEqual([]);
  });
});

test('two jobs of one chart do not get into each other’s way', () => {
  const chart = Testing.chart();
  const other = new Chart(chart, 'other');
  describeJob(chart);
  describeJob(other, { name: 'streaming' });
  const names = chart.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .map(object => `${(object as ApiObject).kind}/${(object as ApiObject).name}`);
  const own = names.filter(name => !name.startsWith('ConfigMap/'));
  expect(new Set(own).size).toBe(own.length);
});
