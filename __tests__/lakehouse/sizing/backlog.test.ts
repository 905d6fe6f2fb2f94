import { Duration } from 'cdk8s';
import fc from 'fast-check';
import { backlogRefusals, secondsToRecover } from '../../../lib/lakehouse/sizing/backlog';
import { said } from '../said';

const day = Duration.days(1);

/** Plays the outage second by second: the reader starts at its end and reads until nothing is left. */
function played(outageSeconds: number, arriving: number, reading: number): number {
  let unread = outageSeconds * arriving;
  let seconds = outageSeconds;
  while (unread > 0) {
    unread += arriving - reading;
    seconds += 1;
  }
  return seconds;
}

test('the recovery is as long as a reader played second by second needs', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3600 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 500 }),
      (outageSeconds, arriving, faster) => {
        const reading = arriving + faster;
        const outage = Duration.seconds(outageSeconds);
        const exact = secondsToRecover({ outage, arriving, reading });
        expect(Math.ceil(exact)).toBe(played(outageSeconds, arriving, reading));
      },
    ),
  );
});

test('a reader that is not faster than the events never recovers', () => {
  expect(secondsToRecover({ outage: day, arriving: 50, reading: 50 })).toBe(Number.POSITIVE_INFINITY);
});

describe('against the retention', () => {
  const backlog = { outage: day, arriving: 50, reading: 100 };

  test('a recovery that takes longer is refused, with both figures and the remedy', () => {
    expect(
      said(
        backlogRefusals(
          { what: 'job x' },
          'topic t',
          { ...backlog, retention: Duration.hours(47) },
          'raise it',
        ),
      ),
    ).toEqual([
      'job x needs 48 h to recover from an outage of 24 h (50 events arrive a second, 100 are read) but topic t is kept for 47 h; raise it (rule unbounded-backlog)',
    ]);
  });

  test('a recovery that just fits passes', () => {
    expect(
      said(
        backlogRefusals(
          { what: 'job x' },
          'topic t',
          { ...backlog, retention: Duration.hours(48) },
          'raise it',
        ),
      ),
    ).toEqual([]);
  });

  test('a reader that never recovers is refused however long records are kept', () => {
    const [sentence] = said(
      backlogRefusals(
        { what: 'job x' },
        'topic t',
        { ...backlog, reading: 40, retention: Duration.days(999) },
        'raise it',
      ),
    );
    expect(sentence).toContain('needs for ever to recover');
  });
});
