import { LakehouseChart } from './lib/lakehouse-chart';
import { synthesize } from './lib/synthesize';

synthesize(app => {
  new LakehouseChart(app, 'lakehouse');
});
