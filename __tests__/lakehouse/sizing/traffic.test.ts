import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { TrafficEstimate, type TrafficEstimateProps } from '../../../lib/lakehouse/sizing/traffic';
import { problems, synthesized } from '../synthesis';

function estimate(props?: TrafficEstimateProps): TrafficEstimate {
  let traffic: TrafficEstimate | undefined;
  synthesized(chart => {
    traffic = new TrafficEstimate(chart, 'traffic', props);
  });
  return traffic as TrafficEstimate;
}

test('the defaults are a small shop', () => {
  const traffic = estimate();
  expect([traffic.eventsPerSecond, traffic.peakFactor, traffic.bytesPerEvent]).toEqual([50, 10, 210]);
  expect(traffic.peakEventsPerSecond).toBe(500);
  expect(traffic.eventsIn(Duration.days(1))).toBe(4_320_000);
});

test('the bytes of each layer follow from the bytes of an event', () => {
  const small = estimate({ bytesPerEvent: 100 });
  const large = estimate({ bytesPerEvent: 1000 });
  expect(large.kafkaBytesPerEvent - small.kafkaBytesPerEvent).toBe(900);
  expect([large.bronzeBytesPerEvent, large.silverBytesPerEvent]).toEqual([300, 500]);
  expect(large.clickHouseBytesPerEvent).toBe(small.clickHouseBytesPerEvent);
});

test('every figure can be set', () => {
  const figures = {
    eventsPerSecond: 7,
    peakFactor: 3,
    bytesPerEvent: 11,
    kafkaBytesPerEvent: 13,
    bronzeBytesPerEvent: 17,
    silverBytesPerEvent: 19,
    clickHouseBytesPerEvent: 23,
  };
  expect(estimate(figures)).toMatchObject(figures);
});

test.each([
  ['eventsPerSecond', 0],
  ['bytesPerEvent', -1],
  ['kafkaBytesPerEvent', Number.NaN],
  ['bronzeBytesPerEvent', Number.POSITIVE_INFINITY],
  ['silverBytesPerEvent', 0],
  ['clickHouseBytesPerEvent', -0.5],
])('%s of %d is refused, naming it and a usual value', (name, value) => {
  const found = problems(chart => new TrafficEstimate(chart, 'traffic', { [name]: value }));
  expect(found.filter(problem => problem.includes(`has ${name} ${value} but`))).toHaveLength(1);
});

test('a peak below the average is refused', () => {
  expect(problems(chart => new TrafficEstimate(chart, 'traffic', { peakFactor: 0.9 }))).toEqual([
    'traffic estimate has peakFactor 0.9 but a peak is at least the average; set peakFactor to 1 or more, e.g. 10',
  ]);
});

test('any positive figures and any peak of at least one pass', () => {
  const positive = fc.double({ min: 0.001, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(
      positive,
      positive,
      fc.double({ min: 1, max: 1000, noNaN: true }),
      (rate, bytes, peakFactor) => {
        const props = { eventsPerSecond: rate, bytesPerEvent: bytes, peakFactor };
        expect(problems(chart => new TrafficEstimate(chart, 'traffic', props))).toEqual([]);
      },
    ),
    { numRuns: 25 },
  );
});
