import type { Workspace } from '@astral-sh/ruff-wasm-nodejs';

type Version = '3.12' | '3.13' | '3.14';

const NEWER: readonly Version[] = ['3.13', '3.14'];

const workspaces = new Map<Version, Workspace>();

/** Ruff's parser, which is loaded for the first text that needs it: most runs never do. */
function ruff(version: Version): Workspace {
  const known = workspaces.get(version);
  if (known !== undefined) return known;
  const library = require('@astral-sh/ruff-wasm-nodejs') as typeof import('@astral-sh/ruff-wasm-nodejs');
  const workspace = new library.Workspace(
    { 'target-version': `py${version.replace('.', '')}`, lint: { select: [] } },
    library.PositionEncoding.Utf16,
  );
  workspaces.set(version, workspace);
  return workspace;
}

interface Diagnostic {
  readonly code: string | null;
  readonly message: string;
  readonly start_location: { readonly row: number };
}

export interface Refusal {
  /** Counted from 0. */
  readonly line: number;
  readonly message: string;
  /** The first Python that takes the text, when a newer one does. */
  readonly validFrom?: string;
}

/**
 * Why no Python up to 3.12 takes a text, and on which line; undefined when one does. Nothing is said of a text at
 * which the parser itself ends, e.g. one that is nested too deeply.
 */
export function refusalOf(text: string): Refusal | undefined {
  const first = syntaxError(text, '3.12');
  if (first === undefined) return undefined;
  const { message } = first;
  const validFrom = NEWER.find(version => syntaxError(text, version) === undefined);
  return {
    line: first.start_location.row - 1,
    ...(validFrom === undefined ? {} : { validFrom }),
    message: `${message.slice(0, 1).toLowerCase()}${message.slice(1)}`,
  };
}

function syntaxError(text: string, version: Version): Diagnostic | undefined {
  const parser = ruff(version);
  try {
    const diagnostics = parser.check(text) as readonly Diagnostic[];
    return diagnostics.find(({ code }) => code === 'invalid-syntax');
  } catch {
    return undefined;
  }
}
