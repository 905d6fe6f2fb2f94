import { awsLibraries, lineOf, sdkLineOf } from '../facts/aws-sdk';
import { parseImage } from '../facts/images';
import type { Job } from '../facts/job';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import {
  hadoopOf,
  imageSparkVersion,
  mavenCoordinate,
  scalaOf,
  sparkVersionOf,
} from '../facts/spark-version';
import { isStrimzi, kafkaClusters, nodePools, usesNodePools } from '../facts/strimzi';
import { strimzi } from '../facts/strimzi-releases';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { declaredContainers } from '../manifest/pod-templates';
import { asObject, at, isObject, type ManifestObject } from '../object/manifest-object';

/** Versions that cannot go together are found when the first record is read, or never. */
export const versionConflict: Rule = {
  id: 'version-conflict',
  level: 'error',
  needs: ['setting'],
  refuses:
    'Scala, Spark, Hadoop, connector or Strimzi, Kafka and API versions that cannot go together, ignored fields included',
  remedy: 'take versions that belong together; lib/lakehouse/versions.ts names a set that does',
  check: model => [...model.jobs.flatMap(sparkConflicts), ...strimziConflicts(model)],
};

/** Artifacts of the Spark project itself: their version is Spark's. */
const SPARK_GROUP = 'org.apache.spark';
/** Artifacts of Hadoop that load classes of the Hadoop that is there: their version must be the same. */
const HADOOP_ARTIFACTS: ReadonlySet<string> = new Set([
  'hadoop-aws',
  'hadoop-azure',
  'hadoop-cloud-storage',
  'hadoop-common',
  'hadoop-client',
  'hadoop-client-api',
  'hadoop-client-runtime',
]);

function sparkConflicts(job: Job): Found[] {
  const fromImage = imageSparkVersion(job.image?.value);
  const spark = sparkVersionOf(job);
  const scala = scalaOf(job);
  const hadoop = hadoopOf(job);
  const concerns = [job.object];
  const findings: Found[] = [];
  if (
    fromImage !== undefined &&
    job.sparkVersion !== undefined &&
    job.sparkVersion !== fromImage &&
    /^\d+\.\d+\.\d+/.test(job.sparkVersion)
  ) {
    findings.push({
      place: { object: job.object, path: [...job.path, 'sparkVersion'] },
      message: say`sparkVersion ${measured(job.sparkVersion, quote)} of ${job.name} is not the Spark of image ${quote(job.image?.value)}, which is ${allowed(fromImage)}`,
      remedy: say`set sparkVersion to ${fromImage}, or take the image of ${job.sparkVersion}`,
    });
  }
  const packages = job.packages.flatMap(stated => {
    const coordinate = mavenCoordinate(stated.value);
    return coordinate === undefined ? [] : [{ stated, coordinate }];
  });
  const scalas = new Set(packages.flatMap(({ coordinate }) => coordinate.scala ?? []));
  for (const { stated, coordinate } of packages) {
    const at = stated.place;
    if (coordinate.scala !== undefined && scala !== undefined && coordinate.scala !== scala) {
      findings.push({
        place: at,
        message: say`package ${quote(stated.value)} of ${job.name} is built for Scala ${measured(coordinate.scala)} but its Spark ${spark ?? ''} for Scala ${allowed(scala)}`,
        remedy: say`take ${coordinate.base}_${scala}`,
        concerns,
      });
    } else if (coordinate.scala !== undefined && scala === undefined && scalas.size > 1) {
      findings.push({
        place: at,
        message: say`packages of ${job.name} are built for Scala ${measured(listed([...scalas].sort()))}, of which one program can load one`,
        remedy: say`take all of them for the Scala of the Spark image`,
        concerns,
      });
    }
    if (
      coordinate.group === SPARK_GROUP &&
      spark !== undefined &&
      minor(coordinate.version) !== minor(spark)
    ) {
      findings.push({
        place: at,
        message: say`package ${quote(stated.value)} of ${job.name} belongs to Spark ${measured(coordinate.version)} but the job runs Spark ${allowed(spark)}`,
        remedy: say`take version ${spark}`,
        concerns,
      });
    }
    if (HADOOP_ARTIFACTS.has(coordinate.artifact) && hadoop !== undefined && coordinate.version !== hadoop) {
      findings.push({
        place: at,
        message: say`package ${quote(stated.value)} of ${job.name} belongs to Hadoop ${measured(coordinate.version)} but Spark ${spark ?? ''} brings Hadoop ${allowed(hadoop)}; two versions of Hadoop cannot be loaded together`,
        remedy: say`take ${coordinate.group}:${coordinate.artifact}:${hadoop}`,
        concerns,
      });
    }
  }
  return [...findings, ...sdkConflicts(job)];
}

