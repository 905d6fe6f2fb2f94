import { App } from 'cdk8s';
import { LakehouseChart } from '../lib/lakehouse-chart';
import { networkTable } from '../lib/network-table';
import { generatedPage } from './generated-page';

generatedPage({
  script: 'docs:network',
  file: 'docs/network.md',
  source: 'the flows of the default chart',
  content: () => networkTable(new LakehouseChart(new App(), 'lakehouse').network.flows),
});
