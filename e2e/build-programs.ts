import buildCluster from './cluster/build';
import buildRenderers from './render/build';

/** `npm run build:programs`: what the suites `render` and `cluster` build, beforehand, while something else runs. */
async function build(): Promise<void> {
  await buildRenderers();
  await buildCluster();
}

build().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
