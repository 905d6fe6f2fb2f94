import type { IConstruct } from 'constructs';

const makers = new WeakMap<IConstruct, (namespace: string) => unknown>();

/** Says who makes the namespaces that constructs of the app need. */
export function makeNeededNamespaces(construct: IConstruct, make: (namespace: string) => unknown): void {
  makers.set(construct, make);
}

/**
 * Says that a construct has pods in a namespace. The chart around it makes the namespace, or where there is none, the one
 * that the app has; where nobody makes namespaces, the program does.
 */
export function needNamespace({ node }: IConstruct, namespace: string): void {
  const maker = [...node.scopes.toReversed(), ...node.root.node.findAll()].find(scope => makers.has(scope));
  if (maker !== undefined) makers.get(maker)?.(namespace);
}
