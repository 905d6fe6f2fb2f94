import type { Model } from '../facts/model';
import type { Found, Level } from './finding';

export interface Rule {
  readonly id: string;
  readonly level: Level;
  /** One line for `--list-rules`: what the rule refuses. */
  readonly refuses: string;
  /** How to mend what it refuses, where a finding says nothing else. */
  readonly remedy: string;
  readonly check: (model: Model) => readonly Found[];
}
