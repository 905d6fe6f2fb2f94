import type { Text } from '../python/values';

/** Schemes of file systems that every pod of a job reaches from any node. */
const SHARED_SCHEMES: ReadonlySet<string> = new Set([
  's3',
  's3a',
  's3n',
  'gs',
  'abfs',
  'abfss',
  'wasb',
  'wasbs',
  'adl',
  'oss',
  'cosn',
  'obs',
  'hdfs',
  'viewfs',
  'webhdfs',
  'swift',
  'dbfs',
  'alluxio',
  'ozone',
  'o3fs',
  'ofs',
  'jfs',
]);

/** 's3a' of s3a://…; '' of a path without a scheme. */
export function scheme(location: string): string {
  return /^([A-Za-z][\w+.-]*):/.exec(location)?.[1]?.toLowerCase() ?? '';
}

export function isSharedLocation(location: string): boolean {
  return SHARED_SCHEMES.has(scheme(location));
}

/** One spelling for each place: s3a for all of S3's schemes, no slash at the end, no empty segments. */
export function normalizedLocation(location: string): string {
  const match = /^([A-Za-z][\w+.-]*):\/*(.*)$/s.exec(location.trim());
  if (match === null) return location.replace(/\/{2,}/g, '/').replace(/(.)\/+$/, '$1');
  const [, name = '', rest = ''] = match;
  const kind = /^s3[an]?$/i.test(name) ? 's3a' : name.toLowerCase();
  return `${kind}://${kind === 'file' ? '/' : ''}${rest.replace(/\/{2,}/g, '/').replace(/\/+$/, '')}`;
}

/** Bucket and key of an object-store URL. */
export function bucketOf(location: string): string | undefined {
  return /^s3[an]?:\/\/([a-z0-9][a-z0-9.-]*)(?:\/|$)/i.exec(location)?.[1];
}

/** Whether a text with unknown pieces may be this location, something above it or something below it. */
export function mayTouch(text: Text, location: string): boolean {
  if (text.parts.every(part => part === null)) return true;
  const first = text.parts[0];
  const known = text.parts.includes(null) ? undefined : normalizedLocation(text.parts.join(''));
  if (known !== undefined) return overlaps(known, location);
  if (typeof first !== 'string') return true;
  const prefix = normalizedPrefix(first);
  return location.startsWith(prefix) || prefix.startsWith(`${location}/`);
}

function normalizedPrefix(prefix: string): string {
  return prefix.replace(/^s3[an]?:\/\//i, 's3a://');
}

/** Whether one of two locations holds the other. A glob at the end of one stands for what is below it. */
export function overlaps(left: string, right: string): boolean {
  const plain = (location: string) => location.replace(/\/?[^/]*[*?{[].*$/s, '');
  const [one, other] = [plain(left), plain(right)];
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}
