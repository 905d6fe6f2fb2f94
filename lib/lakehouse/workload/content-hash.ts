import { createHash } from 'node:crypto';

/** Eight hex digits that stand for a text: what is named by them is new when its content is. */
export function contentHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
