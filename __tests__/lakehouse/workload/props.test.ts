import { App, Duration, Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-28';
import { line } from '../../../lib/checker/finding/reporter';
import { ExternalStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import { LakehouseChart } from '../../../lib/lakehouse/lakehouse-chart';
import { RefusedApp } from '../../../lib/lakehouse/refused-app';
import { WasService } from '../../../lib/lakehouse/was/was-service';
import { refusalsOf } from '../../../lib/lakehouse/workload/refuse';
import { validateApp } from '../../../lib/lakehouse/write-manifests';

/** A program in plain JavaScript: nothing has looked at its types. */
function said(props: (app: App) => object): string[] {
  const app = new App();
  try {
    new LakehouseChart(app, 'lakehouse', props(app) as never);
  } catch (error) {
    if (!(error instanceof RefusedApp)) throw error;
    return error.message.split('\n');
  }
  return app.node
    .findAll()
    .flatMap(refusalsOf)
    .map(finding => line(finding));
}

test.each<[object, string]>([
  [
    { clickHouse: { storageClass: 'gp2' } },
    `[lakehouse/clickhouse] storageClass is "gp2" but it must be a StorageClass; set storageClass, e.g. new ExternalStorageClass(chart, 'gp3', 'gp3')`,
  ],
  [{ was: { env: { B: 5 } } }, "[lakehouse/was] env.B is 5 but it must be a text; set env.B, e.g. 'text'"],
  [
    { grafana: false },
    '[lakehouse] grafana is false but it must be an object of props; leave it out, or set grafana, e.g. { … }',
  ],
  [
    { was: { replicas: '3' } },
    '[lakehouse/was] replicas is "3" but it must be a number; set replicas, e.g. 3',
  ],
  [{ was: { replica: 3 } }, '[lakehouse/was] it is given replica, which is no prop; did you mean replicas?'],
  [{ wass: {} }, '[lakehouse] it is given wass, which is no prop; did you mean was?'],
  [
    { kafka: { storage: '10Gi' } },
    '[lakehouse/kafka] storage is "10Gi" but it must be a Size; set storage, e.g. Size.gibibytes(2)',
  ],
  [
    { kafka: { clientSecurity: 'scram' } },
    `[lakehouse/kafka] clientSecurity is "scram" but it must be one of 'plain', 'scram-tls'; set clientSecurity, e.g. 'plain'`,
  ],
  [
    { was: { cpu: { request: '200m', limit: Cpu.units(1) } } },
    '[lakehouse/was] cpu.request is "200m" but it must be a Cpu; set cpu.request, e.g. Cpu.millis(500)',
  ],
  [
    { streaming: { trigger: 60 } },
    '[lakehouse/streaming] trigger is 60 but it must be a Duration; set trigger, e.g. Duration.seconds(60)',
  ],
  [
    { gold: { sparkConf: { 'spark.a': true } } },
    "[lakehouse/gold] sparkConf.spark.a is true but it must be a text; leave it out, or set sparkConf.spark.a, e.g. 'text'",
  ],
  [
    { minio: { buckets: 'raw-data' } },
    `[lakehouse/minio] buckets is "raw-data" but it must be a list of texts; set buckets, e.g. ['text']`,
  ],
  [
    { nodes: 4 },
    '[lakehouse] nodes is 4 but it must be a NodeGroup; set nodes, e.g. new NodeGroup({ count: 6 })',
  ],
])('%j is refused by the name of the prop', (props, words) => {
  expect(said(() => props)).toContain(words);
});

test('all of them are refused at once, and nothing else is', () => {
  const app = new App();
  new LakehouseChart(app, 'lakehouse', {
    ...({ grafana: false, clickHouse: { storageClass: 'gp2' }, was: { env: { B: 5 } } } as object),
  });
  expect(() => validateApp(app)).toThrow(
    /^(?=[\s\S]*grafana is false)(?=[\s\S]*env\.B is 5)(?=[\s\S]*storageClass is "gp2")[\s\S]*\n3 errors, nothing was written$/,
  );
});

test('what a construct cannot do without is refused at once where it is missing or of another type', () => {
  const was = (props: object) => () =>
    new WasService(new LakehouseChart(new App(), 'lakehouse'), 'web', props as never);
  expect(was({})).toThrow('[lakehouse/web] it has no topic; set topic, e.g. chart.topic');
  expect(was({ topic: 'events', port: '80' })).toThrow(
    '[lakehouse/web] topic is "events" but it must be a KafkaTopic; set topic, e.g. chart.topic\n[lakehouse/web] port is "80" but it must be a number; set port, e.g. 3',
  );
});

test('values of the right types pass', () => {
  expect(
    said(app => ({
      clickHouse: { storageClass: new ExternalStorageClass(new LakehouseChart(app, 'other'), 'gp2', 'gp2') },
      was: { env: { B: '5' }, replicas: 3, cpu: { request: Cpu.millis(200), limit: Cpu.units(1) } },
      kafka: { storage: Size.gibibytes(10), clientSecurity: 'plain' },
      streaming: { trigger: Duration.seconds(60) },
      grafana: undefined,
      gold: {},
    })).filter(text => /must be (a|one of)|no prop/.test(text)),
  ).toEqual([]);
});
