import { isStream, type Job } from '../facts/job';
import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, measured, quote, say } from '../finding/message';
import { isApacheSpark } from '../manifest/apache-spark';
import { at } from '../object/manifest-object';

const RETRY_COUNTS = ['onFailureRetries', 'onSubmissionFailureRetries'] as const;

/** Incident 12: the driver died, the policy was OnFailure, and nobody started the stream again. */
export const restartPolicyLetsStreamDie: Rule = {
  id: 'restart-policy-lets-stream-die',
  level: 'error',
  needs: ['course'],
  refuses:
    'a stream that a failure ends for good; a bare pod, and retry counts that the policy ignores, are warnings',
  remedy:
    'set restartPolicy.type to Always, with onFailureRetryInterval and onSubmissionFailureRetryInterval',
  check: model =>
    model.jobs.flatMap((job): Found[] => {
      if (isStream(job) !== true) return [];
      const { object, name, path } = job;
      if (job.kind === 'container') return ofWorkload(job.object.kind, job);
      if (isApacheSpark(object)) return ofApache(job);
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
            place: place,
            message: say`stream ${name} has ${policy === undefined ? 'no restartPolicy, which means' : 'restartPolicy'} ${measured('Never')}, so its first failure ends it for good`,
          },
        ];
      }
      if (type === 'OnFailure') {
        const retries = at(policy, 'onFailureRetries');
        return [
          {
            place: place,
            message: say`stream ${name} has restartPolicy ${measured('OnFailure')} with ${retries === undefined ? 'no onFailureRetries, which means no retry' : `${String(retries)} retries`}, so ${retries === undefined ? 'its first failure' : 'one failure more'} ends it for good; a stream needs ${allowed('Always')}`,
          },
        ];
      }
      return RETRY_COUNTS.filter(key => at(policy, key) !== undefined).map(key => ({
        place: { object, path: [...path, 'restartPolicy', key] },
        level: 'warning' as const,
        message: say`${key} ${measured(String(at(policy, key)), quote)} of stream ${name} is ignored: restartPolicy Always restarts without a limit`,
        remedy: say`delete ${key}; how long to wait between attempts is onFailureRetryInterval and onSubmissionFailureRetryInterval`,
      }));
    }),
};

/** Apache's operator does not start an application again unless it is told so, and no more than 3 times unless it is told how often. */
function ofApache({ object, name }: Job): Found[] {
  const path = ['spec', 'applicationTolerations', 'restartConfig'];
  const config = at(object.body, ...path);
  const policy = String(at(config, 'restartPolicy') ?? 'Never');
  const remedy = say`set applicationTolerations.restartConfig.restartPolicy to Always, with a large maxRestartAttempts`;
  if (policy === 'Never' || policy === 'OnInfrastructureFailure') {
    return [
      {
        place: { object, path: config === undefined ? ['spec'] : path },
        message: say`stream ${name} has ${config === undefined ? 'no restartConfig, which means' : 'restartPolicy'} ${measured(policy)}, so its first failure ends it for good`,
        remedy,
      },
    ];
  }
  const attempts = at(config, 'maxRestartAttempts');
  const resets = Number(at(config, 'restartCounterResetMillis') ?? -1) >= 0;
  if (resets || Number(attempts) >= MANY_ATTEMPTS) return [];
  return [
    {
      place: { object, path: attempts === undefined ? path : [...path, 'maxRestartAttempts'] },
      level: 'warning',
      message: say`stream ${name} is started again at most ${measured(String(attempts ?? 3))} times, so one failure more ends it for good`,
      remedy: say`set applicationTolerations.restartConfig.maxRestartAttempts to a large number`,
    },
  ];
}

/** As good as without a limit. */
const MANY_ATTEMPTS = 1000;

/** A Deployment or StatefulSet starts its pods anew for ever; a Job and a bare pod do not. */
function ofWorkload(kind: string, { object, name }: Job): Found[] {
  if (kind === 'Job') {
    const limit = at(object.body, 'spec', 'backoffLimit') ?? 6;
    return [
      {
        place: {
          object,
          path: at(object.body, 'spec', 'backoffLimit') === undefined ? ['kind'] : ['spec', 'backoffLimit'],
        },
        message: say`stream ${name} runs as a Job, which gives up after backoffLimit ${measured(String(limit))} failures`,
        remedy: say`run a stream as a SparkApplication with restartPolicy Always, or as a Deployment`,
      },
    ];
  }
  if (kind !== 'Pod') return [];
  const policy = String(at(object.body, 'spec', 'restartPolicy') ?? 'Always');
  if (policy !== 'Never') {
    return [
      {
        place: {
          object,
          path: at(object.body, 'spec', 'restartPolicy') === undefined ? ['kind'] : ['spec', 'restartPolicy'],
        },
        level: 'warning',
        message: say`stream ${name} runs in a bare pod: restartPolicy ${measured(policy)} starts its container again, but after an eviction, a drain or the loss of its node nobody makes the pod anew`,
        remedy: say`run a stream as a SparkApplication with restartPolicy Always, or as a Deployment`,
      },
    ];
  }
  return [
    {
      place: { object, path: ['spec', 'restartPolicy'] },
      message: say`stream ${name} runs in a pod with restartPolicy ${measured('Never')}, so its first failure ends it for good`,
      remedy: say`run a stream as a SparkApplication with restartPolicy Always, or as a Deployment`,
    },
  ];
}
