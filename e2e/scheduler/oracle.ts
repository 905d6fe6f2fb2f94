import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ClusterNode } from '../../lib/checker/capacity/node';
import type { Demand } from '../../lib/checker/capacity/problem';
import type { PlainObject } from '../../lib/checker/object/manifest-object';
import { apiNodes, boundVolume, volumeLimits } from './api-objects';

/** Pods in the order of their arrival, and whether each gets the node that scores best or any that takes it. */
export interface Arrival {
  readonly choose: 'score' | 'any';
  readonly pods: readonly number[];
}

/** A question to the Go program e2e/scheduler: see its main.go. */
export interface Question {
  readonly nodes: readonly PlainObject[];
  readonly objects: readonly PlainObject[];
  readonly pods: readonly PlainObject[];
  readonly cordoned?: readonly number[];
  readonly orders?: readonly Arrival[];
  readonly replays?: readonly {
    readonly placed: readonly (readonly [pod: number, node: number])[];
    readonly ask: number;
    /** Each lets pods that are left arrive after those that are placed. */
    readonly then?: readonly Arrival[];
  }[];
  readonly seed?: number;
  readonly trace?: boolean;
}

/** One pod's turn: the nodes that passed every filter, and the one it got ('' when none). */
export interface TraceStep {
  readonly pod: number;
  readonly nodes: readonly string[] | null;
  readonly on: string;
}

export interface Answer {
  readonly pending: readonly (readonly number[])[] | null;
  readonly asked:
    | readonly {
        readonly nodes: readonly string[] | null;
        readonly nominated: string;
        /** For each order of `then`, the pods that found no node. */
        readonly pending?: readonly (readonly number[])[];
        readonly error?: string;
      }[]
    | null;
  readonly error?: string;
  readonly traces?: readonly (readonly TraceStep[])[];
}

/** The running program; questions are answered in turn. */
export class SchedulerOracle {
  private readonly waiting: {
    readonly resolve: (answer: Answer) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  private readonly process: ChildProcessByStdio<Writable, Readable, null>;

  constructor(binary: string) {
    // detached: a signal to the group of the comparison does not end the program before its last answer;
    // it ends with its standard input
    this.process = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    createInterface({ input: this.process.stdout }).on('line', line =>
      this.waiting.shift()?.resolve(JSON.parse(line)),
    );
    this.process.once('exit', (code, signal) => {
      for (const { reject } of this.waiting.splice(0))
        reject(new Error(`the scheduler ended (${signal ?? code}) before it answered`));
    });
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  stop(): void {
    this.process.stdin.end();
  }
}

/** Nodes, volumes and pods as the API server would hold them; pods in the order of the demands. */
export function asApiObjects(
  nodes: readonly ClusterNode[],
  demands: readonly Demand[],
): {
  readonly question: Pick<Question, 'nodes' | 'objects' | 'pods'>;
  readonly podsOf: readonly (readonly number[])[];
} {
  const pods: PlainObject[] = [];
  const objects: PlainObject[] = [];
  const podsOf = demands.map(({ set, count, zone }) =>
    Array.from({ length: count }, (_, replica) => {
      const name = `${set.name}-${replica}`;
      const metadata = { name, namespace: set.namespace };
      const claims = set.volumeClaims.map(claim => {
        const volume = `${name}-${claim.name}`;
        objects.push(...boundVolume(set.namespace, volume, zone));
        return { name: `claim-${claim.name}`, persistentVolumeClaim: { claimName: volume } };
      });
      const { volumes: _declared, ...spec } = set.pod.spec;
      pods.push({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...metadata, labels: set.pod.labels },
        spec: {
          ...spec,
          priorityClassName: undefined,
          priority: set.priority,
          preemptionPolicy: set.preempts ? 'PreemptLowerPriority' : 'Never',
          volumes: claims,
        },
      });
      return pods.length - 1;
    }),
  );
  if (objects.length > 0) objects.push(...volumeLimits(nodes));
  return {
    question: {
      nodes: apiNodes(nodes),
      objects,
      pods,
    },
    podsOf,
  };
}
