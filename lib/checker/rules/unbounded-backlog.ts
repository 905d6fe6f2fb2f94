import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { quote, say } from '../finding/message';
import type { Source } from '../python/facts';
import { shownText } from '../python/values';

/** Spark's own file formats; without a bound a trigger takes every file that is there. */
const FILE_FORMATS: ReadonlySet<string> = new Set([
  'parquet',
  'json',
  'csv',
  'orc',
  'text',
  'xml',
  'avro',
  'binaryfile',
]);

/** Incident 5: a restart read the whole backlog in one batch, 858 s for a trigger of 60 s, and never caught up. */
export const unboundedBacklog: Rule = {
  id: 'unbounded-backlog',
  level: 'error',
  needs: ['course', 'format', 'options'],
  refuses:
    'a stream without a bound a trigger (maxOffsetsPerTrigger, maxFilesPerTrigger or maxBytesPerTrigger)',
  remedy:
    'bound what one trigger takes: maxOffsetsPerTrigger for Kafka, maxFilesPerTrigger or maxBytesPerTrigger for files',
  check: model =>
    model.jobs.flatMap(({ object, name, code }) => {
      if (code === undefined) return [];
      const read = new Set(
        code.facts.sinks.filter(({ isStream }) => isStream).flatMap(({ sources }) => sources),
      );
      // A read that has options nobody knows on one way may have the bound there.
      const open = new Set(code.facts.sources.filter(({ hasOpenOptions }) => hasOpenOptions).map(placeOf));
      return [...read].flatMap((source): Found[] => {
        const missing = open.has(placeOf(source)) ? undefined : missingBound(source);
        if (missing === undefined) return [];
        return [
          {
            place: code.place(source.at),
            message: say`stream of ${name} reads ${missing.what} without ${missing.option}, so after a pause one trigger takes the whole backlog`,
            remedy: say`set ${missing.option} to what one trigger can process, e.g. .option("${missing.option}", ${missing.example})`,
            concerns: [object],
          },
        ];
      });
    }),
};

function placeOf({ at }: Source): string {
  return `${at.module}:${at.line}`;
}

function missingBound(source: Source): { what: string; option: string; example: number } | undefined {
  if (!source.isStream) return undefined;
  const { format, options, paths } = source;
  if (format === 'kafka') {
    const topic = options.get('subscribe') ?? options.get('subscribepattern') ?? options.get('assign');
    return options.has('maxoffsetspertrigger')
      ? undefined
      : {
          what: `Kafka${topic === undefined ? '' : ` topic ${quote(shownText(topic.value))}`}`,
          option: 'maxOffsetsPerTrigger',
          example: 500000,
        };
  }
  if (source.table !== undefined || (format !== undefined && !FILE_FORMATS.has(format))) return undefined;
  if (options.has('maxfilespertrigger') || options.has('maxbytespertrigger')) return undefined;
  return {
    what: `files${paths.length === 0 ? '' : ` of ${quote(paths.map(path => shownText(path)).join(', '))}`}`,
    option: 'maxFilesPerTrigger',
    example: 50,
  };
}
