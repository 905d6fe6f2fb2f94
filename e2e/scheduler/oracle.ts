import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ClusterNode } from '../../lib/checker/capacity/node';
import type { Demand } from '../../lib/checker/capacity/problem';
import type { PlainObject } from '../../lib/checker/object/manifest-object';

/** A question to the Go program e2e/scheduler: see its main.go. */
export interface Question {
  readonly nodes: readonly PlainObject[];
  readonly objects: readonly PlainObject[];
  readonly pods: readonly PlainObject[];
  readonly cordoned?: readonly number[];
  readonly orders?: readonly { readonly choose: 'score' | 'any'; readonly pods: readonly number[] }[];
  readonly replays?: readonly {
    readonly placed: readonly (readonly [pod: number, node: number])[];
    readonly ask: number;
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
        objects.push(
          {
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: {
              name: volume,
              namespace: set.namespace,
              annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
            },
            spec: {
              storageClassName: 'gp3',
              accessModes: ['ReadWriteOnce'],
              volumeName: `pv-${volume}`,
              resources: { requests: { storage: '1Gi' } },
            },
            status: { phase: 'Bound' },
          },
          {
            apiVersion: 'v1',
            kind: 'PersistentVolume',
            metadata: { name: `pv-${volume}` },
            spec: {
              storageClassName: 'gp3',
              accessModes: ['ReadWriteOnce'],
              capacity: { storage: '1Gi' },
              claimRef: { namespace: set.namespace, name: volume },
              csi: { driver: 'ebs.csi.aws.com', volumeHandle: `vol-${volume}` },
              ...(zone === undefined
                ? {}
                : {
                    nodeAffinity: {
                      required: {
                        nodeSelectorTerms: [
                          {
                            matchExpressions: [
                              { key: 'topology.kubernetes.io/zone', operator: 'In', values: [zone] },
                            ],
                          },
                        ],
                      },
                    },
                  }),
            },
            status: { phase: 'Bound' },
          },
        );
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
  if (objects.length > 0) {
    objects.push(
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'gp3' },
        provisioner: 'ebs.csi.aws.com',
        volumeBindingMode: 'WaitForFirstConsumer',
      },
      ...nodes.map(node => ({
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: node.name },
        spec: {
          drivers: [
            {
              name: 'ebs.csi.aws.com',
              nodeID: node.name,
              allocatable: { count: node.allocatable.ebsVolumes },
            },
          ],
        },
      })),
    );
  }
  return {
    question: {
      nodes: nodes.map(({ name, labels, taints, allocatable }) => {
        const amounts = {
          cpu: `${allocatable.cpuMillis}m`,
          memory: String(allocatable.memoryBytes),
          pods: String(allocatable.pods),
          'ephemeral-storage': String(allocatable.ephemeralStorageBytes),
        };
        return {
          apiVersion: 'v1',
          kind: 'Node',
          metadata: { name, labels },
          spec: { taints },
          status: { allocatable: amounts, capacity: amounts },
        };
      }),
      objects,
      pods,
    },
    podsOf,
  };
}
