import type { Found, Level } from '../finding/finding';
import type { Need } from '../finding/note';
import type { Model } from './model';

export interface Rule {
  readonly id: string;
  readonly level: Level;
  /** What it has to know beyond the manifests. @default nothing */
  readonly needs?: readonly Need[];
  /** One line for `--list-rules`: what the rule refuses. */
  readonly refuses: string;
  /** How to mend what it refuses, where a finding says nothing else. */
  readonly remedy: string;
  readonly check: (model: Model) => readonly Found[];
}
