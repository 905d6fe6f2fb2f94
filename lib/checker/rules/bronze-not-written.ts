import type { Rule } from '../facts/rule';
import { listed, quote, say } from '../finding/message';
import { shownText } from '../python/values';

/** Incident 1: the raw layer was a dataframe that was defined and never written, and Kafka forgot the records. */
export const bronzeNotWritten: Rule = {
  id: 'bronze-not-written',
  level: 'error',
  needs: ['course', 'format'],
  refuses: 'a raw layer derived from Kafka that no writer stores',
  remedy:
    'write it, e.g. bronze.writeStream.format("json").option("checkpointLocation", …).start("s3a://raw-data/…"), or delete it',
  check: model =>
    model.jobs.flatMap(({ object, name, code }) =>
      (code?.facts.deadFrames ?? []).flatMap(frame => {
        const topics = frame.sources
          .filter(({ format }) => format === 'kafka')
          .map(
            ({ options }) =>
              options.get('subscribe') ?? options.get('subscribepattern') ?? options.get('assign'),
          );
        if (code === undefined || topics.length === 0) return [];
        const from = listed([
          ...new Set(
            topics.map(topic => (topic === undefined ? 'Kafka' : `topic ${quote(shownText(topic.value))}`)),
          ),
        ]);
        return [
          {
            place: code.place(frame.at),
            message: say`${frame.name === undefined ? 'a dataframe' : `dataframe ${frame.name}`} of ${name} derives from ${from} and ${frame.hasIdleWriter ? 'its writer is never started' : 'no writer stores it'}, so its records are gone when the topic forgets them`,
            ...(frame.hasIdleWriter ? { remedy: say`call start(), save() or toTable() on the writer` } : {}),
            concerns: [object],
          },
        ];
      }),
    ),
};
