/** What tells one workload's pods from all others; immutable in a cluster, so it names no version and no hash. */
export function selectorLabels(name: string, instance: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': instance };
}

/** The labels of an object: its selector, its place in the system, and what made it. */
export function objectLabels(name: string, instance: string, component: string): Record<string, string> {
  return {
    ...selectorLabels(name, instance),
    'app.kubernetes.io/component': component,
    'app.kubernetes.io/part-of': 'lakehouse',
    'app.kubernetes.io/managed-by': 'cdk8s',
  };
}
