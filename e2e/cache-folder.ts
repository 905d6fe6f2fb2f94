import { homedir } from 'node:os';
import { join } from 'node:path';

/** Everything that is fetched or built lies here: `LAKEHOUSE_CACHE`, else a folder of the user's cache. */
export function cacheFolder(): string {
  return (
    process.env['LAKEHOUSE_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cdk8s-lakehouse')
  );
}
