import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { namespaceOf } from '../manifest/pod-templates';
import { asObject, asObjects, at, listItems } from '../object/manifest-object';
import type { At } from '../python/values';
import { knownText, shownText, type Text } from '../python/values';
import type { Job } from './job';
import type { Model } from './model';
import { bucketOf } from './object-store';
import { isStrimzi, kafkaClusters, STRIMZI_CLUSTER_LABEL } from './strimzi';
import { escapeRegExp } from './text-pattern';

/** Topics that jobs read or write in a Kafka of these files, and no KafkaTopic declares. */
export function missingTopics(model: Model): Found[] {
  const clusters = kafkaClusters(model);
  if (clusters.length === 0) return [];
  return model.jobs.flatMap(job =>
    [...(job.code?.facts.sources ?? []), ...(job.code?.facts.sinks ?? [])].flatMap((endpoint): Found[] => {
      const { code } = job;
      if (code === undefined || endpoint.format !== 'kafka') return [];
      const servers = shownText(endpoint.options.get('kafka.bootstrap.servers')?.value);
      const cluster = clusters.find(
        kafka =>
          new RegExp(`(^|[,/])${escapeRegExp(kafka.metadata.name)}-kafka-(bootstrap|brokers|\\d)`).test(
            servers,
          ) || new RegExp(`\\.${escapeRegExp(kafka.metadata.name)}-kafka-brokers\\b`).test(servers),
      );
      if (cluster === undefined) return [];
      const topics = model
        .ofKind('KafkaTopic')
        .filter(
          topic =>
            isStrimzi(topic) && topic.metadata.labels?.[STRIMZI_CLUSTER_LABEL] === cluster.metadata.name,
        )
        .map(topic => String(at(topic.body, 'spec', 'topicName') ?? topic.metadata.name));
      // Brokers make topics by themselves unless that is off: without any KafkaTopic nothing is known.
      const makesTopics = at(cluster.body, 'spec', 'kafka', 'config', 'auto.create.topics.enable');
      if (topics.length === 0 && String(makesTopics ?? 'true') !== 'false') return [];
      const setting = endpoint.options.get('subscribe') ?? endpoint.options.get('topic');
      const names = knownText(setting?.value);
      if (setting === undefined || names === undefined) return [];
      return names
        .split(',')
        .map(name => name.trim())
        .filter(
          name =>
            name !== '' &&
            !topics.includes(name) &&
            !model.isExternal('KafkaTopic', cluster.metadata.namespace, name),
        )
        .map(name => ({
          place: code.placeOf(setting.value, setting.at),
          message: say`topic ${measured(name, quote)} of ${job.name} is not declared for Kafka ${cluster.metadata.name}${topics.length === 0 ? ', which makes no topic by itself' : `; declared are ${listed(topics.sort())}`}`,
          remedy: say`declare a KafkaTopic, or say that it exists with --external KafkaTopic/${namespaceOf(cluster)}/${name}`,
          concerns: [job.object],
        }));
    }),
  );
}

/** Buckets that jobs name and nothing makes, where the files make buckets at all. */
export function missingBuckets(model: Model): Found[] {
  const declared = declaredBuckets(model);
  if (declared === undefined) return [];
  return model.jobs.flatMap(job => {
    const seen = new Set<string>();
    return locationsOf(job).flatMap(({ text, at: from }): Found[] => {
      const bucket = bucketOf(`${text.parts[0] ?? ''}`);
      const isWhole =
        bucket !== undefined &&
        (text.parts.length === 1 || (text.parts[0] ?? '').slice('s3a://'.length).includes('/'));
      if (
        !isWhole ||
        bucket === undefined ||
        declared.has(bucket) ||
        seen.has(bucket) ||
        model.isExternal('Bucket', undefined, bucket) ||
        job.code === undefined
      )
        return [];
      seen.add(bucket);
      return [
        {
          place: job.code.placeOf(text, from),
          message: say`bucket ${measured(bucket, quote)} of ${job.name} is not declared; declared are ${allowed(listed([...declared.named].sort()))}`,
          remedy: say`make the bucket where the others are made, or say that it exists with --external Bucket/${bucket}`,
          concerns: [job.object],
        },
      ];
    });
  });
}

function locationsOf(job: Job): { text: Text; at: At }[] {
  const facts = job.code?.facts;
  if (facts === undefined) return [];
  return [
    ...facts.sources.flatMap(source => source.paths.map(text => ({ text, at: source.at }))),
    ...facts.sinks.flatMap(sink => (sink.path === undefined ? [] : [{ text: sink.path, at: sink.at }])),
    ...[...facts.sinks].flatMap(sink => {
      const checkpoint = sink.options.get('checkpointlocation');
      return checkpoint === undefined ? [] : [{ text: checkpoint.value, at: checkpoint.at }];
    }),
    ...facts.mentioned.map(({ value, at: from }) => ({ text: value, at: from })),
  ];
}

