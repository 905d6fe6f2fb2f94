import { Size } from 'cdk8s';
import {
  CLUSTER_CONTEXT_FILE,
  type ClusterContext,
  contextNodes,
  readClusterContext,
} from '../../checker/eks/cluster-context';
import { NodeGroup, type NodeGroupProps } from './node-group';

/** The nodes that a context describes, for a chart. @throws for an instance type that is not in the table */
export function nodeGroupProps(context: ClusterContext): NodeGroupProps {
  const { rootVolumeGiB: _, ...shape } = contextNodes(context);
  return { ...shape, rootVolume: Size.gibibytes(context.diskSizeGiB) };
}

/** The nodes of the committed context, else the default NodeGroup: what the chart has to fit when it is told nothing. */
export function clusterNodes(file: string = CLUSTER_CONTEXT_FILE): NodeGroup {
  const context = readClusterContext(file);
  return new NodeGroup(context === undefined ? {} : nodeGroupProps(context));
}
