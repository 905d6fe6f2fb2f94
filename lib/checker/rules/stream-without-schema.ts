import type { Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, quote, say } from '../finding/message';
import type { Source } from '../python/facts';
import { shownText } from '../python/values';

/** Files whose columns a stream does not find out by itself; lines of text have one column. */
const WITH_COLUMNS = new Set(['parquet', 'json', 'csv', 'orc', 'avro', 'xml']);
const INFERENCE = 'spark.sql.streaming.schemaInference';

/** Spark looks into no file before the first batch: "Schema must be specified when creating a streaming source". */
export const streamWithoutSchema: Rule = {
  id: 'stream-without-schema',
  level: 'error',
  needs: ['course', 'format'],
  refuses: 'a stream of files whose schema nobody gives',
  remedy: 'add .schema(…) to the reader; inferSchema does not count for a stream',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      const { code, object, name } = job;
      if (code === undefined || infers(job)) return [];
      return code.facts.sources
        .filter(source => source.isStream && !source.hasSchema && isOfColumns(source, job))
        .map(({ at, format, paths }) => ({
          place: code.place(at),
          message: say`the stream of ${name} reads ${measured(format ?? 'parquet')} files${paths.length === 0 ? '' : ` of ${quote(paths.map(path => shownText(path)).join(', '))}`} without a schema, and Spark does not start it`,
          concerns: [object],
        }));
    }),
};

function isOfColumns({ format, table }: Source, { conf }: Job): boolean {
  if (table !== undefined) return false;
  return format === undefined ? !conf.has('spark.sql.sources.default') : WITH_COLUMNS.has(format);
}

function infers({ conf, code }: Job): boolean {
  const isSetInCode = code?.facts.conf.some(({ key }) => key === INFERENCE) === true;
  return conf.get(INFERENCE)?.value.toLowerCase() === 'true' || (isSetInCode && !conf.has(INFERENCE));
}
