import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type App, Yaml } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { describedObjects, type PlainApiObject, plainObjects } from './plain-objects';
import { SynthChecks } from './synth-checks';

/**
 * Writes the manifests of an app, and returns the warnings of its checks. Throws one Error with every problem, a line
 * each, and writes nothing, when the app is refused. The app is locked: it is complete.
 *
 * @example
 * for (const warning of writeManifests(app, 'dist')) console.warn(warning);
 */
export function writeManifests(app: App, folder: string): readonly string[] {
  const warnings = validateApp(app);
  for (const [file, objects] of manifestFiles(app)) {
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    Yaml.save(target, [...objects]);
  }
  return warnings;
}

/** Refuses an app as writeManifests() does, and writes nothing. Returns the warnings of its checks. */
export function validateApp(app: App): readonly string[] {
  app.node.lock();
  describedObjects(app);
  const nodes = app.node.findAll();
  const problems = problemsOf(nodes);
  if (problems.size > 0) {
    const count = problems.size === 1 ? '1 error' : `${problems.size} errors`;
    throw new Error([...problems, `${count}, nothing was written`].join('\n'));
  }
  return nodes.filter(node => node instanceof SynthChecks).flatMap(({ result }) => result.warnings);
}

/**
 * Every problem once. What a construct says about an object under a rule's name names the prop; the rule itself, which
 * sees the same mistake in the object that came of it, is left out.
 */
function problemsOf(nodes: readonly IConstruct[]): ReadonlySet<string> {
  const said = ({ node }: IConstruct) =>
    node.validate().map(problem => (problem.startsWith('[') ? problem : `[${node.path}] ${problem}`));
  const isCheck = (node: IConstruct) => node instanceof SynthChecks;
  const own = nodes.filter(node => !isCheck(node)).flatMap(said);
  const known = new Set(own.map(objectAndRule));
  const checked = nodes.filter(isCheck).flatMap(said);
  return new Set([...own, ...checked.filter(problem => !known.has(objectAndRule(problem)))]);
}

/** '[object] … (rule id)' without what stands between; the whole problem where it names no rule. */
function objectAndRule(problem: string): string {
  const parts = /^(?<object>\[[^\]]*\]).*(?<rule>\(rule [a-z-]+\))$/s.exec(problem)?.groups;
  return parts === undefined ? problem : `${parts['object']} ${parts['rule']}`;
}

/**
 * The objects of an app by file, so that `kubectl apply -f dist/`, which goes by file name, makes each thing after
 * what it needs: first what belongs to no namespace, then one file a namespace in the order of the Namespace
 * objects; inside a file by kind. ArgoCD's own objects are for another cluster or namespace: they have a folder,
 * which kubectl leaves alone.
 */
export function manifestFiles(app: App): ReadonlyMap<string, readonly PlainApiObject[]> {
  const objects = plainObjects(app);
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
