import { Lazy, Size } from 'cdk8s';
import { Cpu, k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { DeclaredProgram } from '../../checker/facts/declared-program';
import { imageRefusals, resourceRequirements } from './container';
import { contentHash } from './content-hash';
import { stateDataFlow } from './data-flow';
import { restrictedContainer, restrictedPod } from './pod-security';
import { imageExceptions, policyAnnotations } from './policy-exceptions';
import type { PriorityClass } from './priority-classes';
import { containerOf, refuse } from './refuse';

export interface SetupJobProps {
  /** Start of the Job's name; a hash of `content` follows. */
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** All that the Job's work depends on; asked when the chart is complete. */
  readonly content: () => unknown;
  /** The one container; it sets its image, what it runs, and what it mounts. */
  readonly container: Pick<k8s.Container, 'name' | 'command' | 'env' | 'volumeMounts'> & {
    readonly image: string;
  };
  readonly volumes: readonly k8s.Volume[];
  /** What its program does with data. @default not stated: Python in a ConfigMap is followed, other programs are not */
  readonly dataFlow?: DeclaredProgram;
  /** @default none: the pod waits like any other */
  readonly priority?: PriorityClass | undefined;
}

/**
 * A Job that brings a server to the declared state, and changes nothing when it runs again.
 *
 * It is named by its content, because a Job cannot be changed: another content is another Job. It retries for about
 * an hour and a half (20 times, at most six minutes apart), so it may start before its server.
 *
 * @example
 * new SetupJob(chart, 'schema', {
 *   name: 'clickhouse-schema',
 *   namespace: 'storage',
 *   labels: {},
 *   content: () => ({ image: 'app:1.4.2' }),
 *   container: { name: 'schema', image: 'app:1.4.2', command: ['true'] },
 *   volumes: [],
 * });
 */
export class SetupJob extends Construct {
  /** What its program does with data, where that is stated. */
  public readonly dataFlow: DeclaredProgram | undefined;

  constructor(scope: Construct, id: string, props: SetupJobProps) {
    super(scope, id);
    const { namespace, labels, container, priority } = props;
    const name = () => `${props.name}-${contentHash(JSON.stringify(props.content()))}`;
    this.dataFlow = props.dataFlow;
    stateDataFlow(this, () => ({ kind: 'Job', namespace, name: name() }), this.dataFlow);
    new k8s.KubeJob(this, 'job', {
      metadata: {
        name: Lazy.any({ produce: name }),
        namespace,
        labels,
        annotations: policyAnnotations([...imageExceptions(container.image), 'secretInEnvironment']),
      },
      spec: {
        backoffLimit: 20,
        template: {
          metadata: { labels },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            restartPolicy: 'OnFailure',
            ...(priority === undefined ? {} : { priorityClassName: priority.priorityClassName }),
            securityContext: restrictedPod(),
            containers: [
              {
                ...container,
                imagePullPolicy: 'IfNotPresent',
                resources: resourceRequirements({
                  cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
                  memory: { request: Size.mebibytes(64), limit: Size.mebibytes(128) },
                  ephemeralStorage: { request: Size.mebibytes(16), limit: Size.mebibytes(64) },
                }),
                securityContext: restrictedContainer,
              },
            ],
            volumes: [...props.volumes],
          },
        },
      },
    });
    refuse(this, () =>
      imageRefusals(containerOf({ kind: 'Job', namespace, name: name() }, container.name), container.image),
    );
  }
}
