import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architecture } from '../lib/architecture';
import { LakehouseChart } from '../lib/lakehouse-chart';
import { mainApp } from './main-app';

const USAGE = `usage: npm run docs:architecture [-- --check]
Draws docs/architecture.svg from the construct tree of main.ts.
  --check  write nothing; exit 1 when the file is not what would be drawn`;
const picture = join(__dirname, '..', 'docs', 'architecture.svg');

function main(args: readonly string[]): void {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE);
    return;
  }
  const chart = mainApp()
    ?.node.findAll()
    .find((node): node is LakehouseChart => node instanceof LakehouseChart);
  if (chart === undefined) {
    process.exitCode = 1;
    return;
  }
  const drawn = architecture(chart);
  if (!args.includes('--check')) {
    writeFileSync(picture, drawn);
  } else if (!existsSync(picture) || readFileSync(picture, 'utf8') !== drawn) {
    console.error('docs/architecture.svg is stale; run npm run docs:architecture and commit it');
    process.exitCode = 1;
  }
}

main(process.argv.slice(2));
