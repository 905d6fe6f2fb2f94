import { grouped } from '../facts/manifest-index';
import type { Rule } from '../facts/rule';
import { unreadPods } from '../facts/unread-pods';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { apiGroup, namespaceOf, podTemplates } from '../manifest/pod-templates';
import { expandPods, type PodSet } from '../manifest/pods';
import { asObjects, at, listItems, type ManifestObject, stringMap } from '../object/manifest-object';

/** Labels that a controller puts on its pods: whether there are such pods is not told by the files. */
const OF_CONTROLLERS =
  /^(statefulset\.kubernetes\.io|apps\.kubernetes\.io|batch\.kubernetes\.io|controller-uid|job-name|pod-template-hash|strimzi\.io|sparkoperator\.k8s\.io|spark-role|spark-app|clickhouse\.altinity\.com|v1\.min\.io|.*\.knative\.dev|postgres-operator\.|cnpg\.io|rollouts-pod-template-hash)/;

/** A custom resource: its operator may make pods of it with labels that no file shows. */
function isOperated(object: ManifestObject): boolean {
  const group = apiGroup(object);
  return group.includes('.') && !group.endsWith('.k8s.io') && podTemplates([object]).length === 0;
}

/** A Service that selects nothing has a name and an address, and every connection to it is refused. */
export const serviceWithoutPods: Rule = {
  id: 'service-without-pods',
  level: 'error',
  needs: ['pods'],
  refuses: 'a Service whose selector matches no pod of its namespace, or whose port none of its pods has',
  remedy: 'give the Service the labels of the pods that it stands for',
  check: model => {
    const sets = grouped(expandPods(model.objects), ({ owner }) => namespaceOf(owner));
    const unread = new Set(unreadPods(model).flatMap(({ concerns }) => concerns.map(namespaceOf)));
    const operated = new Set(model.objects.filter(isOperated).map(namespaceOf));
    return model
      .ofKind('Service')
      .filter(({ apiVersion }) => apiVersion === 'v1')
      .flatMap(service =>
        ofService(service, sets.get(namespaceOf(service)) ?? [], {
          hasUnread: unread.has(namespaceOf(service)),
          hasOperated: operated.has(namespaceOf(service)),
        }),
      );
  },
};

function ofService(
  service: ManifestObject,
  sets: readonly PodSet[],
  { hasUnread, hasOperated }: { readonly hasUnread: boolean; readonly hasOperated: boolean },
): Found[] {
  const selector = stringMap(at(service.body, 'spec', 'selector'));
  const wanted = Object.entries(selector);
  if (wanted.length === 0 || at(service.body, 'spec', 'type') === 'ExternalName') return [];
  const selected = sets.filter(({ pod }) => wanted.every(([key, value]) => pod.labels[key] === value));
  if (selected.length > 0) return namedPorts(service, selected);
  // Pods of its namespace that the files do not show, or labels that a controller gives, may be what it is for.
  const isOpen =
    sets.length === 0 ||
    wanted.some(([key]) => OF_CONTROLLERS.test(key)) ||
    wanted.some(([, value]) => /[${}]/.test(value)) ||
    hasUnread;
  if (isOpen) return [];
  const near = sets
    .map(({ owner, pod }) => ({
      owner,
      labels: pod.labels,
      shared: wanted.filter(([key]) => pod.labels[key] !== undefined).length,
    }))
    .toSorted((left, right) => right.shared - left.shared)[0];
  if (near === undefined) return [];
  const shown = (labels: Readonly<Record<string, string>>) =>
    Object.entries(labels)
      .map(([key, value]) => `${key}: ${value}`)
      .join(', ') || 'no labels';
  const isNear = near.shared > 0;
  // Operators give their pods the labels that Kubernetes recommends, and few of their own.
  const isGeneric = wanted.every(([key]) => key.startsWith('app.kubernetes.io/'));
  if (hasOperated && (!isNear || isGeneric)) return [];
  return [
    {
      place: { object: service, path: ['spec', 'selector'] },
      // Where no pod has a label of that name at all, the pods may come from somewhere else.
      level: isNear ? 'error' : 'warning',
      message: say`Service ${service.metadata.name} selects ${measured(shown(selector))}, which no pod of namespace ${namespaceOf(service)} has; nearest is ${near.owner.kind} ${near.owner.metadata.name} with ${allowed(shown(isNear ? Object.fromEntries(Object.entries(near.labels).filter(([key]) => selector[key] !== undefined)) : near.labels))}`,
      concerns: [near.owner],
    },
  ];
}

/** A port by name has to be one that a pod calls so. */
function namedPorts(service: ManifestObject, selected: readonly PodSet[]): Found[] {
  const names = new Set(
    selected.flatMap(({ pod }) =>
      [...pod.spec.containers, ...pod.spec.initContainers].flatMap(container =>
        asObjects(container['ports']).map(({ name }) => String(name)),
      ),
    ),
  );
  // Operators name the ports of their pods.
  if (selected.some(({ owner }) => owner.apiVersion.includes('.') && !owner.apiVersion.startsWith('apps')))
    return [];
  return listItems(at(service.body, 'spec', 'ports')).flatMap(([port, index]): Found[] => {
    const target = at(port, 'targetPort');
    if (typeof target !== 'string' || /^\d+$/.test(target) || names.has(target) || /[${}]/.test(target))
      return [];
    return [
      {
        place: { object: service, path: ['spec', 'ports', index, 'targetPort'] },
        message: say`Service ${service.metadata.name} sends to port ${measured(target, quote)}, which no container of ${selected[0]?.owner.kind ?? ''} ${selected[0]?.owner.metadata.name ?? ''} has${names.size === 0 ? '; its ports have no names' : say`; there are ${allowed(listed([...names].sort()))}`}`,
        remedy: say`name a port of the container, or give its number`,
        concerns: selected.map(({ owner }) => owner),
      },
    ];
  });
}
