const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { compileFunction } = require('node:vm');

const home = join(__dirname, '..');
const CACHE = join(home, '.cache', 'check.js');

/** What the bundle was made of, by content: a restored or copied folder keeps no reliable times. */
function digestOf(inputs) {
  const hash = createHash('sha256').update(readFileSync(__filename));
  for (const input of inputs) hash.update(`\n${input}\n`).update(readFileSync(join(home, input)));
  return hash.digest('hex');
}

/** The bundle of the last run, unless a file that it was made of has changed or is gone. */
function cached() {
  try {
    const text = readFileSync(CACHE, 'utf8');
    const { inputs, digest } = JSON.parse(text.slice(2, text.indexOf('\n')));
    return digestOf(inputs) === digest ? text : undefined;
  } catch {
    return undefined;
  }
}

/** One file instead of 180: reading the modules one by one, through a compiler, is most of the time of a small folder. */
function bundled() {
  const { outputFiles, metafile } = require('esbuild').buildSync({
    entryPoints: ['lib/commands/check.ts'],
    absWorkingDir: home,
    bundle: true,
    platform: 'node',
    // Its WebAssembly lies beside it, and most runs need none of it.
    external: ['@astral-sh/ruff-wasm-nodejs'],
    target: 'node20',
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs);
  const text = `//${JSON.stringify({ inputs, digest: digestOf(inputs) })}\n${outputFiles[0].text}`;
  try {
    mkdirSync(join(home, '.cache'), { recursive: true });
    writeFileSync(`${CACHE}.${process.pid}`, text);
    renameSync(`${CACHE}.${process.pid}`, CACHE);
  } catch {
    // A folder that cannot be written costs the time of a bundle, nothing else.
  }
  return text;
}

const module_ = { exports: {} };
compileFunction(cached() ?? bundled(), ['module', 'require'], { filename: CACHE })(module_, require);

module_.exports.check(process.argv.slice(2), home);
