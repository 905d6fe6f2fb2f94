import type { ClusterService } from '../capacity/cluster-services';
import type { NamedText, Unreadable } from '../manifest/load';
import type { ManifestObject } from '../manifest/model';
import { type PodTemplate, podTemplates } from '../manifest/pod-templates';
import { type Job, programsIn } from './jobs';
import type { FitNodes } from './nodes';

/**
 * The annotation with which any object names what exists outside of the manifests: entries of the form
 * 'Kind/namespace/name' or 'Kind/name', separated by spaces or commas.
 */
export const EXTERNAL_ANNOTATION = 'check.cdk8s-lakehouse/external';

export interface ModelOptions {
  /** The nodes that all pods have to fit. @default unknown: nothing is said about the fit */
  readonly nodes?: FitNodes;
  /** What runs in the cluster beside the objects. @default what they need: `servicesBeside` */
  readonly services?: readonly ClusterService[];
  /** SQL texts that stand beside the manifests. @default none */
  readonly sql?: readonly NamedText[];
  /** Documents that could not be read. @default none */
  readonly unreadable?: readonly Unreadable[];
  /** 'Kind/namespace/name' or 'Kind/name' of what exists although no file declares it; '*' matches any text. */
  readonly external?: readonly string[];
}

/** What the rules look at: the objects of a folder or a chart, indexed. Nothing in it reads a file. */
export interface Model {
  readonly objects: readonly ManifestObject[];
  readonly sql: readonly NamedText[];
  readonly unreadable: readonly Unreadable[];
  readonly nodes: FitNodes | undefined;
  readonly services: readonly ClusterService[] | undefined;
  readonly templates: readonly PodTemplate[];
  /** The programs whose code the manifests hold, and all that run Spark. */
  readonly programs: readonly Job[];
  /** Of the programs those that run Spark. */
  readonly jobs: readonly Job[];
  readonly ofKind: (...kinds: readonly string[]) => readonly ManifestObject[];
  /**
   * The objects of a kind and name that a namespace's objects can mean: those of that namespace. An object
   * without a namespace may be applied into any, so it is found from everywhere and finds everything.
   */
  readonly find: (kind: string, from: ManifestObject, name: string) => ManifestObject | undefined;
  /** Whether somebody declared that this exists outside of the files. */
  readonly isExternal: (kind: string, namespace: string | undefined, name: string) => boolean;
}

export function buildModel(objects: readonly ManifestObject[], options: ModelOptions = {}): Model {
  const byKind = grouped(objects, object => object.kind);
  const byName = grouped(objects, object => `${object.kind}/${object.metadata.name}`);
  const externals = [
    ...(options.external ?? []),
    ...objects.flatMap(object => (object.metadata.annotations?.[EXTERNAL_ANNOTATION] ?? '').split(/[\s,]+/)),
  ]
    .filter(entry => entry !== '')
    .map(entry =>
      entry.split('/').map(part => new RegExp(`^${part.split('*').map(escapeRegExp).join('.*')}$`)),
    );

  let programs: readonly Job[] | undefined;
  const model: Model = {
    objects,
    sql: options.sql ?? [],
    unreadable: options.unreadable ?? [],
    nodes: options.nodes,
    services: options.services,
    templates: podTemplates(objects),
    get programs() {
      programs ??= programsIn(model);
      return programs;
    },
    get jobs() {
      return model.programs.filter(({ usesSpark }) => usesSpark);
    },
    ofKind: (...kinds) => kinds.flatMap(kind => byKind.get(kind) ?? []),
    find: (kind, from, name) => {
      const candidates = byName.get(`${kind}/${name}`) ?? [];
      const { namespace } = from.metadata;
      return (
        candidates.find(object => namespace !== undefined && object.metadata.namespace === namespace) ??
        candidates.find(object => namespace === undefined || object.metadata.namespace === undefined)
      );
    },
    isExternal: (kind, namespace, name) =>
      externals.some(([kindPattern, ...rest]) => {
        if (kindPattern === undefined || !kindPattern.test(kind)) return false;
        const [first, second] = rest;
        if (second !== undefined) return first?.test(namespace ?? 'default') === true && second.test(name);
        return first?.test(name) === true;
      }),
  };
  return model;
}

/** The items of a value that should be a list, with their places in it. */
export function listItems(value: unknown): [unknown, number][] {
  return Array.isArray(value) ? value.map((item, index) => [item, index]) : [];
}

/** Items by key, in their order. */
export function grouped<K, T>(items: readonly T[], key: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** A text as a pattern that matches itself. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
