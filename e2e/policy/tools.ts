import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { kubernetes } from '../../lib/lakehouse/versions';

const ROOT = join(__dirname, '..', '..');
const [OLDEST, TESTED] = [kubernetes.oldest, kubernetes.tested].map(version =>
  version.split('.').slice(0, 2).join('.'),
) as [string, string];

/** What a tool has against an object. */
export interface Finding {
  /** 'Kind.namespace.name', as checkov writes it; a file and what is wrong in it where the tool names no object. */
  readonly object: string;
  readonly check: string;
}

export interface PolicyTools {
  kubeScore(files: readonly string[]): Promise<readonly Finding[]>;
  checkov(folder: string): Promise<readonly Finding[]>;
  /** Against the schemas of the oldest and of the tested Kubernetes; which kinds have none is told apart. */
  kubernetesValidate(
    files: readonly string[],
  ): Promise<{ readonly findings: readonly Finding[]; readonly unknownKinds: readonly string[] }>;
}

/** The tools in their pinned versions, fetched into the cache on first use (local/fetch.py tells what is missing). */
export function policyTools(): PolicyTools {
  const output = execFileSync('python3', ['-m', 'local.fetch', 'kube-score', 'policy-tools'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [goPrograms, python] = output.trim().split('\n') as [string, string];
  const program = (name: string) => join(python, 'bin', name);
  return {
    async kubeScore(files) {
      const scored = await json<KubeScoreObject[]>(join(goPrograms, 'kube-score'), [
        'score',
        '--output-format',
        'json',
        '--kubernetes-version',
        `v${OLDEST}`,
        ...files,
      ]);
      return scored.flatMap(({ type_meta, object_meta, checks }) =>
        (checks ?? [])
          .filter(({ skipped, grade }) => !skipped && grade < NO_FINDING)
          .map(({ check }) => ({
            object: [type_meta.kind, object_meta.namespace ?? 'default', object_meta.name].join('.'),
            check: check.id,
          })),
      );
    },
    async checkov(folder) {
      const { results } = await json<CheckovReport>(program('checkov'), [
        '--skip-download',
        '--framework',
        'kubernetes',
        '--compact',
        '--quiet',
        '--output',
        'json',
        '--directory',
        folder,
      ]);
      return results.failed_checks.map(({ resource, check_id }) => ({ object: resource, check: check_id }));
    },
    async kubernetesValidate(files) {
      const lines: string[] = [];
      for (const version of [OLDEST, TESTED]) {
        for (const file of files) {
          // It stops at the first file with a fault.
          const { stdout, stderr } = await run(program('kubernetes-validate'), [
            '--strict',
            '-k',
            version,
            file,
          ]);
          lines.push(...`${stdout}${stderr}`.split('\n').filter(line => line !== ''));
        }
      }
      if (lines.length === 0) throw new Error('kubernetes-validate said nothing; run it by hand');
      const unknown = lines.flatMap(line => {
        const [, kind, apiVersion] = /find schema for kind (\S+) with api version (\S+)/.exec(line) ?? [];
        return kind === undefined ? [] : [{ line, kind: `${apiVersion} ${kind}` }];
      });
      return {
        findings: lines
          .filter(line => !line.startsWith('INFO ') && !unknown.some(other => other.line === line))
          .map(line => ({ object: line, check: 'schema' })),
        unknownKinds: [...new Set(unknown.map(({ kind }) => kind))].sort(),
      };
    },
  };
}

/** kube-score's grades: 1 critical, 5 warning, 7 and 10 fine. */
const NO_FINDING = 7;

interface KubeScoreObject {
  readonly type_meta: { readonly kind: string };
  readonly object_meta: { readonly name: string; readonly namespace?: string };
  readonly checks:
    | readonly {
        readonly check: { readonly id: string };
        readonly grade: number;
        readonly skipped: boolean;
      }[]
    | null;
}

interface CheckovReport {
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly resource: string }[];
  };
}

/** A tool with findings ends with a code that is not 0: what it printed counts. */
function run(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise(resolve => {
    execFile(program, args, { maxBuffer: 2 ** 28 }, (_error, stdout, stderr) => resolve({ stdout, stderr }));
  });
}

async function json<T>(program: string, args: readonly string[]): Promise<T> {
  const { stdout, stderr } = await run(program, args);
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new Error(
      `${program} printed no JSON; it said: ${stderr.trim().split('\n').slice(-3).join(' | ')}`,
    );
  }
}
