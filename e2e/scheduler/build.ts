import { resolve } from 'node:path';
import { buildGoProgram } from '../go-program';

/** Builds the oracle from the pinned sources, or finds it built; returns the program's path. Needs Go. */
export function builtOracle(): Promise<string> {
  const module = resolve(__dirname, '..');
  return buildGoProgram({ name: 'scheduler oracle', module, folder: 'scheduler' });
}
