/** Why a check of a policy tool does not hold for an object. The checks are kube-score's and checkov's own names. */
export interface PolicyException {
  readonly checks: readonly string[];
  /** One sentence without '=', at which checkov would cut it. */
  readonly reason: string;
}

/** Every exception there is; docs/policy.md is generated from them (`npm run docs:policy`). */
export const policyExceptions = {
  pinnedImage: {
    checks: ['container-image-pull-policy'],
    reason:
      'the image is pinned, so pulling it again gives the same one, and a pod must restart when the registry is away',
  },
  imageWithoutDigest: {
    checks: ['CKV_K8S_15', 'CKV_K8S_43'],
    reason: 'pinned by the tag of a release: no digest of it is known that several sources agree on',
  },
  secretInEnvironment: {
    checks: ['CKV_K8S_35'],
    reason:
      'the variable refers to one key of a Secret, and the container runs one program under one user, who could read a file as well',
  },
  defaultNamespace: {
    checks: ['CKV_K8S_21'],
    reason:
      'the running jobs are in default; it is as restricted as the other namespaces, and namespace is a prop',
  },
  sparkUser: {
    checks: ['container-security-context-user-group-id', 'CKV_K8S_40'],
    reason: 'the image of Spark is built for its user 185, and the JVM needs a user that has a name',
  },
  sparkProbes: {
    checks: ['CKV_K8S_8', 'CKV_K8S_9'],
    reason:
      'SparkApplication has no probes and nothing is routed to the pod: the driver replaces executors that send no heartbeat, the operator restarts the driver',
  },
  sparkDriverToken: {
    checks: ['CKV_K8S_38'],
    reason: 'the driver makes its executors through the API server, with a Role for that alone',
  },
  strimziUser: {
    checks: ['container-security-context-user-group-id', 'CKV_K8S_40'],
    reason: 'the images of Strimzi are built for their user 1001, which owns what they write',
  },
  strimziProbes: {
    checks: ['CKV_K8S_8', 'CKV_K8S_9'],
    reason: 'the operator of Strimzi gives every container probes of its own, which no resource states',
  },
  strimziToken: {
    checks: ['CKV_K8S_38'],
    reason:
      'the operator of Strimzi mounts it and no resource can say otherwise: brokers ask for the zone of their node, the entity operator reads topics',
  },
  oneProbePath: {
    checks: ['pod-probes-identical'],
    reason:
      'one ClickHouse has one sign of health; its probes differ in patience: it is taken from the Service in half a minute and restarted after three',
  },
  oneGrafana: {
    checks: ['deployment-replicas', 'deployment-strategy'],
    reason:
      'Grafana keeps its sessions in the pod, so two would not agree; while the one is replaced nobody sees dashboards and nothing is lost',
  },
  podsOfAnotherChart: {
    checks: ['networkpolicy-targets-pod'],
    reason: 'the pods come with the Helm chart of Prometheus, which is not in these manifests',
  },
} as const satisfies Record<string, PolicyException>;

export type PolicyExceptionName = keyof typeof policyExceptions;

/** Beside kube-score's annotation, which has no room for a reason. */
const REASON_PREFIX = 'cdk8s-lakehouse/policy-';

/**
 * The annotations by which kube-score and checkov leave an object alone in exactly these points, with the reasons.
 * They belong on the object, or on the pod template of a custom resource.
 */
export function policyAnnotations(names: readonly PolicyExceptionName[]): Record<string, string> {
  const skips = [...new Set(names)].flatMap(name => {
    const { checks, reason }: PolicyException = policyExceptions[name];
    return checks.map(check => ({ check, reason }));
  });
  const checkov = skips.filter(({ check }) => check.startsWith('CKV_'));
  const kubeScore = skips.filter(({ check }) => !check.startsWith('CKV_'));
  return {
    ...(kubeScore.length === 0 ? {} : { 'kube-score/ignore': kubeScore.map(({ check }) => check).join(',') }),
    ...Object.fromEntries(kubeScore.map(({ check, reason }) => [`${REASON_PREFIX}${check}`, reason])),
    ...Object.fromEntries(
      checkov.map(({ check, reason }, index) => [`checkov.io/skip${index + 1}`, `${check}=${reason}`]),
    ),
  };
}

/** Without what policyAnnotations() gave: the object as the tools would see it with no exception. */
export function withoutPolicyAnnotations(
  annotations: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) => !/^(kube-score\/|checkov\.io\/)/.test(key) && !key.startsWith(REASON_PREFIX),
    ),
  );
}

/** What holds for any pod with this image. */
export function imageExceptions(image: string): PolicyExceptionName[] {
  return image.includes('@sha256:') ? ['pinnedImage'] : ['pinnedImage', 'imageWithoutDigest'];
}

/** What holds for any object in this namespace. */
export function namespaceExceptions(namespace: string): PolicyExceptionName[] {
  return namespace === 'default' ? ['defaultNamespace'] : [];
}
