import { isStream, type Job } from '../facts/job';
import { type Finding, quote, type Rule } from '../finding/rule';
import { at } from '../manifest/model';

const RETRY_COUNTS = ['onFailureRetries', 'onSubmissionFailureRetries'] as const;

/** Incident 12: the driver died, the policy was OnFailure, and nobody started the stream again. */
export const restartPolicyLetsStreamDie: Rule = {
  id: 'restart-policy-lets-stream-die',
  level: 'error',
  needs: ['course'],
  refuses: 'a stream that a failure ends for good; retry counts that the policy ignores',
  remedy:
    'set restartPolicy.type to Always, with onFailureRetryInterval and onSubmissionFailureRetryInterval',
  check: model =>
    model.jobs.flatMap((job): Finding[] => {
      if (isStream(job) !== true) return [];
      const { object, name, path } = job;
      if (job.kind === 'container') return ofWorkload(job.object.kind, job);
      const policy = at(object.body, ...path.map(String), 'restartPolicy');
      const type = String(at(policy, 'type') ?? 'Never');
      const place = {
        object,
        path: [
          ...path,
          ...(policy === undefined
            ? []
            : ['restartPolicy', ...(at(policy, 'type') === undefined ? [] : ['type'])]),
        ],
      };
      if (object.kind === 'ScheduledSparkApplication') return [];
      if (type === 'Never') {
        return [
          {
            at: place,
            message: `stream ${name} has ${policy === undefined ? 'no restartPolicy, which means Never' : 'restartPolicy Never'}, so its first failure ends it for good`,
          },
        ];
      }
      if (type === 'OnFailure') {
        const retries = at(policy, 'onFailureRetries');
        return [
          {
            at: place,
            message: `stream ${name} has restartPolicy OnFailure with ${retries === undefined ? 'no onFailureRetries, which means no retry' : `${String(retries)} retries`}, so ${retries === undefined ? 'its first failure' : 'one failure more'} ends it for good; a stream needs Always`,
          },
        ];
      }
      return RETRY_COUNTS.filter(key => at(policy, key) !== undefined).map(key => ({
        at: { object, path: [...path, 'restartPolicy', key] },
        message: `${key} ${quote(String(at(policy, key)))} of stream ${name} is ignored: restartPolicy Always restarts without a limit`,
        remedy: `delete ${key}; how long to wait between attempts is onFailureRetryInterval and onSubmissionFailureRetryInterval`,
      }));
    }),
};

/** A Deployment or StatefulSet starts its pods anew for ever; a Job and a bare pod do not. */
function ofWorkload(kind: string, { object, name }: Job): Finding[] {
  if (kind === 'Job') {
    const limit = at(object.body, 'spec', 'backoffLimit') ?? 6;
    return [
      {
        at: {
          object,
          path: at(object.body, 'spec', 'backoffLimit') === undefined ? ['kind'] : ['spec', 'backoffLimit'],
        },
        message: `stream ${name} runs as a Job, which gives up after backoffLimit ${String(limit)} failures`,
        remedy: 'run a stream as a SparkApplication with restartPolicy Always, or as a Deployment',
      },
    ];
  }
  if (kind !== 'Pod' || at(object.body, 'spec', 'restartPolicy') !== 'Never') return [];
  return [
    {
      at: { object, path: ['spec', 'restartPolicy'] },
      message: `stream ${name} runs in a pod with restartPolicy Never, so its first failure ends it for good`,
      remedy: 'run a stream as a SparkApplication with restartPolicy Always, or as a Deployment',
    },
  ];
}