/** hadoop-aws calls the SDK that it was built with: "NoSuchMethodError", or a class that is not found. */
function sdkConflicts(job: Job): Found[] {
  const { hadoop, sdk } = awsLibraries(job);
  const [aws] = hadoop;
  const wanted = aws === undefined ? undefined : sdkLineOf(aws.version);
  if (aws === undefined || wanted === undefined) return [];
  return sdk
    .filter(({ version }) => lineOf(version) !== wanted)
    .map(({ version, stated, isJar }) => ({
      place: stated.place,
      // Of packages Ivy takes the newer, and adds what is missing.
      ...(isJar && aws.isJar ? {} : { level: 'warning' as const }),
      message: say`${job.name} brings Amazon's SDK ${measured(version)} beside hadoop-aws ${aws.version}, which is built with ${allowed(wanted)}`,
      remedy:
        isJar && aws.isJar
          ? say`take the bundle that hadoop-aws ${aws.version} was built with, or take hadoop-aws as a package, which brings it`
          : say`leave it out: the package hadoop-aws brings the one that it was built with`,
      concerns: [job.object],
    }));
}

function minor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function strimziConflicts(model: Model): Found[] {
  const operator = operatorVersion(model);
  return [
    ...kafkaClusters(model).flatMap(kafka => kafkaConflicts(model, kafka, operator)),
    ...model.objects.filter(isStrimzi).flatMap(object => apiConflicts(object, operator)),
  ];
}

interface OperatorVersion {
  readonly version: string;
  readonly object: ManifestObject;
}

/** The release of Strimzi's cluster operator, when it is among the files. */
function operatorVersion(model: Model): OperatorVersion | undefined {
  for (const template of model.templates) {
    for (const { container } of declaredContainers(template)) {
      const image = container['image'];
      if (typeof image !== 'string') continue;
      const { repository, tag } = parseImage(image);
      const version = /^v?(\d+\.\d+\.\d+)/.exec(tag ?? '')?.[1];
      if (repository === 'strimzi/operator' && version !== undefined)
        return { version, object: template.object };
    }
  }
  return undefined;
}

/** API v1 came with Strimzi 0.49; 1.0 dropped v1beta2. */
function apiConflicts(object: ManifestObject, operator: OperatorVersion | undefined): Found[] {
  if (operator === undefined) return [];
  const api = object.apiVersion.split('/')[1] ?? '';
  const [major = 0, line = 0] = operator.version.split('.').map(Number);
  const isV1 = api === 'v1';
  const place = { object, path: ['apiVersion'] };
  if (isV1 && major === 0 && line < 49) {
    return [
      {
        place: place,
        message: say`${object.kind} ${object.metadata.name} has apiVersion ${measured(object.apiVersion)}, which Strimzi ${operator.version} does not serve; it came with 0.49`,
        remedy: say`write kafka.strimzi.io/v1beta2, or take a newer Strimzi`,
        concerns: [operator.object],
      },
    ];
  }
  if (!isV1 && major >= 1) {
    return [
      {
        place: place,
        message: say`${object.kind} ${object.metadata.name} has apiVersion ${measured(object.apiVersion)}, which Strimzi ${operator.version} no longer serves`,
        remedy: say`write kafka.strimzi.io/v1`,
        concerns: [operator.object],
      },
    ];
  }
  return [];
}

