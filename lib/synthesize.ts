import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ApiObject, App, Yaml } from 'cdk8s';
import { SynthChecks } from './checks/synth-checks';

/** Every problem of an app, in the words of docs/reading-errors.md. */
export class SynthError extends Error {
  constructor(public readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SynthError';
  }
}

/**
 * Runs a program that describes an app, and writes its manifests into $CDK8S_OUTDIR, or dist/.
 *
 * What is wrong is printed to stderr, all of it, and nothing is written: exit code 1. Warnings are printed too.
 *
 * @example
 * synthesize(app => {
 *   new LakehouseChart(app, 'lakehouse');
 * });
 */
export function synthesize(describe: (app: App) => void): void {
  try {
    const app = new App();
    describe(app);
    const { warnings } = writeManifests(app, process.env['CDK8S_OUTDIR'] ?? 'dist');
    for (const warning of warnings) console.error(`warning: ${warning}`);
  } catch (error) {
    const problems = error instanceof SynthError ? error.problems : [message(error)];
    for (const problem of problems) console.error(`error: ${problem}`);
    console.error(`${problems.length} error${problems.length === 1 ? '' : 's'}; nothing was written`);
    process.exitCode = 1;
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes the manifests of an app. Throws a SynthError, and writes nothing, when a validation refuses it. */
export function writeManifests(app: App, folder: string): { readonly warnings: readonly string[] } {
  const nodes = app.node.findAll();
  const problems = nodes.flatMap(node =>
    node.node
      .validate()
      .map(problem => (problem.startsWith('[') ? problem : `[${node.node.path}] ${problem}`)),
  );
  if (problems.length > 0) throw new SynthError([...new Set(problems)]);
  for (const [file, objects] of manifestFiles(app)) {
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    Yaml.save(target, [...objects]);
  }
  return {
    warnings: nodes.filter(node => node instanceof SynthChecks).flatMap(({ result }) => result.warnings),
  };
}

interface PlainApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/**
 * The objects of an app by file, so that `kubectl apply -f dist/`, which goes by file name, makes each thing after
 * what it needs: first what belongs to no namespace, then one file a namespace in the order of the Namespace
 * objects; inside a file by kind. ArgoCD's own objects are for another cluster or namespace: they have a folder,
 * which kubectl leaves alone.
 */
export function manifestFiles(app: App): ReadonlyMap<string, readonly PlainApiObject[]> {
  const objects = app.node
    .findAll()
    .filter(ApiObject.isApiObject)
    .map(object => (object as ApiObject).toJson() as PlainApiObject);
  const isArgoCd = ({ apiVersion }: PlainApiObject) => apiVersion.startsWith('argoproj.io/');
  const here = objects.filter(object => !isArgoCd(object));
  const namespaces = [
    ...new Set([
      ...here.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name),
      ...here.flatMap(({ metadata }) => metadata.namespace ?? []),
    ]),
  ];
  const groups: [string, readonly PlainApiObject[]][] = [
    ['00-cluster', here.filter(({ metadata }) => metadata.namespace === undefined)],
    ...namespaces.map((namespace, index): [string, readonly PlainApiObject[]] => [
      `${String(index + 1).padStart(2, '0')}-${namespace}`,
      here.filter(({ metadata }) => metadata.namespace === namespace),
    ]),
    ['argocd/applications', objects.filter(isArgoCd)],
  ];
  return new Map(
    groups
      .filter(([, members]) => members.length > 0)
      .map(([name, members]) => [
        `${name}.k8s.yaml`,
        members.toSorted((left, right) => kindRank(left) - kindRank(right)),
      ]),
  );
}

/** What has to be there before workloads are; every other kind comes after these, in the order of construction. */
const KINDS_FIRST = [
  'Namespace',
  'PriorityClass',
  'StorageClass',
  'AppProject',
  'ResourceQuota',
  'LimitRange',
  'NetworkPolicy',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'PodDisruptionBudget',
  'Service',
];

function kindRank({ kind }: PlainApiObject): number {
  const rank = KINDS_FIRST.indexOf(kind);
  return rank === -1 ? KINDS_FIRST.length : rank;
}
