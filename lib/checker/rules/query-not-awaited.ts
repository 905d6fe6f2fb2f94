import type { JobCode } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found, Place } from '../finding/finding';
import { say } from '../finding/message';
import type { At } from '../python/values';

/** A query lives as long as its program: what comes after a wait without end is never reached, and the end ends all. */
export const queryNotAwaited: Rule = {
  id: 'query-not-awaited',
  level: 'error',
  needs: ['course'],
  refuses:
    'a streaming query that is started behind a wait without end, or stopped as soon as it is started; one that nothing waits for is a warning',
  remedy: 'start all queries first, then wait for them with spark.streams.awaitAnyTermination()',
  check: model =>
    model.jobs.flatMap(({ code, object, name }): Found[] => {
      if (code === undefined) return [];
      const { late, stopped, unawaited } = code.facts.queries;
      const concerns = [object];
      return [
        ...late.map(({ at, awaited }) => ({
          place: code.place(at),
          message: say`this query of ${name} is started only after another one has ended, which ${lineOf(code, awaited)} waits for without end: it never runs`,
          concerns,
        })),
        ...stopped.map(({ at, started, isSession }) => ({
          place: code.place(at),
          message: say`${name} stops ${isSession ? 'its session' : 'the query'} right after the start of the query (${lineOf(code, started)}), and nothing waits between, so the query does nothing`,
          remedy: say`call awaitTermination() before stop()`,
          concerns,
        })),
        ...unawaited.slice(0, 1).map(at => ({
          place: code.place(at),
          level: 'warning' as const,
          message: say`nothing in ${name} waits for this query${unawaited.length > 1 ? ` and ${unawaited.length - 1} more` : ''}, so the program ends and ends it; with restartPolicy Always it starts again and again`,
          remedy: say`end the program with awaitTermination() of the query, or spark.streams.awaitAnyTermination()`,
          concerns,
        })),
      ];
    }),
};

/** The line of the file in which people see it. */
function lineOf(code: JobCode, at: At): string {
  const place: Place = code.place(at);
  return 'file' in place ? `line ${place.line}` : `line ${at.line + 1} of ${at.module}.py`;
}
