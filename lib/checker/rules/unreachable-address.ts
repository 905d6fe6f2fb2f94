import { distance } from 'fastest-levenshtein';
import { type Address, addressesIn } from '../facts/addresses';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { kafkaClusters } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, type Message, measured, quote, say } from '../finding/message';
import { namespaceOf } from '../manifest/pod-templates';
import { asObjects, at, isObject, type ManifestObject, type PlainObject } from '../object/manifest-object';
import { objectId } from '../object/object-id';

/** An address that nothing answers: the client waits and tries for ever, and no pod looks ill. */
export const unreachableAddress: Rule = {
  id: 'unreachable-address',
  level: 'error',
  needs: ['course', 'options'],
  refuses:
    'an address of a Kafka or Service of these files with another name, namespace, port or encryption than it has',
  remedy: 'write the address as the Kafka or Service has it',
  check: model => {
    const services = kafkaClusters(model).flatMap(servicesOf);
    const clusters = distinctNames(model);
    return addressesIn(model).flatMap((address): Found[] => {
      const kafka = ofKafka(model, services, clusters, address);
      const said = kafka ?? ofService(model, address);
      if (said === undefined) return [];
      const { place } = address;
      const isElsewhere = !('object' in place) || place.object !== address.object;
      return [{ place, ...said, ...(isElsewhere ? { concerns: [address.object] } : {}) }];
    });
  },
};

type Said = Pick<Found, 'message' | 'remedy' | 'level'>;

interface Listener {
  readonly name: string;
  readonly port: number;
  readonly isEncrypted: boolean;
  readonly authentication: string | undefined;
}

/** A Service that Strimzi's operator makes for a Kafka. */
interface KafkaService {
  readonly kafka: ManifestObject;
  readonly name: string;
  readonly listeners: readonly Listener[];
  /** Further ports, which are not for clients. */
  readonly own: readonly number[];
}

function servicesOf(kafka: ManifestObject): KafkaService[] {
  const written = at(kafka.body, 'spec', 'kafka', 'listeners');
  if (written === undefined) return [];
  const { name } = kafka.metadata;
  const all = asObjects(Array.isArray(written) ? written : beforeV1beta2(written)).map(item => ({
    type: String(item['type']),
    name: String(item['name']),
    port: Number(item['port']),
    isEncrypted: item['tls'] === true,
    authentication: at(item, 'authentication', 'type') as string | undefined,
  }));
  const internal = all.filter(({ type }) => type === 'internal');
  return [
    { kafka, name: `${name}-kafka-bootstrap`, listeners: internal, own: [9091] },
    { kafka, name: `${name}-kafka-brokers`, listeners: internal, own: [9090, 9091, 8443] },
    ...all
      .filter(({ type }) => type !== 'internal')
      .map(listener => ({
        kafka,
        name: `${name}-kafka-${listener.name}-bootstrap`,
        listeners: [listener],
        own: [],
      })),
  ];
}

/** Listeners by their kind, as they were before v1beta2, each on the port that it always had. */
function beforeV1beta2(written: unknown): PlainObject[] {
  return (
    [
      ['plain', 9092, 'internal'],
      ['tls', 9093, 'internal'],
      ['external', 9094, 'external'],
    ] as const
  ).flatMap(([name, port, type]) => {
    const listener = at(written, name);
    const tls = name === 'tls' || (name === 'external' && at(listener, 'tls') !== false);
    return isObject(listener) ? [{ ...listener, name, port, type, tls }] : [];
  });
}

function distinctNames(model: Model): string[] {
  return [...new Set(kafkaClusters(model).map(({ metadata }) => metadata.name))].sort();
}

/** Name and namespace of a Service in a host name; the namespace is undefined where it is left out. */
function serviceIn(
  host: string,
): { readonly name: string; readonly namespace: string | undefined } | undefined {
  const labels = host.split('.');
  const svc = labels.indexOf('svc');
  if (svc >= 0) {
    // One of the pods behind a headless Service has its own name in front.
    const [name, namespace] = [labels[svc - 2], labels[svc - 1]];
    return name === undefined ? undefined : { name, namespace };
  }
  if (labels.length > 2)
    return isBrokers(labels[1]) ? { name: labels[1] ?? '', namespace: labels[2] } : undefined;
  if (isBrokers(labels[1])) return { name: labels[1] ?? '', namespace: undefined };
  return { name: labels[0] ?? '', namespace: labels[1] };
}

