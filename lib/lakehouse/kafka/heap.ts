import { Size } from 'cdk8s';
import type { ContainerResources } from 'cdk8s-plus-28';
import { allowed, measured, say } from '../../checker/finding/message';
import { bytesOf } from '../workload/container';
import { type Culprit, type Refusal, writing } from '../workload/refuse';

/** Of a container's memory request: what is beside the heap is the JVM's own and the page cache. */
const HEAP_SHARE = 0.5;

/**
 * With less a node of Kafka 3.9.1 ends in an OutOfMemoryError at start, measured in steps of 16 and 8 MiB: a broker's log
 * cleaner takes 128 MiB at once (log.cleaner.dedupe.buffer.size).
 */
export const LEAST_HEAP_MIB = { broker: 160, controller: 24 };

function heapMiB({ memory }: ContainerResources): number {
  return Math.floor((bytesOf(memory?.request ?? Size.mebibytes(512)) * HEAP_SHARE) / 2 ** 20);
}

/** The heap of a JVM whose container asks for these. */
export function heap(resources: ContainerResources) {
  const size = `${heapMiB(resources)}m`;
  return { xms: size, xmx: size };
}

/** What is wrong with a heap that is too small to start. */
export function heapRefusals(culprit: Culprit, resources: ContainerResources, leastMiB: number): Refusal[] {
  const mebibytes = heapMiB(resources);
  return mebibytes >= leastMiB
    ? []
    : [
        {
          ...writing(culprit, 'jvmOptions'),
          message: say`${culprit.what} has a heap of ${measured(`${mebibytes}Mi`)}, half of its memory request, but does not start with less than ${allowed(`${leastMiB}Mi`)}`,
          remedy: say`set memory.request to at least ${leastMiB / HEAP_SHARE}Mi`,
        },
      ];
}
