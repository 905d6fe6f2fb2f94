import { PriorityClasses } from '../../../lib/lakehouse/workload/priority-classes';
import { inside, synthesized } from '../synthesis';

const classes = synthesized(chart => new PriorityClasses(chart, 'priorities'));

test('Kafka outlives the web servers, these the stores, these streaming, streaming monitoring, and gold waits first', () => {
  const byValue = classes
    .map(object => [inside(object, 'value') as number, object.metadata.name] as const)
    .sort(([left], [right]) => right - left);
  expect(byValue.map(([, name]) => name)).toEqual([
    'lakehouse-kafka',
    'lakehouse-serving',
    'lakehouse-storage',
    'lakehouse-streaming',
    'lakehouse-monitoring',
    'lakehouse-gold',
  ]);
});

test('gold pushes nobody out, none is the default, and the cluster’s own stay above', () => {
  for (const object of classes) {
    const isGold = object.metadata.name === 'lakehouse-gold';
    expect(inside(object, 'preemptionPolicy')).toBe(isGold ? 'Never' : 'PreemptLowerPriority');
    expect(inside(object, 'globalDefault')).toBe(false);
    expect(inside(object, 'value')).toBeLessThan(1_000_000_000);
  }
});

test('each is handed over by its name', () => {
  const names = new Set<string>();
  synthesized(chart => {
    const { kafka, serving, storage, streaming, monitoring, gold } = new PriorityClasses(chart, 'priorities');
    for (const { priorityClassName } of [kafka, serving, storage, streaming, monitoring, gold])
      names.add(priorityClassName);
  });
  expect([...names].sort()).toEqual(classes.map(({ metadata }) => metadata.name).sort());
});
