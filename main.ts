import { App, LakehouseChart } from './lib';

export const app = new App();

new LakehouseChart(app, 'lakehouse', {
  traffic: { eventsPerSecond: 50, peakFactor: 10 },
  gitOps: { repository: 'https://git.example.com/data/lakehouse.git' },
});
