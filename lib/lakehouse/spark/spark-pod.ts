import { Size } from 'cdk8s';
import type { CpuResources } from 'cdk8s-plus-28';
import { allowed, measured, say } from '../../checker/finding/message';
import type { ObjectIdentity } from '../../checker/object/object-id';
import { bytesOf, cpuQuantity, millicores, sizeQuantity } from '../workload/container';
import type { Refusal } from '../workload/refuse';

/** The size of a driver or of one executor. */
export interface SparkPodProps {
  /**
   * Tasks that run at once in the pod (Spark's `cores`). It is no CPU request when `cpu.request` is given.
   * @default 1
   */
  readonly taskSlots?: number;
  /**
   * What the scheduler keeps free for the pod, and what it may use at most; each side has its own default.
   * @default the job's (`SparkJobOptions`)
   */
  readonly cpu?: CpuResources;
  /**
   * The JVM's heap.
   * @default the job's (`SparkJobOptions`)
   */
  readonly memory?: Size;
  /**
   * Memory of the pod beside the heap: JVM metaspace and threads, network buffers, the Python process of a driver.
   * The pod requests memory + memoryOverhead, and that is its limit too.
   * @default a fifth of memory, at least Size.mebibytes(384)
   */
  readonly memoryOverhead?: Size;
}

/** A job's own figures for a pod. */
export type SparkPodDefaults = Required<Omit<SparkPodProps, 'memoryOverhead'>>;

/**
 * A pod's figures: what the caller set, and the defaults for the rest. The memory beside the heap is more than
 * Spark's tenth for a JVM and less than its 0.4 for PySpark: only the driver has a Python process, and it handles no rows.
 */
export function sparkPod(defaults: SparkPodDefaults, props: SparkPodProps = {}): Required<SparkPodProps> {
  const pod = { ...defaults, ...props, cpu: { ...defaults.cpu, ...props.cpu } };
  const fifth = Math.ceil(bytesOf(pod.memory) / 2 ** 20 / 5);
  return { ...pod, memoryOverhead: props.memoryOverhead ?? Size.mebibytes(Math.max(384, fifth)) };
}

/** A size as the JVM and Spark write it, in whole mebibytes: '2g', '384m'. */
export function jvmSize(size: Size): string {
  const mebibytes = Math.ceil(bytesOf(size) / 2 ** 20);
  return mebibytes % 1024 === 0 && mebibytes > 0 ? `${mebibytes / 1024}g` : `${mebibytes}m`;
}

/** Spark refuses to start with a heap below 450 MiB (1.5 × what it keeps for itself), and the JVM counts less than -Xmx. */
const LEAST_HEAP_MIB = 512;

export function podRefusals(
  application: ObjectIdentity,
  prop: 'driver' | 'executor',
  pod: Required<SparkPodProps>,
): Refusal[] {
  const object = `${prop} of ${application.name}`;
  const { taskSlots, cpu, memory, memoryOverhead } = pod;
  const { request, limit } = cpu;
  const empty = (
    [
      ['request', request],
      ['limit', limit],
    ] as const
  ).flatMap(([side, value]) =>
    value === undefined || millicores(value) > 0 ? [] : [[side, value] as const],
  );
  return [
    ...(Number.isSafeInteger(taskSlots) && taskSlots >= 1
      ? []
      : [
          {
            message: say`${object} has ${measured(taskSlots)} task slots but a whole number of at least 1 is allowed`,
            remedy: say`set ${prop}.taskSlots, e.g. 1`,
          },
        ]),
    ...empty.map(([side, value]) => ({
      message: say`${object} has a cpu ${side} of ${measured(cpuQuantity(value))} but it must be more than 0`,
      remedy: say`set ${prop}.cpu.${side}, e.g. Cpu.millis(500)`,
    })),
    ...(request !== undefined && limit !== undefined && millicores(request) > millicores(limit)
      ? [
          {
            rule: 'invalid-quantity',
            writes: { object: application, path: ['spec', prop, 'coreRequest'] },
            message: say`${object} requests ${measured(cpuQuantity(request))} cpu but its limit is ${allowed(cpuQuantity(limit))}`,
            remedy: say`set ${prop}.cpu.request to at most ${cpuQuantity(limit)}, or raise ${prop}.cpu.limit`,
          },
        ]
      : []),
    ...(bytesOf(memory) >= LEAST_HEAP_MIB * 2 ** 20
      ? []
      : [
          {
            message: say`${object} has a heap of ${measured(sizeQuantity(memory))} but Spark does not start with less than ${allowed(`${LEAST_HEAP_MIB}Mi`)}`,
            remedy: say`set ${prop}.memory, e.g. Size.gibibytes(1)`,
          },
        ]),
    ...(bytesOf(memoryOverhead) >= 0.1 * bytesOf(memory)
      ? []
      : [
          {
            message: say`${object} has ${measured(sizeQuantity(memoryOverhead))} beside a heap of ${sizeQuantity(memory)} but the JVM itself needs at least a tenth of it`,
            remedy: say`set ${prop}.memoryOverhead to at least ${Math.ceil((0.1 * bytesOf(memory)) / 2 ** 20)}Mi`,
          },
        ]),
  ];
}
