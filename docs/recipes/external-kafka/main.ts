import { App, LakehouseChart } from 'cdk8s-lakehouse';

export const app = new App();

// The topic is on brokers that somebody else runs: no Strimzi, no namespace kafka, and their real port is let through.
new LakehouseChart(app, 'lakehouse', {
  externalTopic: {
    topicName: 'user-activity-logs',
    bootstrapServers: 'b-1.shop.kafka.example.com:9094,b-2.shop.kafka.example.com:9094',
    partitions: 12,
    // Without them any address may be reached on that port: a name of the DNS says none.
    addresses: ['10.20.0.0/16'],
  },
});
