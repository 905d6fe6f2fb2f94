import { App } from 'cdk8s';
import { Construct } from 'constructs';
import { checkFit } from '../checker/capacity/check-fit';
import { nodesOf } from '../checker/capacity/node';
import { type ManifestObject, manifestObjects } from '../checker/manifest/model';
import { configMapSizeProblems } from '../checker/review/config-map-size';
import { objectNameProblems } from '../checker/review/object-names';
import { formatViolation, runRules } from '../checker/review/run';
import { clusterNodes } from './cluster/cluster-nodes';
import type { NodeGroup } from './cluster/node-group';
import { plainObjects } from './plain-objects';
import { type ExternalReference, externalReferences, referenceId } from './workload/external';

export interface SynthChecksProps {
  /**
   * The nodes that everything has to fit.
   * @default cluster.context.json where it is there, else 4 × m6i.large
   */
  readonly nodes?: NodeGroup;
}

/** What the checks say: errors refuse the synthesis, warnings do not. One sentence each, as docs/reading-errors.md reads them. */
export interface CheckResult {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Refuses an app whose manifests would not start, fit or last: the rules of lib/checker/rules, the fit of lib/checker/capacity, names
 * and sizes, over every object of the app as it would be written. It runs with the constructs' own validation, so
 * before anything is written, in tests too, and all errors come together. LakehouseChart has one; add one to any other
 * chart to have its app checked.
 *
 * @example
 * new SynthChecks(chart, 'checks', { nodes: new NodeGroup({ count: 6 }) });
 */
export class SynthChecks extends Construct {
  public readonly nodes: NodeGroup;
  /** The last objects and what was said about them: an app of several charts validates several times. */
  private last?: { readonly text: string; readonly result: CheckResult };

  constructor(scope: Construct, id: string, props: SynthChecksProps = {}) {
    super(scope, id);
    this.nodes = props.nodes ?? clusterNodes();
    this.node.addValidation({ validate: () => [...this.result.errors] });
  }

  /** What the checks say about the app as it is now. */
  public get result(): CheckResult {
    const app = App.of(this);
    const objects = plainObjects(app);
    const text = JSON.stringify(objects);
    if (this.last?.text !== text) {
      const result = check(manifestObjects(objects), this.nodes, externalReferences(app));
      this.last = { text, result };
    }
    return this.last.result;
  }
}

function check(
  objects: readonly ManifestObject[],
  nodes: NodeGroup,
  external: readonly ExternalReference[],
): CheckResult {
  const violations = runRules(objects, { external: external.map(referenceId) });
  const fit = checkFit(objects, nodesOf(nodes));
  const texts = (level: 'error' | 'warning') =>
    violations.filter(violation => violation.level === level).map(formatViolation);
  return {
    errors: [
      ...texts('error'),
      ...fit.violations.map(({ message, remedy, rule }) => `${message}; ${remedy} (rule ${rule})`),
      ...objectNameProblems(objects),
      ...configMapSizeProblems(objects),
    ],
    warnings: [
      ...texts('warning'),
      ...fit.undecided.map(
        question => `[cluster] it stayed open ${question}; npm run capacity looks further`,
      ),
    ],
  };
}
