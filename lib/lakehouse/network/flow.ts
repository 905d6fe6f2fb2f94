import type { IConstruct } from 'constructs';

/** Pods of one namespace, by their labels: one end of a connection. */
export interface Pods {
  /** What people call them. */
  readonly name: string;
  readonly namespace: string;
  /** None means every pod of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A range of addresses, without those in `except`. */
export interface AddressBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}

/** Addresses that are no pods of ours: the other end of a connection that leaves. */
export interface Addresses {
  readonly name: string;
  readonly blocks: readonly AddressBlock[];
}

/** One connection that is let through: who opens it to whom. */
export interface Flow {
  readonly from: Pods | Addresses | 'anywhere';
  readonly to: Pods | Addresses;
  /** TCP ports; none means every port. */
  readonly ports: readonly number[];
  readonly why: string;
}

/** Where something can be connected to. */
export interface Listener {
  readonly end: Pods | Addresses;
  /** TCP ports; none means every port. */
  readonly ports: readonly number[];
}

/** What pods can be connected to: a topic, a store, a database, web servers, or something of your own. */
export interface Connectable {
  readonly listeners: readonly Listener[];
}

const declared = new WeakMap<IConstruct, (() => readonly Flow[])[]>();

/** Declares connections; they are asked for when the app is complete. */
export function declareFlows(construct: IConstruct, flows: () => readonly Flow[]): void {
  declared.set(construct, [...(declared.get(construct) ?? []), flows]);
}

/**
 * Every connection that the constructs at and under a scope declare, DNS aside: what the policies let through.
 *
 * @example
 * for (const { from, to, ports } of flowsOf(lakehouse)) console.log(from, to, ports);
 */
export function flowsOf(scope: IConstruct): Flow[] {
  return scope.node.findAll().flatMap(construct => (declared.get(construct) ?? []).flatMap(flows => flows()));
}

const metrics = new WeakMap<IConstruct, Listener>();

/** Declares where a construct's pods answer Prometheus. */
export function exposeMetrics(construct: IConstruct, listener: Listener): void {
  metrics.set(construct, listener);
}

/** Where the constructs at and under a scope answer Prometheus. */
export function metricsOf(scope: IConstruct): Listener[] {
  return scope.node.findAll().flatMap(construct => metrics.get(construct) ?? []);
}

export function isPods(end: Flow['from'] | Flow['to']): end is Pods {
  return typeof end !== 'string' && 'labels' in end;
}

/** Whether an end is these pods, or more of their namespace: what holds for it holds for them. */
export function covers(end: Flow['from'] | Flow['to'], { namespace, labels }: Omit<Pods, 'name'>): boolean {
  return (
    isPods(end) &&
    end.namespace === namespace &&
    Object.entries(end.labels).every(([key, value]) => labels[key] === value)
  );
}
