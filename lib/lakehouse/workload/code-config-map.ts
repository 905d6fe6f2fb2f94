import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { contentHash } from './content-hash';
import { namespaceExceptions, policyAnnotations } from './policy-exceptions';

export interface CodeConfigMapProps {
  /** Start of the ConfigMap's name; a hash of the content follows. */
  readonly name: string;
  readonly namespace: string;
  /** The file that the job starts with; the modules that it imports come along. */
  readonly entry: string;
  /**
   * Folder of the Python files.
   * @default spark-jobs/ of this project
   */
  readonly directory?: string;
  /**
   * Labels of the ConfigMap.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The Python files of one job: its entry file and every module beside it that it imports, directly or not.
 *
 * The ConfigMap's name ends with a hash of its content, so new code is a new name and the job restarts by itself;
 * it is immutable, so no running job sees its code change. `SynthChecks` refuses what is larger than a ConfigMap may be.
 *
 * @example
 * const code = new CodeConfigMap(chart, 'code', {
 *   name: 'spark-app-code',
 *   namespace: 'default',
 *   entry: 'streaming_job.py',
 * });
 */
export class CodeConfigMap extends Construct {
  public readonly configMapName: string;
  /** The file that the job starts with. */
  public readonly entry: string;
  /** The files inside, by name. */
  public readonly files: Readonly<Record<string, string>>;

  /** Throws when the folder or the entry file cannot be read. */
  constructor(scope: Construct, id: string, props: CodeConfigMapProps) {
    super(scope, id);
    const directory = props.directory ?? path.join(__dirname, '..', '..', '..', 'spark-jobs');
    this.entry = props.entry;
    this.files = importedFiles(directory, props.entry);
    this.configMapName = `${props.name}-${contentHash(JSON.stringify(Object.entries(this.files)))}`;

    new k8s.KubeConfigMap(this, 'Resource', {
      metadata: {
        name: this.configMapName,
        namespace: props.namespace,
        ...(props.labels === undefined ? {} : { labels: props.labels }),
        annotations: policyAnnotations(namespaceExceptions(props.namespace)),
      },
      data: this.files,
      immutable: true,
    });
  }
}

/** The entry file and, by following its import lines, the modules beside it that it needs. */
function importedFiles(directory: string, entry: string): Record<string, string> {
  const modules = new Set(readdirSync(directory).filter(file => file.endsWith('.py')));
  if (!modules.has(entry)) {
    throw new Error(
      `${directory} has no file ${entry}, only ${[...modules].sort().join(', ')}; set entry to one of these`,
    );
  }
  const found = new Map<string, string>();
  const queue = [entry];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    if (found.has(file)) continue;
    const text = readFileSync(path.join(directory, file), 'utf8');
    found.set(file, text);
    queue.push(
      ...importedModules(text)
        .map(module => `${module}.py`)
        .filter(name => modules.has(name)),
    );
  }
  return Object.fromEntries([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Names of the modules in the import lines of a Python file: `import a, b.c as d` and `from e.f import g`. */
function importedModules(python: string): string[] {
  const lines = python.matchAll(
    /^[ \t]*(?:import[ \t]+(?<names>[^#\n]+)|from[ \t]+(?<from>[\w.]+)[ \t]+import\b)/gm,
  );
  return [...lines].flatMap(({ groups }) =>
    (groups?.['from'] ?? groups?.['names'] ?? '').split(',').map(name => name.trim().split(/[.\s]/)[0] ?? ''),
  );
}
