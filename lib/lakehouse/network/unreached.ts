import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import { asObject, asObjects, at } from '../../checker/object/manifest-object';
import type { Refusal } from '../workload/refuse';
import { covers, type Flow, flowsOf, isPods, type Pods } from './flow';
import { neighbours } from './neighbours';

/** What leads to pods from outside although no flow lets it in: it would be taken, and answer with a timeout. */
export function unreachedRefusals(scope: IConstruct, pods: Pods, workloads: readonly Pods[]): Refusal[] {
  const { namespace, labels } = pods;
  const objects = objectsOf(scope, namespace);
  const leading = objects.filter(({ kind }) => kind === 'Ingress' || kind === 'HTTPRoute');
  if (leading.length === 0) return [];
  const services = objects
    .filter(({ kind }) => kind === 'Service')
    .filter(service => {
      const selector = Object.entries(asObject(at(service.toJson(), 'spec', 'selector')));
      return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
    })
    .map(({ name }) => name);
  const known = [...neighbours, ...workloads];
  const isFromOutside = ({ from }: Flow) =>
    !isPods(from) ||
    !known.some(other => other.namespace === from.namespace && isSame(other.labels, from.labels));
  const lets = flowsOf(scope.node.root).some(flow => covers(flow.to, pods) && isFromOutside(flow));
  return leading
    .filter(object => !lets && backendsOf(object).some(name => services.includes(name)))
    .map(({ kind, name }) => ({
      message: say`${measured(`${kind}/${namespace}/${name}`)} leads to the pods of ${pods.name} but only ${allowed('declared flows')} are let through to them, and none is from its controller`,
      remedy: say`set the prop ingress in its place, or let the controller in, e.g. pods.acceptFrom({ name: 'ingress', namespace: 'ingress-nginx', labels: {} }, [3000], 'people read it')`,
    }));
}

function isSame(some: Pods['labels'], others: Pods['labels']): boolean {
  const entries = Object.entries(some);
  return (
    entries.length === Object.keys(others).length && entries.every(([key, value]) => others[key] === value)
  );
}

function objectsOf(scope: IConstruct, namespace: string): ApiObject[] {
  return scope.node.root.node
    .findAll()
    .filter(node => ApiObject.isApiObject(node))
    .map(node => node as ApiObject)
    .filter(({ metadata }) => metadata.namespace === namespace);
}

/** Names of the Services that an Ingress or HTTPRoute leads to. */
function backendsOf(object: ApiObject): string[] {
  const spec = at(object.toJson(), 'spec');
  const names = [
    at(spec, 'defaultBackend', 'service', 'name'),
    ...asObjects(at(spec, 'rules')).flatMap(rule => [
      ...asObjects(at(rule, 'http', 'paths')).map(path => at(path, 'backend', 'service', 'name')),
      ...asObjects(rule['backendRefs']).map(to => to['name']),
    ]),
  ];
  return names.filter(name => typeof name === 'string');
}
