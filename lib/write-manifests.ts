import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type App, Yaml } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { SynthChecks } from './checks/synth-checks';
import { type PlainApiObject, plainObjects } from './plain-objects';

/**
 * Writes the manifests of an app, and returns the warnings of its checks. Throws one Error with every problem, a line
 * each, and writes nothing, when a validation refuses the app. The app is locked: it is complete.
 */
export function writeManifests(app: App, folder: string): readonly string[] {
  app.node.lock();
  const nodes = app.node.findAll();
  const said = (list: readonly IConstruct[]) =>
    list.flatMap(({ node }) =>
      node.validate().map(problem => (problem.startsWith('[') ? problem : `[${node.path}] ${problem}`)),
    );
  const own = said(nodes.filter(node => !(node instanceof SynthChecks)));
  const checks = said(nodes.filter(node => node instanceof SynthChecks));
  const problems = new Set([
    ...own,
    ...checks.filter(problem => !own.some(other => saysMore(other, problem))),
  ]);
  if (problems.size > 0) {
    const count = problems.size === 1 ? '1 error' : `${problems.size} errors`;
    throw new Error([...problems, `${count}, nothing was written`].join('\n'));
  }
  for (const [file, objects] of manifestFiles(app)) {
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    Yaml.save(target, [...objects]);
  }
  return nodes.filter(node => node instanceof SynthChecks).flatMap(({ result }) => result.warnings);
}

/** Whether a construct says what a rule says of the same object: the construct's sentence names the prop to set. */
function saysMore(own: string, check: string): boolean {
  const [, kind, name, container, rule] =
    /^\[(\w+)\/([^\]]+)\] (?:(?:init )?container (\S+))?.*\(rule ([a-z-]+)\)$/s.exec(check) ?? [];
  const [object, part] =
    new RegExp(`(?:\\bcontainer (\\S+) of )?\\b${kind} ${name}(?![\\w./-])`, 'i').exec(own) ?? [];
  return (
    object !== undefined &&
    own.endsWith(`(rule ${rule})`) &&
    (part === undefined || container === undefined || part === container)
  );
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
