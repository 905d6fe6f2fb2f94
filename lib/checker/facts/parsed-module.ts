import { parsePython } from '../python/parse';
import type { Module } from '../python/syntax';

/** Modules are parsed once for each text, however many ConfigMaps hold it and jobs run it. */
const parsedModules = new Map<string, Module>();

export function parsedModule(text: string): Module {
  const known = parsedModules.get(text);
  if (known !== undefined) return known;
  const module = parsePython(text);
  parsedModules.set(text, module);
  return module;
}
