import path from 'node:path';
import { App, CodeConfigMap, LakehouseChart, NodeGroup, Size, SparkJob } from 'cdk8s-lakehouse';

export const app = new App();

const lakehouse = new LakehouseChart(app, 'lakehouse', { nodes: new NodeGroup({ count: 5 }) });
const { store, streaming } = lakehouse;

// A program of your own, in a namespace of its own: it reads silver, writes a folder of gold, and is done. A run that fails
// is tried again twice; apply it once more under another name to run it again.
const namespace = 'reports';
const report = store.bucket('gold').prefix('reports/');

new SparkJob(lakehouse, 'report', {
  name: 'endpoint-report',
  namespace,
  code: new CodeConfigMap(lakehouse, 'report-code', {
    name: 'endpoint-report-code',
    namespace,
    directory: path.join(__dirname, 'jobs'),
    entry: 'report.py',
  }),
  arguments: ['--silver', streaming.silver.url, '--report', report.url],
  store,
  credentials: store.addClient('endpoint-report', { namespace, read: [streaming.silver], write: [report] }),
  executor: { memory: Size.gibibytes(2) },
  restartPolicy: 'OnFailure',
  retries: 2,
});
