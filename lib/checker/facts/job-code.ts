import type { Place } from '../finding/finding';
import { evaluate } from '../python/evaluate';
import type { CodeFacts } from '../python/facts';
import { parsePython } from '../python/parse';
import type { Module } from '../python/syntax';
import type { At } from '../python/values';
import type { JobCode } from './job';
import type { FileText } from './mounted-texts';
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
  words: readonly string[],
  argumentPlace: (index: number) => Place,
  variablePlace: Owner,
): JobCode | undefined {
  if (files[main] === undefined) return undefined;
  const folders = [
    main.slice(0, main.lastIndexOf('/')),
    ...(variables.get('PYTHONPATH') ?? '').split(':'),
  ].filter(folder => folder !== '');
  const modules = new Map<string, Module>();
  const texts = new Map<string, FileText>();
  for (const folder of folders) {
    for (const [path, file] of Object.entries(files)) {
      if (!path.startsWith(`${folder}/`) || !isPython(path)) continue;
      const name = path
        .slice(folder.length + 1, -'.py'.length)
        .replaceAll('/', '.')
        .replace(/\.__init__$/, '');
      if (modules.has(name)) continue;
      modules.set(name, parsedModule(file.text));
      texts.set(name, file);
    }
  }
  const entry = main.slice(main.lastIndexOf('/') + 1, -'.py'.length);
  const followed = evaluate({ modules, entry, words, variable: name => variables.get(name) });
  const failure = files[main].object.kind === 'ConfigMap' ? undefined : modules.get(entry)?.failure;
  // A file in a ConfigMap tells it itself.
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
    texts.get(at.module)?.place(at.line) ?? { object: variablePlace.object, path: variablePlace.path };
  return {
    facts,
    place,
    placeOf: (text, fallback) => {
      if (text.origin === undefined) return place(text.at ?? fallback);
      if ('argument' in text.origin) return argumentPlace(text.origin.argument);
      return environmentPlace(variablePlace, text.origin.variable);
    },
    objects: [...new Set([...texts.values()].map(({ object }) => object))],
  };
}
