import { App } from 'cdk8s';
import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { flowsOf } from '../../lib/lakehouse/network/flow';
import { generatedPage } from './generated-page';
import { networkTable } from './network-table';

generatedPage({
  script: 'docs:network',
  file: 'docs/network.md',
  source: 'the flows of the default chart',
  content: () => networkTable(flowsOf(new LakehouseChart(new App(), 'lakehouse'))),
});
