import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '../..');

test('the cdk8s CLI writes what npm run synth writes, nothing else, and asks nobody for a newer version', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'home-'));
  try {
    const output = path.join(home, 'dist');
    const { CDK8S_CHECK_UPGRADE: _, ...env } = process.env;
    const { status, stderr } = spawnSync(
      'npm',
      ['run', '--silent', 'cdk8s', '--', 'synth', '--output', output],
      {
        cwd: root,
        env: { ...env, HOME: home },
        encoding: 'utf8',
      },
    );
    const files = (folder: string) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
        .sort();
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/: 7 files, \d+ objects\n.*\ndone in .* s\n$/),
    });
    expect(existsSync(path.join(home, '.cdk8s-cli.version'))).toBe(false);
    expect(files(output)).toEqual(files(path.join(root, 'dist')));
    for (const file of files(output)) {
      expect(readFileSync(path.join(output, file), 'utf8')).toBe(
        readFileSync(path.join(root, 'dist', file), 'utf8'),
      );
    }
  } finally {
    rmSync(home, { recursive: true });
  }
}, 240_000);
