import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Duration } from 'cdk8s';
import { LakehouseChart, type LakehouseChartProps } from '../../../lib/lakehouse/lakehouse-chart';
import { app } from '../../../main';
import { architecture } from '../../../scripts/docs/architecture';

const draw = (props: LakehouseChartProps = {}) =>
  architecture(new LakehouseChart(new App(), 'lakehouse', props));

test('the committed picture is that of main.ts', () => {
  const chart = app.node.findAll().find((node): node is LakehouseChart => node instanceof LakehouseChart);

  expect(chart && architecture(chart)).toBe(
    readFileSync(join(__dirname, '../../../docs/architecture.svg'), 'utf8'),
  );
});

test.each([
  ['web servers', 'WasService · was', '3 × pod: 200m, 512Mi'],
  ['Kafka', 'KafkaCluster · kafka', '3 × broker: 200m, 1024Mi'],
  ['streaming job', 'SparkStreamingJob · default', '1 × driver: '],
  ['object store', 'MinioStore · storage', '1 × pod: '],
  ['gold job', 'SparkGoldJob · default', '2–4 × executor: '],
  ['ClickHouse', 'ClickHouseDb · storage', '1 × pod: '],
  ['Grafana', 'Grafana · monitoring', '1 × pod: '],
])('%s is drawn with its construct, namespace and pods', (title, kind, pods) => {
  const picture = draw();

  expect(picture).toContain(`>${title}</text>\n<text class="quiet"`);
  expect(picture).toContain(`>${kind}</text>`);
  expect(picture).toContain(`>${pods}`);
});

test('another figure is another picture', () => {
  const picture = draw({ was: { replicas: 5 }, topic: { partitions: 12, retention: Duration.days(1) } });

  expect(picture).toContain('>5 × pod: 200m, 512Mi<');
  expect(picture).toContain('>12 partitions<');
  expect(picture).toContain('>1 day kept<');
});
