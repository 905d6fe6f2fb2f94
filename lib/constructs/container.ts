import type { Size } from 'cdk8s';
import { SizeRoundingBehavior } from 'cdk8s';
import { type ContainerResources, type Cpu, k8s } from 'cdk8s-plus-28';

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

function millicores(cpu: Cpu): number {
  return cpu.amount.endsWith('m') ? Number(cpu.amount.slice(0, -1)) : Number(cpu.amount) * 1000;
}

/** What is wrong with the figures of a container; `object` names it and its workload. */
export function resourceProblems(object: string, resources: ContainerResources): string[] {
  const sides = [
    ['cpu', 'Cpu.millis(500)', resources.cpu, (value: Cpu | Size) => millicores(value as Cpu)],
    ['memory', 'Size.mebibytes(512)', resources.memory, (value: Cpu | Size) => bytesOf(value as Size)],
  ] as const;
  return sides.flatMap(([resource, example, figures, amount]) => {
    const missing = (['request', 'limit'] as const).filter(side => figures?.[side] === undefined);
    if (missing.length > 0) {
      return missing.map(
        side =>
          `${object} has no ${resource} ${side} but every container needs one; set ${resource}.${side}, e.g. ${example} (rule container-without-limits)`,
      );
    }
    const { request, limit } = figures as { request: Cpu | Size; limit: Cpu | Size };
    return amount(request) <= amount(limit)
      ? []
      : [
          `${object} requests ${quantity(request)} of ${resource} but its limit is ${quantity(limit)}; set ${resource}.request to at most ${quantity(limit)}`,
        ];
  });
}

function quantity(value: Cpu | Size): string {
  return 'amount' in value && typeof (value as Cpu).amount === 'string'
    ? cpuQuantity(value as Cpu)
    : sizeQuantity(value as Size);
}

/** What is wrong with an image reference: it must be pinned, by a tag other than latest or by a digest. */
export function imageProblems(object: string, image: string): string[] {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) {
    return [];
  }
  const name = image.split('@')[0]?.split('/').at(-1) ?? '';
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : '';
  if (tag === '' || tag === 'latest') {
    return [
      `${object} has image ${JSON.stringify(image)} but an image must be pinned by a tag other than latest, or by a digest; set image, e.g. ${name.split(':')[0] || 'app'}:1.4.2 (rule mutable-image-tag)`,
    ];
  }
  return [];
}

/** What is wrong with a name of an object: a DNS label, because Services and pods are named after it. */
export function nameProblems(object: string, name: string): string[] {
  return /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)
    ? []
    : [
        `${object} has name ${JSON.stringify(name)} but a name is 1 to 63 of a-z, 0-9 and '-', begins with a letter and does not end with '-'; rename it`,
      ];
}

/** Whole and positive replicas. */
export function replicaProblems(object: string, replicas: number, atLeast = 1): string[] {
  return Number.isInteger(replicas) && replicas >= atLeast
    ? []
    : [
        `${object} has ${replicas} replicas but the number must be a whole one of at least ${atLeast}; set replicas to ${atLeast} or more`,
      ];
}
