import { App, LakehouseChart, NodeGroup, SparkStreamingJob, TrafficEstimate } from 'cdk8s-lakehouse';

export const app = new App();

const lakehouse = new LakehouseChart(app, 'lakehouse', { nodes: new NodeGroup({ count: 5 }) });

// A second topic of the same brokers, kept by a job in a namespace of its own. The chart makes the namespace; Kafka and the
// object store let the job in, because it is handed a topic and folders of theirs.
const traffic = new TrafficEstimate(lakehouse, 'payments-traffic', { eventsPerSecond: 5 });
const folder = (bucket: string, layer: string) => lakehouse.store.bucket(bucket).prefix(`payments/${layer}/`);

new SparkStreamingJob(lakehouse, 'payments', {
  name: 'payments-streaming',
  namespace: 'payments',
  topic: lakehouse.kafka.addTopic('payments', { partitions: 3, traffic }),
  bronze: folder('raw-data', 'bronze'),
  silver: folder('silver', 'silver'),
  quarantine: folder('silver', 'quarantine'),
  commits: folder('silver', 'commits'),
  checkpoint: folder('silver', 'checkpoint'),
  traffic,
});
