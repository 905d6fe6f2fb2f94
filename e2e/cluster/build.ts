import { buildControlPlane } from './control-plane';
import { buildSparkOperator, sparkHome } from './spark-operator';

/** Before any test's clock runs: builds and fetches what is not in the cache. */
export default async function build(): Promise<void> {
  await buildControlPlane();
  await buildSparkOperator();
  await sparkHome();
}
