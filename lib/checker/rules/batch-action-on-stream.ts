import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { measured, say } from '../finding/message';

/** "Queries with streaming sources must be executed with writeStream.start()": the first such line ends the program. */
export const batchActionOnStream: Rule = {
  id: 'batch-action-on-stream',
  level: 'error',
  needs: ['course'],
  refuses: 'an action or a writer of batches on a dataframe that is a stream',
  remedy: 'start it with writeStream, and do what is meant for each batch in foreachBatch',
  check: model =>
    model.jobs.flatMap(({ code, object, name }): Found[] =>
      (code?.facts.batchActions ?? []).flatMap(({ at, action }) =>
        code === undefined
          ? []
          : [
              {
                place: code.place(at),
                message: say`${name} calls ${measured(action)} on a stream, which Spark refuses: a stream runs through writeStream alone`,
                concerns: [object],
              },
            ],
      ),
    ),
};
