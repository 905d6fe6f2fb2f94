import { parseArgs } from 'node:util';
import { connectorJars } from '../lib/constructs/spark-dependencies';

const USAGE = `usage: npm run --silent spark-jars
Prints the Maven coordinates of the jars that an image for SparkDependencies.baked() must hold, one a line.`;

/**
 * Prints the Maven coordinates, one a line, of exactly the jars that a Spark image must hold in /opt/spark/jars
 * beside its own, for jobs with `SparkDependencies.baked()`.
 */
const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
if (values.help) console.log(USAGE);
else for (const jar of connectorJars(['kafka', 'objectStore'])) console.log(jar);
