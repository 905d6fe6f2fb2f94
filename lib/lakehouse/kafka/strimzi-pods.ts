import { resourceRequirements } from '../workload/container';
import { restrictedContainer } from '../workload/pod-security';
import { type PolicyExceptionName, policyAnnotations } from '../workload/policy-exceptions';
import { heap } from './heap';
import type { ClusterDescription } from './strimzi-api';

/** The user of Strimzi's images; its group is the image's own. */
const securedPod = {
  runAsNonRoot: true,
  runAsUser: 1001,
  fsGroup: 1001,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Of every pod of Strimzi's: it chooses the images by its release. */
const strimziExceptions: readonly PolicyExceptionName[] = [
  'pinnedImage',
  'imageWithoutDigest',
  'strimziUser',
  'strimziProbes',
  'strimziToken',
];

/** Of every container of Strimzi's pods. */
export const securedContainer = {
  securityContext: {
    ...restrictedContainer,
    capabilities: { drop: [...restrictedContainer.capabilities.drop] },
  },
};

/** Pods of one kind never share a node, and prefer zones that have fewer of them. */
export function podTemplate(
  cluster: ClusterDescription,
  kind: 'broker' | 'controller' | 'kafka' | 'zookeeper',
) {
  const suffix =
    kind === 'broker' || kind === 'controller'
      ? { 'strimzi.io/pool-name': kind }
      : { 'strimzi.io/name': `${cluster.name}-${kind}` };
  const labelSelector = { matchLabels: { 'strimzi.io/cluster': cluster.name, ...suffix } };
  return {
    metadata: { annotations: policyAnnotations(strimziExceptions) },
    ...(cluster.priorityClassName === undefined ? {} : { priorityClassName: cluster.priorityClassName }),
    securityContext: securedPod,
    enableServiceLinks: false,
    // A broker that is asked to stop hands over its partitions first.
    terminationGracePeriodSeconds: 120,
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: cluster.rackTopologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector,
      },
    ],
  };
}

/** The entity operator, which reconciles topics and users, and the exporter. */
export function companions(cluster: ClusterDescription) {
  const pod = {
    metadata: { annotations: policyAnnotations(strimziExceptions) },
    ...(cluster.priorityClassName === undefined ? {} : { priorityClassName: cluster.priorityClassName }),
    securityContext: securedPod,
    enableServiceLinks: false,
  };
  const operator = {
    resources: resourceRequirements(cluster.operator),
    jvmOptions: heap(cluster.operator),
  };
  return {
    entityOperator: {
      topicOperator: operator,
      ...(cluster.clientSecurity === 'plain' ? {} : { userOperator: operator }),
      template: {
        pod,
        topicOperatorContainer: securedContainer,
        ...(cluster.clientSecurity === 'plain' ? {} : { userOperatorContainer: securedContainer }),
      },
    },
    kafkaExporter: {
      topicRegex: '.*',
      groupRegex: '.*',
      resources: resourceRequirements(cluster.exporter),
      template: {
        pod,
        container: securedContainer,
      },
    },
  };
}
