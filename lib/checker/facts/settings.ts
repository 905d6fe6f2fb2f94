import type { Place } from '../finding/finding';
import type { At, Text } from '../python/values';
import type { JobCode, Stated } from './job';

/** Settings in a program's code win over all others, but for what must be known before the program starts. */
export function addCodeSetting(
  conf: Map<string, Stated>,
  key: string,
  setting: { readonly at: At; readonly value: Text },
  code: JobCode | undefined,
): void {
  if (code === undefined || setting.value.parts.includes(null)) return;
  conf.set(key, { value: setting.value.parts.join(''), place: code.placeOf(setting.value, setting.at) });
}

export function splitSetting(setting: Stated | undefined): Stated[] {
  if (setting === undefined) return [];
  return setting.value
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
    .map(value => ({ value, place: setting.place }));
}

/** `key value`, `key=value` and `key: value` lines, as Java reads properties. */
export function properties(text: string, place: (innerLine: number) => Place): [string, Stated][] {
  const lines = text.split('\n');
  return lines.flatMap((line, innerLine): [string, Stated][] => {
    if (isContinued(lines[innerLine - 1])) return [];
    let whole = line;
    for (let next = innerLine; isContinued(lines[next]); next += 1)
      whole = `${whole.trimEnd().slice(0, -1)}${(lines[next + 1] ?? '').trimStart()}`;
    const match = /^\s*([^\s#!=:][^\s=:]*)\s*[=:\s]\s*(.*?)\s*$/.exec(whole);
    return match === null ? [] : [[match[1] ?? '', { value: match[2] ?? '', place: place(innerLine) }]];
  });
}

/** Whether a line of properties goes on with the next one. */
function isContinued(line: string | undefined): boolean {
  return line !== undefined && !/^\s*[#!]/.test(line) && /(^|[^\\])(\\\\)*\\\r?$/.test(line);
}
