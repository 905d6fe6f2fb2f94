import { connectorJars } from '../lib/constructs/spark-dependencies';

/**
 * Prints the Maven coordinates, one a line, of exactly the jars that a Spark image must hold in /opt/spark/jars
 * beside its own, for jobs with `SparkDependencies.baked()`.
 */
for (const jar of connectorJars(['kafka', 'objectStore'])) console.log(jar);
