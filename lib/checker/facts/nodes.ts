import { type InstanceType, instanceTypes } from '../capacity/instance-types';
import { type ClusterNode, nodesOf } from '../capacity/node';
import { apiGroup } from '../manifest/pod-templates';
import { asObjects, at, type ManifestObject, stringMap } from '../object/manifest-object';

/** The nodes that a set has to fit, and who says so. */
export interface FitNodes {
  readonly list: readonly ClusterNode[];
  /** e.g. 'default', '--nodes', 'nodes.yaml' */
  readonly source: string;
  /** Whether labels, taints and zones are known too. */
  readonly areDescribed: boolean;
  /** Whether nobody named any: what does not fit them proves nothing. @default false */
  readonly areAssumed?: boolean;
}

/** 4 × m6i.large: the cluster that this project is built for. */
export const DEFAULT_NODES = '4xm6i.large';

/** '4xm6i.large,2xm6i.xlarge' as nodes; a sentence about what is wrong with it otherwise. */
export function parseNodes(text: string): { readonly nodes: ClusterNode[] } | { readonly error: string } {
  const nodes: ClusterNode[] = [];
  for (const [index, part] of text.split(',').entries()) {
    const match = /^\s*(\d+)\s*[x×*]\s*([a-z][a-z0-9-]*\.[a-z0-9-]+)\s*$/.exec(part);
    if (match === null)
      return { error: `"${part}" is no number of nodes of an instance type; write e.g. ${DEFAULT_NODES}` };
    const count = Number(match[1]);
    const type = typeOf(match[2] ?? '');
    if (type === undefined)
      return {
        error: `instance type "${match[2]}" is not in the table; known are ${instanceTypes.map(({ name }) => name).join(', ')}`,
      };
    if (count < 1 || count > 1000) return { error: `${count} nodes are out of range; 1 to 1000 are allowed` };
    nodes.push(...nodesOf({ name: `group-${index + 1}`, instanceType: type, count }));
  }
  return { nodes };
}

/** The nodes that files describe: eksctl's ClusterConfig. Undefined when they describe none that is known. */
export function describedNodes(objects: readonly ManifestObject[]): FitNodes | undefined {
  for (const object of objects) {
    if (object.kind !== 'ClusterConfig' || apiGroup(object) !== 'eksctl.io') continue;
    const groups = ['nodeGroups', 'managedNodeGroups'].flatMap(key => asObjects(object.body[key]));
    const nodes = groups.flatMap(group => {
      const type = typeOf(String(group['instanceType'] ?? 'm5.large'));
      const desired = Number(group['desiredCapacity'] ?? group['minSize'] ?? 2);
      // An autoscaler takes a group up to its largest size, and no further.
      const count = Math.max(desired, Number(group['maxSize'] ?? desired));
      if (type === undefined || !Number.isSafeInteger(count) || count < 1) return [];
      const zones = Array.isArray(group['availabilityZones']) ? group['availabilityZones'].map(String) : [];
      return nodesOf({
        name: String(group['name'] ?? 'nodes'),
        instanceType: type,
        count,
        labels: stringMap(group['labels']),
        taints: asObjects(group['taints']).flatMap(({ key, value, effect }) =>
          typeof key === 'string' &&
          (effect === 'NoSchedule' || effect === 'NoExecute' || effect === 'PreferNoSchedule')
            ? [{ key, effect, ...(value === undefined ? {} : { value: String(value) }) }]
            : [],
        ),
        ...(zones.length === 0 ? {} : { zones }),
        ...(typeof group['volumeSize'] === 'number'
          ? { rootVolumeGiB: group['volumeSize'] }
          : { rootVolumeGiB: 80 }),
      });
    });
    const known = groups.every(group => typeOf(String(group['instanceType'] ?? 'm5.large')) !== undefined);
    if (nodes.length > 0 && known)
      return {
        list: nodes,
        source: object.source?.file ?? String(at(object.body, 'metadata', 'name')),
        areDescribed: true,
      };
  }
  return undefined;
}

function typeOf(name: string): InstanceType | undefined {
  return instanceTypes.find(type => type.name === name);
}
