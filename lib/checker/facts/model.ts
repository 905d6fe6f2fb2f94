import type { ClusterService } from '../capacity/cluster-services';
import type { NamedText, PythonText, Unreadable } from '../manifest/load';
import type { ManifestObject } from '../object/manifest-object';
import type { DeclaredPrograms } from './declared-program';
import type { Job } from './job';
import { indexManifests, type ManifestIndex } from './manifest-index';
import type { FitNodes } from './nodes';
import { programsIn } from './programs';
import { escapeRegExp } from './text-pattern';

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
  /** Python files that no ConfigMap holds. @default none */
  readonly python?: readonly PythonText[];
  /** What programs do with data, where somebody states it. @default their code is followed */
  readonly programs?: DeclaredPrograms;
  /** Documents that could not be read. @default none */
  readonly unreadable?: readonly Unreadable[];
  /** 'Kind/namespace/name' or 'Kind/name' of what exists although no file declares it; '*' matches any text. */
  readonly external?: readonly string[];
  /**
   * Whether the operators of the custom resources are of the releases that lib/checker/schema knows.
   * @default they may be of any release
   */
  readonly areOperatorsPinned?: boolean;
}

/** What the rules look at: the objects of a folder or a chart, indexed. Nothing in it reads a file. */
export interface Model extends ManifestIndex {
  readonly sql: readonly NamedText[];
  readonly unreadable: readonly Unreadable[];
  readonly nodes: FitNodes | undefined;
  readonly services: readonly ClusterService[] | undefined;
  /** The programs whose code the manifests hold, and all that run Spark. */
  readonly programs: readonly Job[];
  /** Of the programs those that run Spark. */
  readonly jobs: readonly Job[];
  /** Whether somebody declared that this exists outside of the files. */
  readonly isExternal: (kind: string, namespace: string | undefined, name: string) => boolean;
  readonly areOperatorsPinned: boolean;
}

export function buildModel(objects: readonly ManifestObject[], options: ModelOptions = {}): Model {
  const externals = [
    ...(options.external ?? []),
    ...objects.flatMap(object => (object.metadata.annotations?.[EXTERNAL_ANNOTATION] ?? '').split(/[\s,]+/)),
  ]
    .filter(entry => entry !== '')
    .map(entry =>
      entry.split('/').map(part => new RegExp(`^${part.split('*').map(escapeRegExp).join('.*')}$`)),
    );

  let programs: readonly Job[] | undefined;
  const index = indexManifests(objects, options.python);
  const model: Model = {
    ...index,
    sql: options.sql ?? [],
    unreadable: options.unreadable ?? [],
    nodes: options.nodes,
    services: options.services,
    areOperatorsPinned: options.areOperatorsPinned ?? false,

    get programs() {
      programs ??= programsIn(index, options.programs);
      return programs;
    },
    get jobs() {
      return model.programs.filter(({ usesSpark }) => usesSpark);
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
