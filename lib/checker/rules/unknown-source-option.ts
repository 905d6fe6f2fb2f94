import { distance } from 'fastest-levenshtein';
import type { JobCode } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, type Message, measured, quote, say } from '../finding/message';
import type { Setting, Sink, Source } from '../python/facts';
import { knownText } from '../python/values';

/** Options of the Kafka source and sink: KafkaSourceProvider of Spark 3.5 and 4.1. */
const KAFKA = [
  'subscribe',
  'subscribePattern',
  'assign',
  'topic',
  'startingOffsets',
  'startingTimestamp',
  'startingOffsetsByTimestamp',
  'startingOffsetsByTimestampStrategy',
  'endingOffsets',
  'endingTimestamp',
  'endingOffsetsByTimestamp',
  'failOnDataLoss',
  'minPartitions',
  'maxRecordsPerPartition',
  'maxOffsetsPerTrigger',
  'minOffsetsPerTrigger',
  'maxTriggerDelay',
  'groupIdPrefix',
  'includeHeaders',
  'kafkaConsumer.pollTimeoutMs',
  'fetchOffset.numRetries',
  'fetchOffset.retryIntervalMs',
  'checkpointLocation',
  'path',
] as const;

/** Options of every stream of files (FileStreamOptions), and of the formats that Spark has, as far as they are alike. */
const FILES = [
  'maxFilesPerTrigger',
  'maxBytesPerTrigger',
  'latestFirst',
  'maxFileAge',
  'cleanSource',
  'sourceArchiveDir',
  'fileNameOnly',
  'maxCachedFiles',
  'discardCachedInputRatio',
  'recursiveFileLookup',
  'pathGlobFilter',
  'modifiedBefore',
  'modifiedAfter',
  'mergeSchema',
  'ignoreCorruptFiles',
  'ignoreMissingFiles',
  'checkpointLocation',
] as const;

const FILE_FORMATS = new Set(['parquet', 'json', 'csv', 'orc', 'text', 'avro', 'xml', 'binaryfile']);

/** What Spark sets by itself, and refuses to be given (KafkaSourceProvider.validateGeneralOptions). */
const REFUSED: Readonly<Record<string, string>> = {
  'kafka.auto.offset.reset': 'set startingOffsets instead',
  'kafka.key.deserializer': 'cast the column key instead',
  'kafka.value.deserializer': 'cast the column value instead',
  'kafka.key.serializer': 'cast the column key instead',
  'kafka.value.serializer': 'cast the column value instead',
  'kafka.enable.auto.commit': 'delete it: the checkpoint keeps the offsets',
  'kafka.interceptor.classes': 'delete it',
};

const WHERE = ['subscribe', 'subscribepattern', 'assign'];

/** An option with a letter wrong is accepted without a word, and does nothing. */
export const unknownSourceOption: Rule = {
  id: 'unknown-source-option',
  level: 'error',
  needs: ['course', 'format', 'options'],
  refuses:
    'an option that a Kafka or file source or sink of Spark does not have or does not take, and a Kafka source without a topic',
  remedy: 'use an option of that source, or delete it: Spark ignores what it does not know',
  check: model =>
    model.jobs.flatMap(({ code, object, name }): Found[] => {
      if (code === undefined) return [];
      const { sources, sinks } = code.facts;
      return [
        ...[...sources, ...sinks].flatMap(endpoint => misspelt(endpoint, code, name)),
        ...sources.filter(({ format }) => format === 'kafka').flatMap(source => missing(source, code, name)),
      ].map(found => ({ ...found, concerns: [object] }));
    }),
};

function misspelt({ format, options }: Source | Sink, code: JobCode, name: string): Found[] {
  const isKafka = format === 'kafka';
  if (!isKafka && !FILE_FORMATS.has(format ?? '')) return [];
  const known: readonly string[] = isKafka ? KAFKA : FILES;
  return [...options].flatMap(([key, setting]): Found[] => {
    const place = code.place(setting.at);
    if (key.startsWith('trigger.') || known.some(option => option.toLowerCase() === key)) return [];
    const refused = isKafka ? REFUSED[key] : undefined;
    if (refused !== undefined)
      return [
        {
          place,
          message: say`${name} gives Kafka ${measured(key, quote)}, which Spark sets by itself and refuses`,
          remedy: say`${refused}`,
        },
      ];
    if (key.startsWith('kafka.')) return misspeltServers(key, setting, code, name);
    const meant = known.find(option => isAlike(option.toLowerCase(), key));
    if (meant === undefined && !isKafka) return [];
    const isConsumers = meant === undefined && key.includes('.');
    return [
      {
        place,
        ...(meant === undefined && !isConsumers ? { level: 'warning' as const } : {}),
        message: say`${isKafka ? "Spark's Kafka source and sink have" : `Spark's ${format} source has`} no option ${measured(key, quote)}, so in ${name} it does nothing`,
        ...remedyFor(key, meant, isConsumers),
      },
    ];
  });
}

function remedyFor(key: string, meant: string | undefined, isConsumers: boolean): { remedy?: Message } {
  if (meant !== undefined) return { remedy: say`write ${meant}` };
  return isConsumers ? { remedy: say`write kafka.${key}, as settings of Kafka's own clients begin` } : {};
}

/** The one setting of Kafka's clients that no source can do without. */
function misspeltServers(key: string, { at }: Setting, code: JobCode, name: string): Found[] {
  const meant = 'kafka.bootstrap.servers';
  if (key === meant || !isAlike(meant, key)) return [];
  return [
    {
      place: code.place(at),
      message: say`Kafka has no setting ${measured(key, quote)}, so in ${name} it does nothing`,
      remedy: say`write ${meant}`,
    },
  ];
}

/** A letter or two apart, or without the dots and lines between the words. */
function isAlike(option: string, key: string): boolean {
  const plain = (text: string) => text.replace(/[._-]/g, '');
  const far = option.length > 9 ? 3 : 1;
  return plain(option) === plain(key) || (key.length > 3 && distance(option, key) <= far);
}

function missing(source: Source, code: JobCode, name: string): Found[] {
  const { options, hasOpenOptions, at, isStream } = source;
  const place = code.place(at);
  const offsets = options.get('startingoffsets');
  const value = knownText(offsets?.value)?.trim();
  const isWrong =
    offsets !== undefined && value !== undefined && !/^(earliest|latest|\{[\s\S]*\})$/i.test(value);
  const wrong: Found[] = isWrong
    ? [
        {
          place: code.placeOf(offsets.value, offsets.at),
          message: say`startingOffsets ${measured(value, quote)} of ${name} is none that Kafka's source takes; it takes ${allowed(`earliest${isStream ? ', latest' : ''} and JSON`)}`,
          remedy: say`write earliest or latest`,
        },
      ]
    : [];
  if (hasOpenOptions) return wrong;
  const given = WHERE.filter(option => options.has(option));
  const topics: Found[] =
    given.length === 1
      ? []
      : [
          {
            place,
            message: say`${name} reads Kafka with ${measured(given.length === 0 ? 'no topic' : given.join(' and '))}; Spark wants exactly one of ${allowed('subscribe, subscribePattern and assign')}`,
            remedy: say`give one of them`,
          },
        ];
  return [...wrong, ...topics];
}
