import { App, Testing } from 'cdk8s';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { secrets } from '../../lib/lakehouse/secrets';
import { ExternalSecret } from '../../lib/lakehouse/workload/external';

/** Prints the chart whose Kafka clients log in over TLS: its manifests, and its Secrets with values of the caller's alphabet. */
const chart = new LakehouseChart(new App(), 'lakehouse', { kafka: { clientSecurity: 'scram-tls' } });
const declared = chart.node.findAll().filter(node => node instanceof ExternalSecret);
let made = 0;
const { manifests, byHand } = secrets(declared, () => `password${++made}`);
console.log(JSON.stringify({ manifests: Testing.synth(chart), secrets: manifests, byHand }));
