import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { EventBuffer, type EventBufferOptions, type LossReason, type Outcome } from '../../was/event-buffer';

function bufferThat(deliver: EventBufferOptions['deliver'], options: Partial<EventBufferOptions> = {}) {
  const lost: Partial<Record<LossReason, number>> = {};
  const counts = { acknowledged: 0, lost };
  const buffer = new EventBuffer({
    deliver,
    onAcknowledged: events => {
      counts.acknowledged += events;
    },
    onLost: (events, reason) => {
      lost[reason] = (lost[reason] ?? 0) + events;
    },
    capacityBytes: 1000,
    lingerMs: 1,
    batchEvents: 10,
    ...options,
  });
  return { buffer, counts };
}

const untilAborted = (_: readonly string[], signal: AbortSignal) =>
  new Promise<Outcome>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

test('lines arrive in order, in batches of at most the limit, one at a time', async () => {
  const delivered: string[][] = [];
  let underWay = 0;
  const { buffer, counts } = bufferThat(async lines => {
    expect(++underWay).toBe(1);
    await sleep(1);
    underWay--;
    delivered.push([...lines]);
    return 'acknowledged';
  });
  const lines = Array.from({ length: 25 }, (_, index) => `line ${index}`);

  for (const line of lines) buffer.offer(line);
  await buffer.close(1000);

  expect(delivered.flat()).toEqual(lines);
  expect(Math.max(...delivered.map(batch => batch.length))).toBe(10);
  expect(counts).toEqual({ acknowledged: 25, lost: {} });
});

test('what does not fit is dropped and counted, and fits again after a delivery', async () => {
  let open: (outcome: Outcome) => void = () => {};
  const { buffer, counts } = bufferThat(() => new Promise(resolve => (open = resolve)), { capacityBytes: 4 });

  expect([buffer.offer('aé'), buffer.offer('b'), buffer.offer('c')]).toEqual([true, true, false]);
  await sleep(10);
  open('acknowledged');
  await sleep(1);
  expect(buffer.usedBytes).toBe(0);
  expect(buffer.offer('d')).toBe(true);
  await sleep(10);
  open('acknowledged');
  await buffer.close(1000);

  expect(counts).toEqual({ acknowledged: 3, lost: { buffer_full: 1 } });
});

test('when time is over the batch under way is unconfirmed and the rest is lost by the shutdown', async () => {
  const { buffer, counts } = bufferThat(untilAborted);
  for (let index = 0; index < 15; index++) buffer.offer('x');

  await buffer.close(5);

  expect(counts).toEqual({ acknowledged: 0, lost: { unconfirmed: 10, shutdown: 5 } });
  expect([buffer.events, buffer.usedBytes]).toEqual([0, 0]);
});

test('after the end nothing is taken', async () => {
  const { buffer, counts } = bufferThat(async () => 'acknowledged');
  await buffer.close(5);

  expect(buffer.offer('x')).toBe(false);
  expect(counts.lost).toEqual({ shutdown: 1 });
});

test('every event ends once, whatever the deliveries do', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ maxLength: 40 }), { maxLength: 60 }),
      fc.array(fc.constantFrom('acknowledged', 'refused', 'broken'), { minLength: 1 }),
      fc.integer({ min: 1, max: 300 }),
      async (lines, outcomes, capacityBytes) => {
        let turn = 0;
        const { buffer, counts } = bufferThat(
          async () => {
            const outcome = outcomes[turn++ % outcomes.length];
            if (outcome === 'broken') throw new Error('the connection broke');
            return outcome as Outcome;
          },
          { capacityBytes, lingerMs: 0 },
        );

        for (const line of lines) buffer.offer(line);
        await buffer.close(1000);

        const lost = Object.values(counts.lost).reduce((sum, events) => sum + events, 0);
        expect(counts.acknowledged + lost).toBe(lines.length);
        expect([buffer.events, buffer.usedBytes]).toEqual([0, 0]);
      },
    ),
  );
});
