import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'cdk8s';
import { LakehouseChart } from '../lib/lakehouse-chart';
import { networkTable } from '../lib/network-table';

/** Writes docs/network.md from the flows of the default chart. */
const { flows } = new LakehouseChart(new App(), 'lakehouse').network;
writeFileSync(join(__dirname, '..', 'docs', 'network.md'), networkTable(flows));