function kafkaConflicts(model: Model, kafka: ManifestObject, operator: OperatorVersion | undefined): Found[] {
  const { name } = kafka.metadata;
  const spec = asObject(kafka.body['spec']);
  const version = at(spec, 'kafka', 'version');
  const hasVersion = typeof version === 'string' || typeof version === 'number';
  const major = hasVersion ? Number(String(version).split('.')[0]) : undefined;
  const hasZooKeeper = isObject(spec['zookeeper']);
  const isV1 = kafka.apiVersion.endsWith('/v1');
  const isKraft = kafka.metadata.annotations?.['strimzi.io/kraft'] === 'enabled';
  const place = (...path: string[]) => ({ object: kafka, path: ['spec', ...path] });
  const findings: Found[] = [];

  if (hasZooKeeper && isV1) {
    findings.push({
      place: place('zookeeper'),
      message: say`Kafka ${name} has ZooKeeper, which apiVersion kafka.strimzi.io/v1 does not know: it is KRaft only`,
      remedy: say`delete spec.zookeeper and add a KafkaNodePool with role controller, or use Strimzi ${strimzi.zookeeper.version} with v1beta2`,
    });
  } else if (hasZooKeeper && major !== undefined && major >= 4) {
    findings.push({
      place: place('kafka', 'version'),
      message: say`Kafka ${name} has ZooKeeper with Kafka ${measured(String(version))}, but Kafka 4 is KRaft only`,
      remedy: say`delete spec.zookeeper and add a KafkaNodePool with role controller, or use Kafka ${strimzi.zookeeper.kafkaVersion}`,
    });
  } else if (hasZooKeeper && isKraft) {
    findings.push({
      place: place('zookeeper'),
      message: say`spec.zookeeper of Kafka ${name} is ignored: the annotation strimzi.io/kraft is enabled`,
      remedy: say`delete spec.zookeeper`,
    });
  } else if (hasZooKeeper && at(spec, 'kafka', 'metadataVersion') !== undefined) {
    findings.push({
      place: place('kafka', 'metadataVersion'),
      message: say`metadataVersion of Kafka ${name} is ignored: it belongs to KRaft and this cluster has ZooKeeper`,
      remedy: say`delete spec.kafka.metadataVersion`,
    });
  }
  if (hasZooKeeper && operator !== undefined && !isBeforeKraftOnly(operator.version)) {
    findings.push({
      place: place('zookeeper'),
      message: say`Kafka ${name} has ZooKeeper, which Strimzi ${operator.version} does not run: 0.46 dropped it`,
      remedy: say`use Strimzi ${strimzi.zookeeper.version}, or migrate to KRaft`,
      concerns: [operator.object],
    });
  }
  const isIgnored = usesNodePools(model, kafka) ? poolsAlone(kafka, operator?.version) : false;
  if (isIgnored !== false) {
    for (const field of ['replicas', 'storage'] as const) {
      if (at(spec, 'kafka', field) === undefined) continue;
      findings.push({
        place: place('kafka', field),
        ...(isIgnored ? {} : { level: 'warning' as const }),
        message: say`spec.kafka.${field} of Kafka ${name} is ignored: its node pools say it`,
        remedy: isIgnored
          ? say`delete spec.kafka.${field}`
          : say`delete spec.kafka.${field} if your Strimzi is 0.40 or later; an earlier one requires the field`,
        concerns: nodePools(model, kafka),
      });
    }
  }
  if (!hasZooKeeper && (isV1 || isKraft || (major ?? 0) >= 4)) {
    for (const key of ['inter.broker.protocol.version', 'log.message.format.version'] as const) {
      if (at(spec, 'kafka', 'config', key) === undefined) continue;
      findings.push({
        place: place('kafka', 'config', key),
        message: say`${key} of Kafka ${name} is ignored: KRaft goes by metadataVersion`,
        remedy: say`delete ${key}; set spec.kafka.metadataVersion instead`,
      });
    }
  }
  const release = Object.values(strimzi).find(item => item.version === operator?.version);
  if (
    release !== undefined &&
    hasVersion &&
    !(release.kafkaVersions as readonly string[]).includes(String(version))
  ) {
    findings.push({
      place: place('kafka', 'version'),
      message: say`Kafka ${name} has version ${measured(String(version))}, which Strimzi ${release.version} does not run`,
      remedy: say`use one of ${listed([...release.kafkaVersions], 'or')}`,
      ...(operator === undefined ? {} : { concerns: [operator.object] }),
    });
  }
  const metadata = at(spec, 'kafka', 'metadataVersion');
  const wanted = /^(\d+)\.(\d+)/.exec(String(metadata ?? ''));
  const have = /^(\d+)\.(\d+)/.exec(String(version ?? ''));
  if (
    wanted !== null &&
    have !== null &&
    Number(wanted[1]) * 1000 + Number(wanted[2]) > Number(have[1]) * 1000 + Number(have[2])
  ) {
    findings.push({
      place: place('kafka', 'metadataVersion'),
      message: say`metadataVersion ${measured(String(metadata), quote)} of Kafka ${name} is newer than its Kafka ${allowed(String(version))}`,
      remedy: say`set metadataVersion to ${have[1] ?? ''}.${have[2] ?? ''} or lower`,
    });
  }
  return findings;
}

function isBeforeKraftOnly(version: string): boolean {
  const [major = 0, line = 0] = version.split('.').map(Number);
  return major === 0 && line < 46;
}

/**
 * Whether the Kafka resource may leave out what its pools say: since Strimzi 0.40, which brought Kafka 3.7 and dropped
 * Kafka 3.5. Undefined where the files do not tell the release: Kafka 3.6 runs on both sides of it.
 */
function poolsAlone(kafka: ManifestObject, operator: string | undefined): boolean | undefined {
  if (operator !== undefined) {
    const [major = 0, line = 0] = operator.split('.').map(Number);
    return major > 0 || line >= 40;
  }
  if (kafka.apiVersion.endsWith('/v1')) return true;
  const version = /^(\d+)\.(\d+)/.exec(String(at(kafka.body, 'spec', 'kafka', 'version') ?? ''));
  if (version === null) return undefined;
  const line = Number(version[1]) * 1000 + Number(version[2]);
  return line === 3006 ? undefined : line > 3006;
}