function isBrokers(label: string | undefined): boolean {
  return label?.endsWith('-kafka-brokers') === true;
}

/** Whether two namespaces can be one: a manifest without one may be applied to any. */
function mayBeOne(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function ofKafka(
  model: Model,
  services: readonly KafkaService[],
  clusters: readonly string[],
  { object, host, port, client }: Address,
): Said | undefined {
  const service = serviceIn(host);
  if (service === undefined || clusters.length === 0) return undefined;
  const namespace = service.namespace ?? object.metadata.namespace;
  const named = services.filter(({ name }) => name === service.name);
  const shown = measured(`${host}:${port}`, quote);
  if (named.length === 0) return unknownCluster(model, clusters, service, namespace, shown);
  const near = named.filter(({ kafka }) => mayBeOne(kafka.metadata.namespace, namespace));
  const [first] = near;
  if (first === undefined) {
    const [{ kafka }] = named as [KafkaService];
    if (model.isExternal('Kafka', namespace, kafka.metadata.name)) return undefined;
    const home = namespaceOf(kafka);
    return {
      message: say`address ${shown} ${service.namespace === undefined ? `means namespace ${namespace ?? 'default'}, that of its client` : `names namespace ${service.namespace}`}, but Kafka ${kafka.metadata.name} is in ${allowed(home)}`,
      remedy: say`write ${service.name}.${home}.svc:${port}, or say that there is another one with --external Kafka/${namespace ?? 'default'}/${kafka.metadata.name}`,
    };
  }
  // Of several descriptions of one cluster any may be the one that runs.
  const said = near.map(candidate => atListener(candidate, port, client, shown));
  return said.includes(undefined) ? undefined : said[0];
}

function atListener(
  { kafka, listeners, own }: KafkaService,
  port: number,
  client: Address['client'],
  shown: ReturnType<typeof measured>,
): Said | undefined {
  const listener = listeners.find(item => item.port === port);
  if (listener === undefined) {
    if (own.includes(port)) return undefined;
    return {
      message: say`address ${shown}: no listener of Kafka ${kafka.metadata.name} has port ${measured(port)}${listeners.length === 0 ? ' for clients in the cluster' : say`; there are ${allowed(listed(listeners.map(item => `${item.name} ${item.port}`)))}`}`,
      remedy:
        listeners.length === 0
          ? say`add a listener of type internal`
          : say`take port ${listed(
              listeners.map(item => String(item.port)),
              'or',
            )}, or add a listener`,
    };
  }
  return client === undefined ? undefined : spoken(kafka, listener, client, shown);
}

/** A letter or two apart; short names differ by that much anyway. */
function isMisspelt(name: string, other: string): boolean {
  const shortest = Math.min(name.length, other.length);
  return shortest >= 3 && distance(name, other) <= (shortest >= 5 ? 2 : 1);
}

function unknownCluster(
  model: Model,
  clusters: readonly string[],
  { name }: { readonly name: string },
  namespace: string | undefined,
  shown: ReturnType<typeof measured>,
): Said | undefined {
  const cluster = /^(.+)-kafka-(?:brokers|bootstrap)$/.exec(name)?.[1];
  if (cluster === undefined) return undefined;
  const isThere =
    model.ofKind('Service').some(item => item.metadata.name === name) ||
    model.isExternal('Kafka', namespace, cluster) ||
    model.isExternal('Service', namespace, name);
  if (isThere) return undefined;
  // A cluster of quite another name, or of another namespace, may well be somebody else's.
  const isNear = kafkaClusters(model).some(
    kafka => mayBeOne(kafka.metadata.namespace, namespace) && isMisspelt(cluster, kafka.metadata.name),
  );
  return {
    level: isNear ? 'error' : 'warning',
    message: say`address ${shown}: no Kafka ${measured(cluster, quote)} is among the files; declared ${clusters.length === 1 ? 'is' : 'are'} ${allowed(listed([...clusters]))}`,
    remedy: say`name a declared Kafka, or say that it exists with --external Kafka/${namespace ?? 'default'}/${cluster}`,
  };
}

/** Whether a client speaks as the listener does: a wrong one gets no answer that it understands. */
function spoken(
  kafka: ManifestObject,
  { name, port, isEncrypted, authentication }: Listener,
  client: NonNullable<Address['client']>,
  shown: ReturnType<typeof measured>,
): Said | undefined {
  const listener = `listener ${name} ${port} of Kafka ${kafka.metadata.name}`;
  if (isEncrypted !== client.isEncrypted) {
    return {
      message: say`address ${shown}: ${listener} ${isEncrypted ? 'speaks TLS' : 'speaks no TLS'} but the client has ${measured(client.says)}`,
      remedy: isEncrypted
        ? say`set the client's security protocol to SSL${authentication === undefined || authentication === 'tls' ? '' : ' with SASL'} and give it the cluster's certificate, or take a listener without TLS`
        : say`take the TLS off the client, or take a listener with TLS`,
    };
  }
  const wantsSasl = authentication !== undefined && authentication !== 'tls';
  if (wantsSasl === client.isAuthenticated || (authentication === 'custom' && !client.isAuthenticated))
    return undefined;
  return {
    message: say`address ${shown}: ${listener} ${wantsSasl ? `asks for authentication ${authentication}` : 'has no SASL authentication'} but the client ${client.isAuthenticated ? 'uses SASL' : 'uses none'}`,
    remedy: wantsSasl
      ? say`give the client its SASL settings, or take a listener without authentication`
      : say`take the SASL settings off the client, or give the listener an authentication`,
  };
}

/** Ports below it are no addresses without a scheme: a:10 may be anything. */
const LEAST_BARE_PORT = 1000;

/** The Services of the files, by name, in any namespace. */
function ofService(model: Model, { object, place, host, port, isSure }: Address): Said | undefined {
  // What a ConfigMap holds besides a Kafka's address may be for anybody.
  if (object.kind === 'ConfigMap' || (!isSure && port < LEAST_BARE_PORT)) return undefined;
  const service = serviceIn(host);
  if (service === undefined || 'construct' in place) return undefined;
  const named = model
    .ofKind('Service')
    .filter(item => item.metadata.name === service.name && item.apiVersion === 'v1');
  if (named.length === 0) return undefined;
  const namespace = service.namespace ?? object.metadata.namespace;
  if (model.isExternal('Service', namespace, service.name)) return undefined;
  const near = named.filter(item => mayBeOne(item.metadata.namespace, namespace));
  const [first] = near;
  if (first === undefined) return ofOtherNamespace(model, named, service, namespace, `${host}:${port}`, port);
  if (near.some(item => opens(item, port))) return undefined;
  const ports = asObjects(at(first.body, 'spec', 'ports')).map(item => String(item['port']));
  if (ports.length === 0) return undefined;
  return {
    message: say`address ${measured(`${host}:${port}`, quote)}: ${objectId(first)} has no port ${measured(port)}; it has ${allowed(listed(ports))}`,
    remedy: say`take port ${listed(ports, 'or')}, or add the port to the Service`,
  };
}

function ofOtherNamespace(
  model: Model,
  named: readonly ManifestObject[],
  service: { readonly name: string; readonly namespace: string | undefined },
  namespace: string | undefined,
  shown: string,
  port: number,
): Said | undefined {
  // A name with a dot is an address in the cluster only where its second part is a namespace of these files, or svc follows.
  const isNamespace = model.objects.some(item => item.metadata.namespace === service.namespace);
  if (service.namespace !== undefined && !isNamespace && !shown.includes('.svc')) return undefined;
  const [first] = named;
  if (first === undefined || !named.some(item => opens(item, port))) return undefined;
  const home = namespaceOf(first);
  const message: Message = say`address ${measured(shown, quote)} ${service.namespace === undefined ? `means namespace ${namespace ?? 'default'}, that of its client` : `names namespace ${service.namespace}`}, but Service ${service.name} is in ${allowed(home)}`;
  return {
    // An operator or a chart may make a Service of this name there.
    level: 'warning',
    message,
    remedy: say`write ${service.name}.${home}.svc:${port}, or say that it exists with --external Service/${namespace ?? 'default'}/${service.name}`,
  };
}

/** Whether a Service takes a port: a headless one and one for a name elsewhere leave it to what is behind. */
function opens({ body }: ManifestObject, port: number): boolean {
  const spec = at(body, 'spec');
  if (at(spec, 'clusterIP') === 'None' || at(spec, 'type') === 'ExternalName') return true;
  return asObjects(at(spec, 'ports')).some(item => Number(item['port']) === port);
}
