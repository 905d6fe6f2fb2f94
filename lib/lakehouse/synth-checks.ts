import { App } from 'cdk8s';
import { Construct } from 'constructs';
import type { ClusterService } from '../checker/capacity/cluster-services';
import { nodesOf } from '../checker/capacity/node';
import { formatNote } from '../checker/finding/note';
import { line, lines, type Wording } from '../checker/finding/reporter';
import { manifestObjects } from '../checker/object/manifest-object';
import { objectId } from '../checker/object/object-id';
import { type Review, review } from '../checker/review/review';
import { clusterNodes } from './cluster/cluster-nodes';
import type { NodeGroup } from './cluster/node-group';
import { plainObjects } from './plain-objects';
import { dataFlowsOf } from './workload/data-flow';
import { externalReferences } from './workload/external';
import { refusalsOf, wordingOf } from './workload/refuse';

export interface SynthChecksProps {
  /**
   * The nodes that everything has to fit.
   * @default cluster.context.json where it is there, else 4 × m6i.large
   */
  readonly nodes?: NodeGroup;
  /**
   * What runs in the cluster beside the app's objects.
   * @default what `cdk8s-lakehouse check` counts: the add-ons of every EKS cluster, the operators of the custom
   * resources, and what Argo CD Applications install
   */
  readonly services?: readonly ClusterService[];
}

/**
 * Refuses an app whose manifests would not start, fit or last: the gate of lib/checker/review, over every object of the
 * app as it would be written. It runs with the constructs' own validation, so before anything is written, in tests too,
 * and all errors come together. LakehouseChart has one; add one to any other chart to have its app checked.
 *
 * @example
 * new SynthChecks(chart, 'checks', { nodes: new NodeGroup({ count: 6 }) });
 */
export class SynthChecks extends Construct {
  public readonly nodes: NodeGroup;
  public readonly services: readonly ClusterService[] | undefined;
  /** The last objects and what was said about them: an app of several charts validates several times. */
  private last?: { readonly text: string; readonly review: Review };

  constructor(scope: Construct, id: string, props: SynthChecksProps = {}) {
    super(scope, id);
    this.nodes = props.nodes ?? clusterNodes();
    this.services = props.services;
    this.node.addValidation({ validate: () => this.errors() });
  }

  /**
   * What is wrong with the app as it is now, what its constructs refuse included.
   * @internal
   */
  public get review(): Review {
    const app = App.of(this);
    const objects = plainObjects(app);
    const stated = app.node.findAll().flatMap(refusalsOf);
    const text = JSON.stringify([objects, stated.map(finding => line(finding))]);
    if (this.last?.text !== text) {
      const { services } = this;
      const found = review(manifestObjects(objects), {
        nodes: { list: nodesOf(this.nodes), source: 'the chart', areDescribed: true },
        external: externalReferences(app).map(objectId),
        programs: dataFlowsOf(app),
        stated,
        areOperatorsPinned: true,
        ...(services === undefined ? {} : { services }),
      });
      this.last = { text, review: found };
    }
    return this.last.review;
  }

  /**
   * How the app's constructs call what they write.
   * @internal
   */
  public get wording(): Wording {
    return wordingOf(App.of(this));
  }

  /** The constructs say their own. */
  private errors(): string[] {
    const own = this.review.findings.filter(
      ({ level, place }) => level === 'error' && !('construct' in place),
    );
    return lines(own, this.wording);
  }
}

/** What the checks of an app did not understand, a line each. */
export function notesIn(app: App): string[] {
  return [
    ...new Set(
      app.node
        .findAll()
        .filter(node => node instanceof SynthChecks)
        .flatMap(({ review }) => review.notes.map(formatNote)),
    ),
  ];
}