interface Buckets {
  readonly named: ReadonlySet<string>;
  readonly has: (bucket: string) => boolean;
}

/** Commands that make buckets, and the words behind them: of MinIO, AWS, s3cmd, s5cmd, rclone, Garage and SeaweedFS. */
const BUCKET_MAKERS =
  /\b(?:mc(?:li)?\s+(?:--?\S+\s+)*mb\b|aws\b[^\n;]{0,200}?\bs3\s+mb\b|create-bucket\b[^\n;]{0,200}?--bucket\b|s[35]cmd\b[^\n;|&]{0,200}?\smb\b|rclone\b[^\n;|&]{0,200}?\smkdir\b|garage\b[^\n;|&]{0,200}?\sbucket\s+create\b|s3\.bucket\.create\s+--?name\b)\s*((?:\\\n|[^\n;|&<>])*)/g;

/** Calls of clients in Python that make a bucket, with its name where it is written out. */
const CLIENT_CALLS =
  /\b(?:create_bucket|make_bucket)\(\s*(?:(?:Bucket|bucket_name|bucket)\s*=\s*)?(?:["']([^"']+)["'])?/g;

/** `mc mb`, `aws s3 mb` and `create-bucket` in any script, and the resources of operators that make buckets. */
function declaredBuckets(model: Model): Buckets | undefined {
  const named = new Set<string>();
  /** Texts beside a script that makes buckets whose names it reads from somewhere. */
  const sources: string[] = [];
  const read = (script: string, beside: readonly string[]) => {
    for (const match of script.matchAll(BUCKET_MAKERS)) {
      const words = (match[1] ?? '')
        .split(/[\s"']+/)
        .filter(word => word !== '' && !word.startsWith('-') && word !== '\\');
      for (const word of words) {
        const bucket = word
          .replace(/^=|^s3:\/\//, '')
          .replace(/^[\w-]+[/:]/, '')
          .replace(/\/$/, '');
        if (/[$`]/.test(bucket)) sources.push(...beside);
        else if (/^[a-z0-9][a-z0-9.-]+[a-z0-9]$/.test(bucket)) named.add(bucket);
      }
    }
  };
  for (const object of model.ofKind('ConfigMap')) {
    for (const text of Object.values(asObject(object.body['data'])).filter(
      value => typeof value === 'string',
    )) {
      for (const [, literal] of text.matchAll(CLIENT_CALLS)) {
        if (literal === undefined) sources.push(text);
        else named.add(literal);
      }
    }
    const texts = Object.values(asObject(object.body['data'])).filter(value => typeof value === 'string');
    for (const text of texts) read(text, texts);
  }
  for (const { spec } of model.templates) {
    const texts = ['initContainers', 'containers'].flatMap(key =>
      asObjects(spec[key]).flatMap(container => [
        ...['command', 'args'].map(field =>
          listItems(container[field])
            .map(([word]) => String(word))
            .join(' '),
        ),
        ...asObjects(container['env']).map(({ value }) => String(value ?? '')),
      ]),
    );
    for (const text of texts) read(text, texts);
    for (const { name, value } of asObjects(
      asObjects(spec['containers']).flatMap(container => asObjects(container['env'])),
    )) {
      if (name === 'MINIO_DEFAULT_BUCKETS')
        for (const bucket of String(value).split(/[,;\s]+/)) named.add(bucket.split(':')[0] ?? bucket);
    }
  }
  for (const object of model.ofKind('Tenant'))
    for (const { name } of asObjects(at(object.body, 'spec', 'buckets'))) named.add(String(name));
  for (const object of model.ofKind('Bucket'))
    named.add(String(at(object.body, 'spec', 'name') ?? object.metadata.name));
  for (const object of model.ofKind('ObjectBucketClaim'))
    named.add(String(at(object.body, 'spec', 'bucketName') ?? object.metadata.name));
  // Names that a script reads: every word of the texts beside it.
  const words = new Set(sources.flatMap(text => text.split(/[^a-z0-9.-]+/)));
  if (named.size === 0 && words.size === 0) return undefined;
  const listedNames =
    named.size > 0
      ? named
      : new Set(
          sources.flatMap(text =>
            /^(?:[a-z0-9][a-z0-9.-]*[a-z0-9]\s*)+$/.test(text.trim()) ? text.trim().split(/\s+/) : [],
          ),
        );
  return { named: listedNames, has: bucket => named.has(bucket) || words.has(bucket) };
}
