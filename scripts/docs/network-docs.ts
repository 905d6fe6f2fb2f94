import { App } from 'cdk8s';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { generatedPage } from './generated-page';
import { networkTable } from './network-table';

generatedPage({
  script: 'docs:network',
  file: 'docs/network.md',
  source: 'the flows of the default chart',
  content: () => networkTable(new LakehouseChart(new App(), 'lakehouse').network.flows),
});
