import type { Size } from 'cdk8s';
import { allowed, measured, say } from '../../checker/finding/message';
import { bytesOf, sizeQuantity } from '../workload/container';
import { type Culprit, type Refusal, writing } from '../workload/refuse';

/**
 * How full a volume may become. The rest is for what a store writes beside its data (merges, compaction,
 * multipart uploads, the file system's own) and for the time in which a person can react.
 */
export const USABLE_SHARE = 0.85;

/** Something that a volume comes to hold. */
export interface VolumeContent {
  /** What it is, e.g. 'topic user-activity-logs'. */
  readonly what: string;
  readonly bytes: number;
}

/** What is wrong when the contents outgrow the volume; `remedy` says what else than a larger volume helps. */
export function volumeRefusals(
  culprit: Culprit,
  volume: Size,
  contents: readonly VolumeContent[],
  remedy: string,
): Refusal[] {
  if (!(bytesOf(volume) > 0)) {
    return [
      {
        ...writing(culprit),
        message: say`${culprit.what} has a volume of ${measured(sizeQuantity(volume))} but a volume has a size`,
        remedy: say`set storage, e.g. Size.gibibytes(10)`,
      },
    ];
  }
  const needed = contents.reduce((sum, content) => sum + content.bytes, 0);
  const usable = bytesOf(volume) * USABLE_SHARE;
  // Without a finite sum, one of its figures is refused where it stands.
  if (needed <= usable || !Number.isFinite(needed)) {
    return [];
  }
  const list = contents.map(content => `${content.what} ${gibibytes(content.bytes)}`).join(' + ');
  const gibibytesNeeded = Math.ceil(needed / USABLE_SHARE / 2 ** 30);
  return [
    {
      ...writing(culprit),
      message: say`${culprit.what} comes to hold ${measured(gibibytes(needed))} (${list}) but its volume of ${sizeQuantity(volume)} may fill to ${allowed(gibibytes(usable))} (${USABLE_SHARE * 100} %)`,
      remedy: say`set storage to at least Size.gibibytes(${gibibytesNeeded}), or ${remedy}`,
    },
  ];
}

/** e.g. '12.3Gi' */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)}Gi`;
}
