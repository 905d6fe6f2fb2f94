import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { listed, type Message, quote, say } from '../finding/message';
import type { ManifestObject } from '../object/manifest-object';
import type { Source } from '../python/facts';
import { knownText, shownText, type Text } from '../python/values';

/** Incident 1: the raw layer was a dataframe that was defined and never written, and Kafka forgot the records. */
export const bronzeNotWritten: Rule = {
  id: 'bronze-not-written',
  level: 'error',
  needs: ['course', 'format'],
  refuses: 'a raw layer derived from Kafka that no writer stores',
  remedy:
    'write it, e.g. bronze.writeStream.format("json").option("checkpointLocation", …).start("s3a://raw-data/…"), or delete it',
  check: model =>
    model.jobs.flatMap(({ object, name, code }) => [
      ...(code?.facts.deadFrames ?? []).flatMap((frame): Found[] => {
        const from = topicsOf(frame.sources);
        if (code === undefined || from === undefined) return [];
        return [
          {
            place: code.place(frame.at),
            message: say`${frame.name === undefined ? 'a dataframe' : `dataframe ${frame.name}`} of ${name} derives from ${from} and ${frame.hasIdleWriter ? 'its writer is never started' : 'no writer stores it'}, so its records are gone when the topic forgets them`,
            ...(frame.hasIdleWriter ? { remedy: say`call start(), save() or toTable() on the writer` } : {}),
            concerns: [object],
          },
        ];
      }),
      ...(code?.facts.unstoredLayers ?? []).flatMap((layer): Found[] => {
        const from = topicsOf(layer.sources);
        if (code === undefined || from === undefined || isKeptElsewhere(model, object, layer.sources))
          return [];
        const isError = layer.isLost && !layer.isSource;
        return [
          {
            place: code.place(layer.at),
            level: isError ? 'error' : 'warning',
            message: layer.isLost
              ? say`dataframe ${layer.name} of ${name} derives from ${from} and no writer stores it; ${layer.isStoredInPart ? 'what is stored of it has lost the value of the records' : 'nothing made of it is stored either'}, so they are gone when the topic forgets them`
              : say`dataframe ${layer.name} of ${name} derives from ${from} and no writer stores it; the value of the records is kept by what is made of it alone`,
            remedy: remedyOf(layer.name),
            concerns: [object],
          },
        ];
      }),
    ]),
};

function remedyOf(name: string): Message {
  return say`write it, e.g. ${name}.writeStream.format("json").option("checkpointLocation", …).start("s3a://raw-data/…"), or name it after what it is`;
}

/** The topics among what a dataframe is made of, in words; undefined when it is not made of Kafka's records. */
function topicsOf(sources: readonly Source[]): string | undefined {
  const topics = kafkaTopics(sources);
  return topics.length === 0
    ? undefined
    : listed([
        ...new Set(topics.map(topic => (topic === undefined ? 'Kafka' : `topic ${quote(shownText(topic))}`))),
      ]);
}

function kafkaTopics(sources: readonly Source[]): (Text | undefined)[] {
  return sources
    .filter(({ format }) => format === 'kafka')
    .map(
      ({ options }) =>
        (options.get('subscribe') ?? options.get('subscribepattern') ?? options.get('assign'))?.value,
    );
}

/** Whether another job stores the records of the same topics as they are. */
function isKeptElsewhere(model: Model, object: ManifestObject, sources: readonly Source[]): boolean {
  const own = kafkaTopics(sources).map(knownText);
  const kept = model.jobs
    .filter(job => job.object !== object)
    .flatMap(({ code }) => code?.facts.sinks ?? [])
    .filter(({ keepsRaw, format }) => keepsRaw === true && format !== 'foreachbatch')
    .flatMap(sink => kafkaTopics(sink.sources).map(knownText));
  return own.every(topic => topic !== undefined && kept.includes(topic));
}
