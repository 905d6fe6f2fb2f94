import { LakehouseChart } from './lib/lakehouse/lakehouse-chart';
import { synthesize } from './lib/lakehouse/synthesize';

export const app = synthesize(app => {
  new LakehouseChart(app, 'lakehouse', {
    traffic: { eventsPerSecond: 50, peakFactor: 10 },
    gitOps: { repository: 'https://git.example.com/data/lakehouse.git' },
  });
});
