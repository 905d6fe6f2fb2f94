import type { Workspace } from '@astral-sh/ruff-wasm-nodejs';

let workspace: Workspace | undefined;

/** Ruff's parser, which is loaded for the first text that needs it: most runs never do. */
function ruff(): Workspace {
  if (workspace === undefined) {
    const library = require('@astral-sh/ruff-wasm-nodejs') as typeof import('@astral-sh/ruff-wasm-nodejs');
    workspace = new library.Workspace(
      { 'target-version': 'py312', lint: { select: [] } },
      library.PositionEncoding.Utf16,
    );
  }
  return workspace;
}

interface Diagnostic {
  readonly code: string | null;
  readonly message: string;
  readonly start_location: { readonly row: number };
}

/**
 * Why no Python up to 3.12 takes a text, and on which line, from 0; undefined when one does. Nothing is said of a text
 * at which the parser itself ends, e.g. one that is nested too deeply.
 */
export function refusalOf(text: string): { readonly line: number; readonly message: string } | undefined {
  const parser = ruff();
  let diagnostics: readonly Diagnostic[];
  try {
    diagnostics = parser.check(text) as readonly Diagnostic[];
  } catch {
    return undefined;
  }
  const first = diagnostics.find(({ code }) => code === 'invalid-syntax');
  if (first === undefined) return undefined;
  const { message } = first;
  return {
    line: first.start_location.row - 1,
    message: `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`,
  };
}
