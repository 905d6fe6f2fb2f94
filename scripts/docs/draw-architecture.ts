import { LakehouseChart } from '../../lib/lakehouse/lakehouse-chart';
import { app } from '../../main';
import { architecture } from './architecture';
import { generatedPage } from './generated-page';

generatedPage({
  script: 'docs:architecture',
  file: 'docs/architecture.svg',
  source: 'the construct tree of main.ts',
  content: () => {
    const chart = app.node.findAll().find((node): node is LakehouseChart => node instanceof LakehouseChart);
    return chart === undefined ? undefined : architecture(chart);
  },
});
