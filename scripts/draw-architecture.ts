import { architecture } from '../lib/architecture';
import { LakehouseChart } from '../lib/lakehouse-chart';
import { generatedPage } from './generated-page';
import { mainApp } from './main-app';

generatedPage({
  script: 'docs:architecture',
  file: 'docs/architecture.svg',
  source: 'the construct tree of main.ts',
  content: async () => {
    const app = await mainApp();
    const chart = app?.node.findAll().find((node): node is LakehouseChart => node instanceof LakehouseChart);
    return chart === undefined ? undefined : architecture(chart);
  },
});
