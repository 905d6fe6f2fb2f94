import { allowed, measured, say } from '../finding/message';
import type { Container, PodSpec } from '../manifest/pod-spec';
import type { PodVolumeClaim, UnreadableFigure } from '../manifest/pods';
import { bytes, count, cpuMillis, formatBytes, QuantityError, shownValue } from '../manifest/quantity';
import { isObject } from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';

/** Amounts by resource name: cpu in millicores, memory and ephemeral-storage in bytes, the rest as counts. */
export type Amounts = Readonly<Record<string, number>>;

/** Every pod takes one place; every claim of a ReadWriteOnce volume one attachment. */
export const PODS = 'pods';
export const VOLUMES = 'ebs volumes';

function amount(resource: string, value: unknown): number {
  if (resource === 'cpu') return cpuMillis(value);
  return resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-')
    ? bytes(value)
    : count(value);
}

/** An amount with its unit, as it would be written in a manifest: 500m, 512Mi, 3. */
export function formatAmount(resource: string, value: number): string {
  if (resource === 'cpu') return `${value}m`;
  return resource === 'memory' || resource === 'ephemeral-storage' ? formatBytes(value) : String(value);
}

/** An amount for reading: memory and storage in whole MiB, rounded down. */
export function readableAmount(resource: string, value: number): string {
  return resource === 'memory' || resource === 'ephemeral-storage'
    ? `${Math.floor(value / 2 ** 20)}Mi`
    : formatAmount(resource, value);
}

function add(a: Amounts, b: Amounts): Amounts {
  const sum: Record<string, number> = { ...a };
  for (const [resource, value] of Object.entries(b)) sum[resource] = (sum[resource] ?? 0) + value;
  return sum;
}

function most(a: Amounts, b: Amounts): Amounts {
  const peak: Record<string, number> = { ...a };
  for (const [resource, value] of Object.entries(b)) peak[resource] = Math.max(peak[resource] ?? 0, value);
  return peak;
}

/** Resources that `resources` of a pod as a whole may state; others count by container (component-helpers/resource). */
const isPodLevel = (resource: string) =>
  resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');

/** Requests of the pod as a whole; what they leave out is what its containers ask for, else its own limit. */
function podLevel(
  read: (where: string, declared: unknown) => Amounts,
  resources: unknown,
  ofContainers: Amounts,
): Amounts {
  if (!isObject(resources)) return {};
  const limits = Object.entries(read('resources.limits', resources['limits'])).filter(
    ([resource]) => ofContainers[resource] === undefined,
  );
  const requests = Object.entries(read('resources.requests', resources['requests']));
  return Object.fromEntries([...limits, ...requests].filter(([resource]) => isPodLevel(resource)));
}

/**
 * What the scheduler counts for one pod (k8s.io/component-helpers/resource, PodRequests): the larger of the sum of
 * containers and sidecars and the peak of the init containers, or the pod's own `resources` where it states them,
 * plus its overhead; one place; one attachment for each volume claim that is not shared. What is no quantity is
 * left out and listed in `unreadable`, and so is a limit that is none or below its request.
 */
export function podRequest(
  spec: PodSpec,
  claims: readonly PodVolumeClaim[],
): { readonly amounts: Amounts; readonly unreadable: readonly UnreadableFigure[] } {
  const unreadable: UnreadableFigure[] = [];
  const read = (where: string, declared: unknown, of?: UnreadableFigure['of']): Amounts => {
    const amounts: Record<string, number> = {};
    for (const [resource, value] of Object.entries(isObject(declared) ? declared : {})) {
      try {
        amounts[resource] = amount(resource, value);
      } catch (error) {
        if (!(error instanceof QuantityError)) throw error;
        unreadable.push({
          resource,
          ...(of === undefined ? {} : { of }),
          isFilledIn: hasPlaceholder(String(value)),
          message: say`${where}.${resource} ${measured(shownValue(error.value))} is no quantity (${error.reason})`,
          remedy: say`write a number with an optional unit, e.g. 500m, 2, 512Mi or 20Gi`,
        });
      }
    }
    return amounts;
  };
  const requests = ({ name, resources }: Container): Amounts => {
    const requested = read(`container ${name}: resources.requests`, resources.requests, {
      container: name,
      part: 'requests',
    });
    // A limit that is also the request was read with it.
    const own = Object.entries(resources.limits).filter(
      ([resource, limit]) => limit !== resources.requests[resource],
    );
    const limit = { container: name, part: 'limits' } as const;
    const limited = read(`container ${name}: resources.limits`, Object.fromEntries(own), limit);
    for (const [resource, most] of Object.entries(limited)) {
      const request = requested[resource];
      if (request === undefined || most >= request) continue;
      unreadable.push({
        resource,
        of: limit,
        message: say`container ${name}: resources.limits.${resource} ${measured(most, value => formatAmount(resource, value))} is below its request of ${allowed(request, value => formatAmount(resource, value))}, and no API server takes that`,
        remedy: say`raise the limit to the request or lower the request`,
      });
    }
    return requested;
  };

  let sidecars: Amounts = {};
  let initPeak: Amounts = {};
  for (const container of spec.initContainers) {
    if (container['restartPolicy'] === 'Always') {
      sidecars = add(sidecars, requests(container));
      initPeak = most(initPeak, sidecars);
    } else {
      initPeak = most(initPeak, add(sidecars, requests(container)));
    }
  }
  const running = spec.containers.reduce((sum, container) => add(sum, requests(container)), sidecars);
  const ofPod = podLevel(read, spec['resources'], most(running, initPeak));
  const volumes = claims.filter(claim => !claim.accessModes.includes('ReadWriteMany')).length;
  return {
    amounts: {
      ...add({ ...most(running, initPeak), ...ofPod }, read('overhead', spec['overhead'])),
      [PODS]: 1,
      [VOLUMES]: volumes,
    },
    unreadable,
  };
}
