import { basename, dirname, posix } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type Message, say } from '../finding/message';
import { decode, type SourceText, type Unreadable } from '../manifest/load';
import { asObject } from '../object/manifest-object';
import type { Collected } from './collect';

export const RENDERERS = ['helm', 'kustomize'] as const;
export type Renderer = (typeof RENDERERS)[number];

/** What a program said. Undefined where it is not installed. */
export type Run = (
  program: string,
  args: readonly string[],
) => { readonly status: number | null; readonly stdout: string; readonly stderr: string } | undefined;

export interface Rendering {
  readonly collected: Collected;
  readonly notices: readonly string[];
}

/** What was collected, with the output of a renderer in place of what it reads; or why it cannot run at all. */
export function render(
  collected: Collected,
  renderer: Renderer,
  values: readonly string[],
  run: Run,
): Rendering | { readonly error: string } {
  const found = renderer === 'helm' ? chartsIn(collected) : kustomizationsIn(collected);
  if (found.roots.length === 0)
    return { collected, notices: [`--render ${renderer}: there is no ${NOUNS[renderer]} among the files`] };
  const tool = toolFor(renderer, run);
  if (tool === undefined) {
    return {
      error: `--render ${renderer}: ${PROGRAMS[renderer].map(({ program }) => program).join(' and ')} ${PROGRAMS[renderer].length === 1 ? 'is' : 'are'} not installed, or not in the PATH; install ${renderer}, or check the output of ${COMMANDS[renderer]} by a pipe into -`,
    };
  }
  const outputs = found.roots.map(folder => rendered(folder, renderer, tool, values, run));
  const isRendered = (file: string) => found.folders.some(folder => isBelow(file, folder));
  return {
    collected: {
      ...collected,
      sources: [
        ...collected.sources.filter(({ file }) => !isRendered(file)),
        ...outputs.flatMap(output => ('sources' in output ? output.sources : [])),
      ],
      skipped: collected.skipped.filter(({ file }) => !isRendered(file)),
      others: (collected.others ?? []).filter(file => !isRendered(file)),
      unreadable: [
        ...collected.unreadable,
        ...outputs.flatMap(output => ('fault' in output ? output.fault : [])),
      ],
      named: collected.named.map(({ path, files }) => ({
        path,
        files: [
          ...files,
          ...outputs.flatMap(output =>
            'sources' in output && isBelow(output.folder, path) ? output.sources.map(({ file }) => file) : [],
          ),
        ],
      })),
    },
    notices: [
      `rendered ${found.roots.length} ${NOUNS[renderer]}${found.roots.length === 1 ? '' : 's'} with ${tool.name} ${tool.version}`,
    ],
  };
}

const NOUNS: Readonly<Record<Renderer, string>> = { helm: 'chart', kustomize: 'kustomization' };
const COMMANDS: Readonly<Record<Renderer, string>> = { helm: 'helm template', kustomize: 'kustomize build' };

interface Program {
  readonly program: string;
  readonly ask: readonly string[];
  readonly version: RegExp;
  readonly name: string;
  /** The command that renders a folder. */
  readonly command: (folder: string, values: readonly string[]) => readonly string[];
}

const PROGRAMS: Readonly<Record<Renderer, readonly Program[]>> = {
  helm: [
    {
      program: 'helm',
      ask: ['version', '--short'],
      version: /v\d[^\s]*/,
      name: 'helm',
      command: (folder, values) => [
        'template',
        releaseName(folder),
        folder,
        '--include-crds',
        '--skip-tests',
        ...values.flatMap(file => ['--values', file]),
      ],
    },
  ],
  kustomize: [
    {
      program: 'kustomize',
      ask: ['version'],
      version: /v\d[^\s]*/,
      name: 'kustomize',
      command: folder => ['build', folder],
    },
    {
      program: 'kubectl',
      ask: ['version', '--client'],
      version: /(?<=Kustomize Version: )\S+/,
      name: 'the kustomize in kubectl,',
      command: folder => ['kustomize', folder],
    },
  ],
};

type Tool = Omit<Program, 'version'> & { readonly version: string };

/** The first program that is installed and says its version. */
function toolFor(renderer: Renderer, run: Run): Tool | undefined {
  for (const program of PROGRAMS[renderer]) {
    const answer = run(program.program, program.ask);
    const version = program.version.exec(`${answer?.stdout ?? ''}${answer?.stderr ?? ''}`)?.[0];
    if (answer?.status === 0 && version !== undefined) return { ...program, version };
  }
  return undefined;
}

