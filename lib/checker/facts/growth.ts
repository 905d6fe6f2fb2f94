import { apiGroup, declaredContainers } from '../manifest/pod-templates';
import { asObjects, at } from '../object/manifest-object';
import type { ManifestIndex } from './manifest-index';

/** What adds nodes when pods wait, by the API groups of Karpenter, Cluster API and the clouds' own operators. */
const NODE_MAKERS: Readonly<Record<string, readonly string[]>> = {
  'karpenter.sh': ['NodePool', 'Provisioner'],
  'autoscaling.openshift.io': ['ClusterAutoscaler', 'MachineAutoscaler'],
};

/** The object by which the cluster gets further nodes, whatever nodes are described: 'NodePool default'. */
export function nodeMaker(index: ManifestIndex): string | undefined {
  const maker = index.objects.find(object => NODE_MAKERS[apiGroup(object)]?.includes(object.kind) === true);
  if (maker !== undefined) return `${maker.kind} ${maker.metadata.name}`;
  const scaled = index
    .ofKind('MachineDeployment', 'MachinePool', 'MachineSet')
    .find(({ metadata }) =>
      Object.keys(metadata.annotations ?? {}).some(key =>
        key.endsWith('cluster-api-autoscaler-node-group-max-size'),
      ),
    );
  if (scaled !== undefined) return `${scaled.kind} ${scaled.metadata.name}`;
  const template = index.templates.find(candidate =>
    declaredContainers(candidate).some(({ container }) =>
      /(^|\/)cluster-autoscaler(:|@|$)/.test(String(container['image'] ?? '')),
    ),
  );
  if (template !== undefined) return `${template.object.kind} ${template.object.metadata.name}`;
  const chart = index
    .ofKind('Application', 'HelmRelease')
    .find(({ body }) =>
      [
        at(body, 'spec', 'source'),
        ...asObjects(at(body, 'spec', 'sources')),
        at(body, 'spec', 'chart', 'spec'),
      ].some(source => ['cluster-autoscaler', 'karpenter'].includes(String(at(source, 'chart')))),
    );
  return chart === undefined ? undefined : `${chart.kind} ${chart.metadata.name}`;
}
