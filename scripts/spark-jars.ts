import { commandLine } from '../lib/commands/command-line';
import { connectorJars } from '../lib/lakehouse/spark/spark-dependencies';

const USAGE = `usage: npm run --silent build:spark-jars
Prints the Maven coordinates of the jars that an image for SparkDependencies.baked() must hold, one a line.`;

/**
 * Prints the Maven coordinates, one a line, of exactly the jars that a Spark image must hold in /opt/spark/jars
 * beside its own, for jobs with `SparkDependencies.baked()`.
 */
void commandLine(USAGE, {}, () => {
  for (const jar of connectorJars(['kafka', 'objectStore'])) console.log(jar);
});