/** Helm takes lower-case letters, digits and hyphens, at most 53. */
function releaseName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 53);
  return name === '' ? 'release' : name;
}

function rendered(
  folder: string,
  renderer: Renderer,
  { program, command }: Pick<Tool, 'program' | 'command'>,
  values: readonly string[],
  run: Run,
):
  | { readonly folder: string; readonly sources: readonly SourceText[] }
  | { readonly folder: string; readonly fault: Unreadable } {
  const answer = run(program, command(folder, values));
  if (answer?.status === 0) return { folder, sources: outputs(folder, renderer, answer.stdout) };
  const text = answer?.stderr ?? '';
  const missing = /missing in charts\/ directory: (.+)/.exec(text)?.[1];
  const said =
    missing === undefined ? sentence(text) : `charts that it depends on are not in charts/: ${missing}`;
  return {
    folder,
    fault: {
      file: posix.join(folder, renderer === 'helm' ? 'Chart.yaml' : 'kustomization.yaml'),
      line: 1,
      message: say`${COMMANDS[renderer]} cannot render the folder: ${said}`,
      remedy: remedy(renderer, missing !== undefined, folder),
    },
  };
}

function remedy(renderer: Renderer, needsCharts: boolean, folder: string): Message {
  if (needsCharts) return say`fetch what it depends on with helm dependency build ${folder}`;
  return renderer === 'helm'
    ? say`mend the chart, or give the values that it asks for with --values FILE`
    : say`mend the kustomization`;
}

/** What a renderer says is wrong, as one sentence without its prefix: the last line that is one. */
function sentence(stderr: string): string {
  const said = stderr
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !/^(WARNING|#|Use --debug)/i.test(line));
  const first = said.find(line => /^error:/i.test(line)) ?? said[0] ?? 'it said nothing';
  const text = first.replace(/^error:\s*/i, '').replace(/[.\s]+$/, '');
  return text.length > 300 ? `${text.slice(0, 297)}...` : text;
}

/** The output as texts: of helm one for each template, which its comments name. */
function outputs(folder: string, renderer: Renderer, text: string): SourceText[] {
  if (renderer === 'kustomize')
    return [{ file: posix.join(folder, 'kustomization.yaml (kustomize build)'), bytes: Buffer.from(text) }];
  const parts = new Map<string, string>();
  for (const document of text.split(/^(?=---\s*$)/m)) {
    const source = /^# Source: [^/\n]+\/(.*)$/m.exec(document)?.[1];
    const file = `${posix.join(folder, source ?? 'templates')} (helm template)`;
    parts.set(file, `${parts.get(file) ?? ''}${document}`);
  }
  return [...parts].map(([file, part]) => ({ file, bytes: Buffer.from(part) }));
}

interface Found {
  /** Folders to render. */
  readonly roots: readonly string[];
  /** Folders whose files the output stands for. */
  readonly folders: readonly string[];
}

/** The charts that stand in no other chart. */
function chartsIn({ sources }: Collected): Found {
  const folders = sources
    .filter(({ file }) => /(^|\/)Chart\.ya?ml$/.test(file))
    .map(({ file }) => folderOf(file));
  const roots = folders.filter(folder => !folders.some(other => other !== folder && isBelow(folder, other)));
  return { roots, folders: roots };
}

/** The kustomizations that no other one takes in. */
function kustomizationsIn({ sources }: Collected): Found {
  const all = sources
    .filter(({ file }) => /(^|\/)(kustomization\.ya?ml|Kustomization)$/.test(file))
    .map(({ file, bytes }) => {
      const folder = folderOf(file);
      const body = asObject(parseAllDocuments(decode(bytes) ?? '', { logLevel: 'silent' })[0]?.toJS());
      const taken = ['resources', 'bases', 'components'].flatMap(key => {
        const list = body[key];
        return Array.isArray(list) ? list.map(item => posix.join(folder, String(item))) : [];
      });
      return { folder, kind: body['kind'], taken: taken.map(path => path.replace(/\/$/, '')) };
    });
  const taken = new Set(all.flatMap(kustomization => kustomization.taken));
  return {
    roots: all
      .filter(({ folder, kind }) => !taken.has(folder) && kind !== 'Component')
      .map(({ folder }) => folder),
    folders: all.map(({ folder }) => folder),
  };
}

function folderOf(file: string): string {
  return dirname(file);
}

function isBelow(file: string, folder: string): boolean {
  return folder === '.'
    ? !file.startsWith('/')
    : file === folder || file.startsWith(`${folder.replace(/\/$/, '')}/`);
}
