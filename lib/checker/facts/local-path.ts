import type { Job, Mount } from './job';
import { isSharedLocation, scheme } from './object-store';

/** The path on a pod's own file system that a location means; undefined for shared file systems and unknown ones. */
export function localPath(job: Job, location: string): string | undefined {
  if (location === '' || isSharedLocation(location)) return undefined;
  const name = scheme(location);
  if (name === 'file') return location.replace(/^file:\/*/i, '/');
  if (name !== '') return undefined;
  const filesystem = job.conf.get('spark.hadoop.fs.defaultFS')?.value;
  if (filesystem !== undefined && !filesystem.startsWith('file:')) return undefined;
  return location;
}

/** The mount that a path is on. */
export function holding(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(mount => mount.path === '/' || path === mount.path || path.startsWith(`${mount.path}/`))
    .sort((left, right) => right.path.length - left.path.length)[0];
}
