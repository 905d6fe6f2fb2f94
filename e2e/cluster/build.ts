import { buildControlPlane } from './control-plane';
import { buildSparkOperator } from './spark-operator';

/** Before any test's clock runs: builds the programs that are not in the cache. */
export default async function build(): Promise<void> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  await buildControlPlane(log);
  await buildSparkOperator(log);
}
