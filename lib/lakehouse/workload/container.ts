import { type Duration, Size, SizeRoundingBehavior } from 'cdk8s';
import { type ContainerResources, type Cpu, k8s } from 'cdk8s-plus-28';
import { allowed, measured, say } from '../../checker/finding/message';
import { type Culprit, type Refusal, writing } from './refuse';

/** The API form of what a container requests and may use at most. */
export function resourceRequirements(resources: ContainerResources): k8s.ResourceRequirements {
  const side = (name: 'request' | 'limit') => {
    const { cpu, memory, ephemeralStorage } = resources;
    return {
      ...(cpu?.[name] ? { cpu: k8s.Quantity.fromString(cpuQuantity(cpu[name])) } : {}),
      ...(memory?.[name] ? { memory: k8s.Quantity.fromString(sizeQuantity(memory[name])) } : {}),
      ...(ephemeralStorage?.[name]
        ? { 'ephemeral-storage': k8s.Quantity.fromString(sizeQuantity(ephemeralStorage[name])) }
        : {}),
    };
  };
  return { requests: side('request'), limits: side('limit') };
}

/** e.g. '250m' or '2' */
export function cpuQuantity(cpu: Cpu): string {
  return cpu.amount;
}

/** The size in the largest unit that is whole, e.g. '1Gi'; less than a kibibyte counts as one. */
export function sizeQuantity(size: Size): string {
  const kibibytes = Math.ceil(size.toKibibytes({ rounding: SizeRoundingBehavior.NONE }));
  const units = ['Ki', 'Mi', 'Gi', 'Ti'];
  let amount = kibibytes;
  let unit = 0;
  while (amount > 0 && amount % 1024 === 0 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount}${units[unit]}`;
}

/** Bytes of a size, whole. */
export function bytesOf(size: Size): number {
  return Math.floor(size.toKibibytes({ rounding: SizeRoundingBehavior.NONE }) * 1024);
}

/** Thousandths of a core. */
export function millicores(cpu: Cpu): number {
  return cpu.amount.endsWith('m') ? Number(cpu.amount.slice(0, -1)) : Number(cpu.amount) * 1000;
}

/** CRI-O refuses a container that may use less (its container_min_memory); runc's own start takes half of that. */
const LEAST_MEMORY_LIMIT = Size.mebibytes(12);

/** What is wrong with the figures of a container. */
export function resourceRefusals(
  culprit: Culprit,
  resources: ContainerResources,
  rule = 'container-without-limits',
): Refusal[] {
  const written = writing(culprit, 'resources');
  const sides = [
    ['cpu', 'Cpu.millis(500)', resources.cpu, (value: Cpu | Size) => millicores(value as Cpu)],
    ['memory', 'Size.mebibytes(512)', resources.memory, (value: Cpu | Size) => bytesOf(value as Size)],
  ] as const;
  return sides.flatMap(([resource, example, figures, amount]) => {
    const missing = (['request', 'limit'] as const).filter(side => figures?.[side] === undefined);
    if (missing.length > 0) {
      return missing.map(side => ({
        ...written,
        rule,
        message: say`${culprit.what} has no ${resource} ${side} but every container needs one`,
        remedy: say`set ${resource}.${side}, e.g. ${example}`,
      }));
    }
    const { request, limit } = figures as { request: Cpu | Size; limit: Cpu | Size };
    const empty = (['request', 'limit'] as const).filter(side => !(amount({ request, limit }[side]) > 0));
    if (empty.length > 0) {
      return empty.map(side => ({
        ...written,
        message: say`${culprit.what} has a ${resource} ${side} of ${measured(quantity({ request, limit }[side]))} but it must be more than 0`,
        remedy: say`set ${resource}.${side}, e.g. ${example}`,
      }));
    }
    if (resource === 'memory' && amount(limit) < bytesOf(LEAST_MEMORY_LIMIT)) {
      return [
        {
          ...written,
          message: say`${culprit.what} has a memory limit of ${measured(quantity(limit))} but no container starts with less than ${allowed(quantity(LEAST_MEMORY_LIMIT))}`,
          remedy: say`set memory.limit, e.g. ${example}`,
        },
      ];
    }
    return amount(request) <= amount(limit)
      ? []
      : [
          {
            ...written,
            rule: 'invalid-quantity',
            message: say`${culprit.what} requests ${measured(quantity(request))} of ${resource} but its limit is ${allowed(quantity(limit))}`,
            remedy: say`set ${resource}.request to at most ${quantity(limit)}`,
          },
        ];
  });
}

function quantity(value: Cpu | Size): string {
  return 'amount' in value && typeof (value as Cpu).amount === 'string'
    ? cpuQuantity(value as Cpu)
    : sizeQuantity(value as Size);
}

/** [registry[:port]/]repository[:tag][@digest], as the distribution project's reference grammar has it. */
const IMAGE_REFERENCE =
  /^([a-zA-Z0-9.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

/** What is wrong with an image reference: it must be pinned, by a tag other than latest or by a digest. */
export function imageRefusals(culprit: Culprit, image: string): Refusal[] {
  const name = image.split('@')[0]?.split('/').at(-1) ?? '';
  if (image !== '' && !IMAGE_REFERENCE.test(image)) {
    return [
      {
        ...writing(culprit, 'image'),
        message: say`${culprit.what} has image ${measured(image, JSON.stringify)} but an image is [registry/]repository:tag, the repository in lower case, with @sha256: and 64 hex digits where it has a digest`,
        remedy: say`set image, e.g. registry.example.com/app:1.4.2`,
      },
    ];
  }
  if (image.includes('@')) {
    return [];
  }
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : '';
  if (tag === '' || tag === 'latest') {
    return [
      {
        ...writing(culprit, 'image'),
        rule: 'mutable-image-tag',
        message: say`${culprit.what} has image ${measured(image, JSON.stringify)} but an image must be pinned by a tag other than latest, or by a digest`,
        remedy: say`set image, e.g. ${name.split(':')[0] || 'app'}:1.4.2`,
      },
    ];
  }
  return [];
}

/** Whole and positive replicas. */
export function replicaRefusals(culprit: Culprit, replicas: number, atLeast = 1): Refusal[] {
  return Number.isInteger(replicas) && replicas >= atLeast
    ? []
    : [
        {
          ...writing(culprit),
          message: say`${culprit.what} has ${measured(replicas)} replicas but the number must be a whole one of at least ${allowed(atLeast)}`,
          remedy: say`set replicas to ${atLeast} or more`,
        },
      ];
}

/** A time that is passed on in whole seconds. */
export function secondsRefusals(culprit: Culprit, prop: string, time: Duration): Refusal[] {
  const seconds = time.toSeconds({ integral: false });
  return Number.isSafeInteger(seconds) && seconds >= 1
    ? []
    : [
        {
          ...writing(culprit),
          message: say`${culprit.what} has a ${prop} of ${measured(seconds)} s but it must be a whole number of seconds, at least 1`,
          remedy: say`set ${prop}, e.g. Duration.seconds(60)`,
        },
      ];
}

/** Name of an IANA time zone, spelt as the time zone database has it: the JVM and ClickHouse mind the case. */
export function timeZoneRefusals(culprit: Culprit, prop: string, zone: string): Refusal[] {
  return isTimeZone(zone)
    ? []
    : [
        {
          ...writing(culprit),
          message: say`${culprit.what} has ${prop} ${measured(zone, JSON.stringify)} but only names of the IANA time zone database are known to the JVM and to ClickHouse`,
          remedy: say`set ${prop}, e.g. 'UTC' or 'Asia/Seoul'`,
        },
      ];
}

function isTimeZone(zone: string): boolean {
  if (!/^[A-Z]/.test(zone)) return false;
  try {
    const known = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone;
    return known === zone || known.toLowerCase() !== zone.toLowerCase();
  } catch {
    return false;
  }
}
