import path from 'node:path';
import { generatedPage } from './generated-page';
import { folderGraph, importGraph } from './import-graph';
import { modulePage } from './module-picture';

/** The rooms of lib/, the one that knows less first. */
export const ROOMS = ['lib/checker', 'lib/lakehouse'] as const;

/** The imports inside lib/. */
export function libraryImports() {
  return importGraph(path.join(__dirname, '..', '..'), 'lib').filter(({ to }) => to.startsWith('lib/'));
}

if (require.main === module) {
  generatedPage({
    script: 'docs:modules',
    file: 'docs/modules.md',
    source: 'the imports of lib/',
    content: () => modulePage(folderGraph(libraryImports(), ['lib', ...ROOMS]), ROOMS),
  });
}
