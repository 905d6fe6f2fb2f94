import { sentence } from '../../lib/checker/finding/reporter';
import type { Refusal } from '../../lib/lakehouse/workload/refuse';

/** What a user reads of refusals, without what they are about. */
export function said(refusals: readonly Refusal[]): string[] {
  return refusals.map(refusal => sentence(refusal));
}
