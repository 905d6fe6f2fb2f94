import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, type Message, measured, quote, say } from '../finding/message';
import type { Sink } from '../python/facts';
import { knownText } from '../python/values';

const MODES = new Set(['append', 'update', 'complete']);
/** Spark's own files only grow. */
const FILES = new Set(['parquet', 'json', 'csv', 'orc', 'text', 'xml', 'avro']);

/** Spark refuses such a query when it is started: the job comes up, fails and comes up again. */
export const unsupportedOutputMode: Rule = {
  id: 'unsupported-output-mode',
  level: 'error',
  needs: ['course', 'format'],
  refuses: 'an output mode that a streaming query, or what it writes to, cannot have',
  remedy: 'give the aggregation a watermark, or choose an output mode that query and sink both have',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const { code, object } = job;
      if (code === undefined || isUnchecked(job)) return [];
      return code.facts.sinks.flatMap((sink): Found[] => {
        const fault = sink.isStream ? faultOf(sink, job) : undefined;
        if (fault === undefined) return [];
        const { outputMode: mode, at } = sink;
        const place = mode === undefined ? code.place(at) : code.placeOf(mode.value, mode.at);
        return [{ place, ...fault, concerns: [object] }];
      });
    }),
};

function faultOf(sink: Sink, job: Job): (Pick<Found, 'message'> & { remedy: Message }) | undefined {
  const { outputMode, aggregation, format, sources, table } = sink;
  const written = outputMode === undefined ? 'append' : knownText(outputMode.value);
  if (written === undefined) return undefined;
  const mode = written.toLowerCase();
  const what = `the stream of ${job.name}`;
  if (!MODES.has(mode))
    return {
      message: say`${what} has output mode ${measured(written, quote)}, which Spark does not know; there are ${allowed('append, update and complete')}`,
      remedy: say`write append, update or complete`,
    };
  const isFile = FILES.has(format ?? '') || (format === undefined && table === undefined && isParquet(job));
  if (isFile && mode !== 'append')
    return {
      message: say`${what} writes files of ${format ?? 'parquet'} in output mode ${measured(mode)}, and files take ${allowed('append')} alone`,
      remedy: say`aggregate behind a watermark and append, or write each batch's result with foreachBatch`,
    };
  if (format === 'delta' && mode === 'update')
    return {
      message: say`${what} writes Delta in output mode ${measured(mode)}, which Delta does not take; it takes ${allowed('append and complete')}`,
      remedy: say`merge each batch with foreachBatch, or append behind a watermark`,
    };
  if (aggregation !== undefined && !aggregation.isWatermarked && mode === 'append')
    return {
      message: say`${what} appends an aggregation without a watermark${outputMode === undefined ? ', append being the mode when none is given' : ''}, so no row of it is ever final and Spark does not start it`,
      remedy: say`add withWatermark(<event time>, <delay>) before the grouping, or set outputMode("update") where the sink takes it`,
    };
  // A dataframe that came of code that is not followed may aggregate there.
  if (aggregation === undefined && mode === 'complete' && sources.some(({ isStream }) => isStream))
    return {
      message: say`${what} has output mode ${measured(mode)} without an aggregation, and Spark does not start it: complete is the whole result of one`,
      remedy: say`set outputMode("append")`,
    };
  return undefined;
}

function isParquet({ conf }: Job): boolean {
  return !conf.has('spark.sql.sources.default');
}

/** Whether somebody switched Spark's own check off. */
function isUnchecked({ conf }: Job): boolean {
  return conf.get('spark.sql.streaming.unsupportedOperationCheck')?.value.toLowerCase() === 'false';
}
