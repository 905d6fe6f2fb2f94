import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Duration, Size, Testing } from 'cdk8s';
import { LakehouseChart, type LakehouseChartProps } from '../lib/lakehouse/lakehouse-chart';

const readme = readFileSync(resolve(__dirname, '..', 'README.md'), 'utf8');
const source = /new LakehouseChart\(app, 'lakehouse', (\{\s*gold:[\s\S]*?\n\})\);/.exec(readme)?.[1] ?? '';
const figures: LakehouseChartProps = new Function('Size', 'Duration', `return ${source}`)(Size, Duration);

const errors = (props: LakehouseChartProps) => {
  const chart = new LakehouseChart(Testing.app(), 'lakehouse', props);
  return chart.node.findAll().flatMap(construct => construct.node.validate());
};

describe('the figures that the README changes', () => {
  test('hold together', () => expect(errors(figures)).toEqual([]));
  test.each(Object.entries(figures))('hold each by itself: %s', (name, value) =>
    expect(errors({ [name]: value })).toEqual([]),
  );
  test('one web server more does not', () =>
    expect(errors({ was: { replicas: 5 } }).join()).toContain('set-does-not-fit'));
});
