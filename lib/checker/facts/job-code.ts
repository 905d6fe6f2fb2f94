import type { Place } from '../finding/finding';
import type { Modules } from '../python/evaluate';
import { evaluate } from '../python/evaluate';
import type { CodeFacts } from '../python/facts';
import { parsePython } from '../python/parse';
import type { Module } from '../python/syntax';
import type { At } from '../python/values';
import type { FileText } from './file-text';
import type { JobCode } from './job';
import { environmentPlace, type Owner } from './variables';

export function isPython(file: string): boolean {
  return file.endsWith('.py');
}

export function usesSpark({ sources, sinks, conf }: CodeFacts): boolean {
  return sources.length + sinks.length + conf.length > 0;
}

/** Modules are parsed once for each text, however many ConfigMaps hold it and jobs run it. */
const parsedModules = new Map<string, Module>();

export function parsedModule(text: string): Module {
  const known = parsedModules.get(text);
  if (known !== undefined) return known;
  const module = parsePython(text);
  parsedModules.set(text, module);
  return module;
}

export function jobCode(
  main: string,
  files: Readonly<Record<string, FileText>>,
  variables: ReadonlyMap<string, string | null>,
  words: readonly string[] | undefined,
  argumentPlace: (index: number) => Place,
  variablePlace: Owner,
): JobCode | undefined {
  const { beside } = variablePlace.model;
  const isBeside = files[main] === undefined;
  const all = isBeside ? { ...beside.around(main, variablePlace.object), ...files } : files;
  if (all[main] === undefined) return undefined;
  const folders = [
    main.slice(0, main.lastIndexOf('/')),
    ...(variables.get('PYTHONPATH') ?? '').split(':'),
  ].filter(folder => folder !== '');
  const texts = new Map<string, FileText>();
  for (const folder of folders) {
    for (const [path, file] of Object.entries(all)) {
      if (!path.startsWith(`${folder}/`) || !isPython(path)) continue;
      const name = path
        .slice(folder.length + 1, -'.py'.length)
        .replaceAll('/', '.')
        .replace(/\.__init__$/, '');
      if (!texts.has(name)) texts.set(name, file);
    }
  }
  const modules = new FoundModules(texts, name => (isBeside ? beside.module(name) : undefined));
  const entry = main.slice(main.lastIndexOf('/') + 1, -'.py'.length);
  const followed = evaluate({ modules, entry, words, variable: name => variables.get(name) });
  const holder = all[main].object;
  const isWord = holder !== undefined && holder.kind !== 'ConfigMap';
  const failure = isWord ? modules.get(entry)?.failure : undefined;
  // A file tells it itself.
  const unread =
    failure === undefined
      ? []
      : [
          {
            at: { module: entry, line: failure.line },
            what: `Python on a command line is not read: ${failure.message}`,
          },
        ];
  const facts = { ...followed, gaps: [...followed.gaps, ...unread] };
  const place = (at: At): Place =>
    modules.textOf(at.module)?.place(at.line) ?? { object: variablePlace.object, path: variablePlace.path };
  return {
    facts,
    place,
    placeOf: (text, fallback) => {
      if (text.origin === undefined) return place(text.at ?? fallback);
      if ('argument' in text.origin) return argumentPlace(text.origin.argument);
      return environmentPlace(variablePlace, text.origin.variable);
    },
    objects: [...new Set([...texts.values()].flatMap(({ object }) => object ?? []))],
    files: modules.files,
  };
}

/** The modules that a program can import: each is read when it is asked for. */
class FoundModules implements Modules {
  private readonly read = new Map<string, FileText>();
  private readonly sought = new Map<string, FileText | undefined>();

  constructor(
    private readonly texts: ReadonlyMap<string, FileText>,
    /** Where a module is that stands in no folder of the program. */
    private readonly elsewhere: (name: string) => FileText | undefined,
  ) {}

  public has(name: string): boolean {
    return this.textOf(name) !== undefined;
  }

  public get(name: string): Module | undefined {
    const file = this.textOf(name);
    if (file === undefined) return undefined;
    this.read.set(name, file);
    return parsedModule(file.text);
  }

  public keys(): Iterable<string> {
    return this.texts.keys();
  }

  public textOf(name: string): FileText | undefined {
    const own = this.texts.get(name);
    if (own !== undefined || this.sought.has(name)) return own ?? this.sought.get(name);
    const found = this.elsewhere(name);
    this.sought.set(name, found);
    return found;
  }

  /** The files beside the manifests that were read. */
  public get files(): readonly string[] {
    return [...new Set([...this.read.values()].flatMap(({ file }) => file ?? []))];
  }
}
