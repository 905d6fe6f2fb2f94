import { operators } from '../versions';
import type { Pods } from './flow';

/** The server of Prometheus' chart. */
export const PROMETHEUS: Pods = {
  name: 'prometheus',
  namespace: operators.prometheus.namespace,
  labels: { 'app.kubernetes.io/name': 'prometheus', 'app.kubernetes.io/component': 'server' },
};

/** What Prometheus' chart brings beside it: the state of objects as metrics. */
export const STATE_METRICS: Pods = {
  name: 'kube-state-metrics',
  namespace: operators.prometheus.namespace,
  labels: { 'app.kubernetes.io/name': 'kube-state-metrics' },
};

export const STRIMZI_OPERATOR: Pods = {
  name: 'strimzi operator',
  namespace: operators.strimzi.namespace,
  labels: { 'strimzi.io/kind': 'cluster-operator' },
};

/** Pods of charts of others that the app's pods talk with. Where their namespace denies by default, they need policies too. */
export const neighbours: readonly Pods[] = [PROMETHEUS, STATE_METRICS, STRIMZI_OPERATOR];
