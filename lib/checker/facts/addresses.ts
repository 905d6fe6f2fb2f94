import type { Place } from '../finding/finding';
import type { Path } from '../finding/message';
import { declaredContainers, sparkSpec } from '../manifest/pod-templates';
import { asObject, asObjects, at, isObject, listItems, type ManifestObject } from '../object/manifest-object';
import { knownText } from '../python/values';
import type { Model } from './model';
import { isStrimzi } from './strimzi';

/** How a client of Kafka speaks, where that is known. */
export interface KafkaClient {
  readonly isEncrypted: boolean;
  readonly isAuthenticated: boolean;
  /** The setting that says it, as its program calls it. */
  readonly says: string;
}

/** An address that somebody wrote down for a client. */
export interface Address {
  /** Whose address it is: the pods of this object use it. */
  readonly object: ManifestObject;
  readonly place: Place;
  readonly host: string;
  readonly port: number;
  /** Whether it stands where an address is expected: behind a scheme, or in a setting for addresses. */
  readonly isSure: boolean;
  /** Undefined where nobody says it. */
  readonly client?: KafkaClient;
}

/** Every address among the manifests, each once for an object. */
export function addressesIn(model: Model): Address[] {
  const all = [
    ...ofJobs(model),
    ...model.objects.filter(isStrimzi).flatMap(ofStrimzi),
    ...model.templates.flatMap(template =>
      declaredContainers(template).flatMap(({ container, path }) =>
        ofContainer(template.object, container, path),
      ),
    ),
    ...model.objects.flatMap(ofSparkApplication),
    ...model.ofKind('ConfigMap').flatMap(ofConfigMap),
  ];
  const seen = new Set<string>();
  return all.filter(({ object, host, port }) => {
    const key = `${objectKey(object)} ${host}:${port}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function objectKey({ apiVersion, kind, metadata }: ManifestObject): string {
  return [apiVersion, kind, metadata.namespace ?? '', metadata.name].join('/');
}

const ADDRESS =
  /(?<![\w./-])(?:([A-Za-z][\w+.-]*):\/\/(?:[^\s/@'"]*@)?)?([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?):(\d{2,5})(?![\w.])/g;

/** host:port pieces of a text. */
function addresses(text: string): Pick<Address, 'host' | 'port' | 'isSure'>[] {
  return [...text.matchAll(ADDRESS)].map(([, scheme, host = '', port = '']) => ({
    host,
    port: Number(port),
    isSure: scheme !== undefined,
  }));
}

function ofText(object: ManifestObject, path: Path, text: unknown): Address[] {
  if (typeof text !== 'string' || !text.includes(':')) return [];
  return text.split('\n').flatMap((line, innerLine) =>
    /^\s*(#|\/\/|--)/.test(line)
      ? []
      : addresses(line).map(address => ({
          ...address,
          object,
          place: { object, path, ...(innerLine === 0 ? {} : { innerLine }) },
        })),
  );
}

/** What the code of Spark jobs reads from and writes to. */
function ofJobs(model: Model): Address[] {
  return model.jobs.flatMap(({ object, code }) =>
    [...(code?.facts.sources ?? []), ...(code?.facts.sinks ?? [])].flatMap(endpoint => {
      const servers = endpoint.options.get('kafka.bootstrap.servers');
      const text = knownText(servers?.value);
      if (code === undefined || endpoint.format !== 'kafka' || servers === undefined || text === undefined)
        return [];
      const protocol = endpoint.options.get('kafka.security.protocol');
      const spoken = protocol === undefined ? 'PLAINTEXT' : knownText(protocol.value)?.toUpperCase();
      const isKnown = !endpoint.hasOpenOptions && spoken !== undefined;
      return addresses(text).map(
        (address): Address => ({
          ...address,
          isSure: true,
          object,
          place: code.placeOf(servers.value, servers.at),
          ...(isKnown
            ? {
                client: {
                  isEncrypted: spoken.endsWith('SSL'),
                  isAuthenticated: spoken.startsWith('SASL'),
                  says:
                    protocol === undefined
                      ? 'no kafka.security.protocol'
                      : `kafka.security.protocol ${spoken}`,
                },
              }
            : {}),
        }),
      );
    }),
  );
}

/** The resources of Strimzi that connect to a Kafka. */
function ofStrimzi(object: ManifestObject): Address[] {
  const spec = object.body['spec'];
  const of = (from: unknown, path: Path): Address[] => {
    const servers = at(from, 'bootstrapServers');
    if (typeof servers !== 'string') return [];
    const hasTls = isObject(at(from, 'tls'));
    const authentication = at(from, 'authentication', 'type');
    return addresses(servers).map(address => ({
      ...address,
      isSure: true,
      object,
      place: { object, path: [...path, 'bootstrapServers'] },
      client: {
        isEncrypted: hasTls,
        isAuthenticated: authentication !== undefined && authentication !== 'tls',
        says: hasTls ? 'tls' : 'no tls',
      },
    }));
  };
  switch (object.kind) {
    case 'KafkaConnect':
    case 'KafkaBridge':
      return of(spec, ['spec']);
    case 'KafkaMirrorMaker2':
      return [
        ...listItems(at(spec, 'clusters')).flatMap(([cluster, index]) =>
          of(cluster, ['spec', 'clusters', index]),
        ),
        ...of(at(spec, 'target'), ['spec', 'target']),
        ...listItems(at(spec, 'mirrors')).flatMap(([mirror, index]) =>
          of(at(mirror, 'source'), ['spec', 'mirrors', index, 'source']),
        ),
      ];
    default:
      return [];
  }
}

function ofContainer(object: ManifestObject, container: unknown, path: Path): Address[] {
  return [
    ...listItems(at(container, 'env')).flatMap(([entry, index]) =>
      ofText(object, [...path, 'env', index, 'value'], at(entry, 'value')),
    ),
    ...['command', 'args'].flatMap(key =>
      listItems(at(container, key)).flatMap(([word, index]) => ofText(object, [...path, key, index], word)),
    ),
  ];
}

function ofSparkApplication(object: ManifestObject): Address[] {
  const application = sparkSpec(object);
  if (application === undefined) return [];
  const { spec, path } = application;
  return [
    ...['sparkConf', 'hadoopConf'].flatMap(key =>
      Object.entries(asObject(spec[key])).flatMap(([name, value]) =>
        ofText(object, [...path, key, name], value),
      ),
    ),
    ...listItems(spec['arguments']).flatMap(([word, index]) =>
      ofText(object, [...path, 'arguments', index], word),
    ),
    ...['driver', 'executor'].flatMap(part => [
      ...ofContainer(object, spec[part], [...path, part]),
      ...Object.entries(asObject(at(spec, part, 'envVars'))).flatMap(([name, value]) =>
        ofText(object, [...path, part, 'envVars', name], value),
      ),
      ...['initContainers', 'sidecars'].flatMap(key =>
        asObjects(at(spec, part, key)).flatMap((container, index) =>
          ofContainer(object, container, [...path, part, key, index]),
        ),
      ),
    ]),
  ];
}

/** The code in it is followed with the job that runs it. */
function ofConfigMap(object: ManifestObject): Address[] {
  return Object.entries(asObject(object.body['data'])).flatMap(([key, text]) =>
    /\.(py|sql|json|md|html?)$/.test(key) ? [] : ofText(object, ['data', key], text),
  );
}
