import { missingResources } from '../facts/missing-resources';
import type { Rule } from '../facts/rule';
import { strimziComponents } from '../facts/strimzi';
import { listed, measured, say } from '../finding/message';
import { asObject } from '../object/manifest-object';

/** Incident 8: brokers and ZooKeeper without limits grew until their neighbours were evicted. */
export const kafkaWithoutLimits: Rule = {
  id: 'kafka-without-limits',
  level: 'error',
  needs: ['pods'],
  refuses: 'Strimzi components without CPU and memory requests and limits',
  remedy:
    'state resources.requests and resources.limits for cpu and memory, e.g. requests 200m and 1Gi, limits 500m and 2Gi for a broker',
  check: model =>
    strimziComponents(model).flatMap(({ object, name, path, resources }) => {
      const missing = missingResources(asObject(resources));
      if (missing.length === 0) return [];
      return [
        {
          place: { object, path: resources === undefined ? path : [...path, 'resources'] },
          message: say`${name} of ${object.metadata.name} has no ${measured(listed(missing))}`,
        },
      ];
    }),
};
