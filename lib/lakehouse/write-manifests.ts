import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type App, Yaml } from 'cdk8s';
import type { Level } from '../checker/finding/finding';
import { distinct, lines } from '../checker/finding/reporter';
import { circlesOf } from './circles';
import { madeTwice } from './made-twice';
import { describedObjects, type PlainApiObject, plainObjects } from './plain-objects';
import { RefusedApp } from './refused-app';
import { SynthChecks } from './synth-checks';
import { notSilenced, othersRefusals, refusalsOf, wordingOf } from './workload/refuse';

/**
 * Writes the manifests of an app, and returns the warnings of its checks. Throws a RefusedApp with every error, and
 * writes nothing, when a construct or a rule refuses the app. The app is locked: it is complete.
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
  const { errors, warnings } = saidOf(app);
  if (errors.length > 0) {
    const count = errors.length === 1 ? '1 error' : `${errors.length} errors`;
    throw new RefusedApp([...errors, `${count}, nothing was written`].join('\n'), warnings);
  }
  return warnings;
}

/** What constructs and rules say about an app, each once: what a construct refuses stands for what a rule sees of it. */
function saidOf(app: App): { readonly errors: readonly string[]; readonly warnings: readonly string[] } {
  const nodes = app.node.findAll();
  const checks = nodes.filter(node => node instanceof SynthChecks);
  const findings = distinct(
    checks.length > 0
      ? checks.flatMap(({ review }) => review.findings)
      : notSilenced(nodes.flatMap(refusalsOf), app),
  );
  const wording = wordingOf(app);
  const said = (level: Level) =>
    lines(
      findings.filter(finding => finding.level === level),
      wording,
    );
  const others = nodes.filter(node => !(node instanceof SynthChecks)).flatMap(othersRefusals);
  // Where copies differ, the rule has said it.
  const copies = findings.some(({ rule }) => rule === 'duplicate-object') ? [] : madeTwice(app);
  return {
    errors: [...new Set([...said('error'), ...others, ...circlesOf(app), ...copies])],
    warnings: said('warning'),
  };
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
