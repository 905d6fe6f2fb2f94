// npm runs this after it has installed the repository itself. Where it does so for a global installation, as pre-commit
// asks it to, it leaves the dependencies out of the copy that it packs, and there is nothing to build with.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

// A working copy runs from its sources.
if (process.env.npm_command === 'ci') process.exit(0);

const home = join(__dirname, '..');
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_config_(global|prefix|local_prefix|install_links)$/i.test(name),
  ),
);

function npm(...args) {
  const { status } = spawnSync('npm', args, {
    cwd: home,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(home, 'node_modules', '.bin', 'tsx')))
  npm('ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund');
npm('run', '--silent', 'build');
