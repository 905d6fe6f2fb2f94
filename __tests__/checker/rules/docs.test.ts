import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../../../lib/checker/check/check';
import { rules } from '../../../lib/checker/rules';

const DOCS = join(__dirname, '..', '..', '..', 'docs', 'rules');

/** The fenced examples of a section, as files. */
function examples(page: string, section: string) {
  const [, text = ''] = page.split(`## ${section}\n`);
  const body = text.split(/\n## /)[0] ?? '';
  return [...body.matchAll(/```(yaml|sql)\n([\s\S]*?)\n```/g)].map(([, language, code = ''], index) => ({
    file: `example-${index}.${language}`,
    bytes: Buffer.from(`${code.replace('<2 MiB of text>', '0123456789abcdef'.repeat(2 ** 17))}\n`),
  }));
}

function rulesThatFire(page: string, section: string): string[] {
  const sources = examples(page, section);
  expect(sources).not.toEqual([]);
  return [
    ...new Set(check({ sources, named: [], skipped: [], unreadable: [] }).violations.map(({ rule }) => rule)),
  ];
}

describe.each(rules)('docs/rules/$id.md', ({ id, refuses }) => {
  const page = readFileSync(join(DOCS, `${id}.md`), 'utf8');

  it('names the rule and what it refuses', () => {
    expect(page).toContain(`# ${id}\n\nRefuses ${refuses}.`);
  });

  it('has a bad example that this rule alone refuses', () => {
    expect(rulesThatFire(page, 'Bad')).toEqual([id]);
  });

  it('has a good example that no rule refuses', () => {
    expect(rulesThatFire(page, 'Good')).toEqual([]);
  });
});

it('lists every rule in its README', () => {
  const readme = readFileSync(join(DOCS, 'README.md'), 'utf8');
  for (const { id, refuses } of rules) expect(readme).toContain(`| [${id}](${id}.md) | ${refuses} |`);
});
