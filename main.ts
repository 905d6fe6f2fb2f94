import { instanceType } from './lib/capacity/instance-types';
import { NodeGroup } from './lib/constructs/node-group';
import { LakehouseChart } from './lib/lakehouse-chart';
import { synthesize } from './lib/synthesize';

synthesize(app => {
  new LakehouseChart(app, 'lakehouse', {
    nodes: new NodeGroup({ instanceType: instanceType('m6i.large'), count: 4 }),
    traffic: { eventsPerSecond: 50, peakFactor: 10 },
    gitOps: { repository: 'https://git.example.com/data/lakehouse.git' },
  });
});
