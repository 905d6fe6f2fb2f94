import type { CheckResult } from './check';
import { amount, notLookedAtInShort } from './coverage';

/** 0: no error. 1: errors, or notes with --strict. 2: an input that cannot be used. 3: nothing was checked. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Verdict {
  readonly code: ExitCode;
  readonly is: 'clean' | 'warned' | 'refused' | 'nothing';
  /** The end of every report, in one sentence. */
  readonly sentence: string;
}

/** What a whole run comes to. It is clean only where everything was looked at, and says in the same breath what was not. */
export function verdict(result: CheckResult): Verdict {
  const { violations, notes, isStrict, isEmpty, unusable, coverage } = result;
  const count = (level: 'error' | 'warning') => violations.filter(item => item.level === level).length;
  const errors = count('error');
  const warnings = count('warning');
  const isRefused = errors > 0 || (isStrict && notes.length > 0);
  const code = unusable ? 2 : isEmpty ? 3 : isRefused ? 1 : 0;
  const found = [
    ...(errors > 0 ? [amount(errors, 'error')] : []),
    ...(warnings > 0 ? [amount(warnings, 'warning')] : []),
  ].join(' and ');
  const open = notes.length === 0 ? '' : `, ${amount(notes.length, 'note')} on what was not understood`;
  const since =
    result.baseline === undefined
      ? ''
      : `, ${result.baseline.known} known from the baseline${result.baseline.gone.length === 0 ? '' : ` and ${result.baseline.gone.length} gone from it`}`;
  const ignored = result.ignored === 0 ? '' : `, ${result.ignored} ignored`;
  const aside = `${open}${since}${ignored}`;
  const short = notLookedAtInShort(coverage);
  if (isEmpty && found === '') {
    return {
      code,
      is: 'nothing',
      sentence: `nothing was checked${aside}: no Kubernetes object, Python or SQL was found${short === '' ? '' : `, and not looked at: ${short}`}; name a file or folder that holds manifests, or render what is a template (--render helm, --render kustomize)`,
    };
  }
  const places = new Set(violations.map(({ file }) => file)).size;
  if (found !== '') {
    return {
      code,
      is: errors > 0 || isRefused ? 'refused' : 'warned',
      sentence: `${found}${result.baseline === undefined ? '' : ' more than the baseline knows'} in ${amount(places, 'file')}${aside}`,
    };
  }
  const nothing = result.baseline === undefined ? 'no faults' : 'no faults beyond the baseline';
  const sentence =
    short === ''
      ? `${result.baseline === undefined ? 'clean' : nothing}${aside}`
      : `${nothing} in what was looked at${aside}; not looked at: ${short}`;
  return { code, is: isRefused ? 'refused' : 'clean', sentence };
}
