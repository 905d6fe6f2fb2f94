import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder';
import { buildGoProgram } from '../go-program';

/** Where helm and kustomize are found under their own names, each in a folder of its own. */
export function programFolder(name: 'helm' | 'kustomize'): string {
  return join(cacheFolder(), 'renderers', name);
}

/** Before any test's clock runs: builds what is not in the cache. */
export default async function build(): Promise<void> {
  const tools = {
    helm: 'helm.sh/helm/v3/cmd/helm',
    kustomize: 'sigs.k8s.io/kustomize/kustomize/v5',
  } as const;
  for (const name of ['helm', 'kustomize'] as const) {
    const program = await buildGoProgram({ name, module: join(__dirname, name), tool: tools[name] });
    mkdirSync(programFolder(name), { recursive: true });
    copyFileSync(program, join(programFolder(name), name));
  }
}
