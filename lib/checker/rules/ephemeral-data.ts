import { parseImage } from '../facts/images';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStrimzi } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, type Path, say } from '../finding/message';
import { dataClaim, isClickHouse, operatedTemplates } from '../manifest/operated';
import { declaredContainers, volumeMounts, volumesByName } from '../manifest/pod-templates';
import { asObject, asObjects, at, isObject, listItems, type ManifestObject } from '../object/manifest-object';

interface Store {
  /** The image's repository, without its registry and whatever stands before it. */
  readonly image: RegExp;
  readonly what: string;
  /** Where its data is unless somebody says otherwise. */
  readonly folders: readonly string[];
  /** Parts of the program that keep nothing, by the first word of its arguments. */
  readonly without?: RegExp;
}

/** Who keeps images of another's program under its name: Docker's library, Bitnami, mirrors and distributions. */
const PUBLISHERS =
  'library|bitnami|bitnamilegacy|bitnamisecure|chainguard|rapidfort|cgr\\.dev/chainguard|ubuntu|circleci|sclorg|rhel\\d+|timescale|supabase|percona';

function published(names: string, own = ''): RegExp {
  return new RegExp(`(^|/)(${PUBLISHERS}${own === '' ? '' : `|${own}`})/(${names})$`);
}

/** Programs that keep data, by the repository of their images, with the folders where they keep it. */
const STORES: readonly Store[] = [
  {
    image: published('minio', 'minio|pgsty|coollabsio'),
    what: 'object store',
    folders: ['/data', '/export', '/bitnami/minio'],
  },
  {
    image: /(^|\/)(chrislusf|seaweedfs)\/seaweedfs$/,
    what: 'object store',
    folders: ['/data', '/var/lib/seaweedfs'],
    without: /^(s3|iam|webdav|mount|shell|upload|download|benchmark|admin|worker|filer\.\w+)$/,
  },
  {
    image: /(^|\/)dxflrs\/(amd64_|arm64_)?garage$/,
    what: 'object store',
    folders: ['/var/lib/garage', '/data', '/meta'],
  },
  { image: /(^|\/)rustfs\/rustfs$/, what: 'object store', folders: ['/data', '/var/lib/rustfs'] },
  { image: /(^|\/)ceph\/(ceph|daemon)$/, what: 'object store', folders: ['/var/lib/ceph'] },
  {
    image: /(^|\/)(versity\/versitygw|zenko\/cloudserver)$/,
    what: 'object store',
    folders: ['/data', '/usr/src/app/localData'],
  },
  {
    image: published('clickhouse|clickhouse-server', 'clickhouse|altinity|yandex'),
    what: 'database',
    folders: ['/var/lib/clickhouse', '/bitnami/clickhouse'],
  },
  {
    image: /(^|\/)(clickhouse\/clickhouse-keeper|altinity\/clickhouse-keeper)$/,
    what: 'coordination store',
    folders: ['/var/lib/clickhouse-keeper', '/var/lib/clickhouse'],
  },
  {
    image: published(
      'postgres|postgresql|postgresql-repmgr|timescaledb|timescaledb-ha|pgvector',
      'postgis|pgvector|cloudnative-pg|zalando|bitnamicharts|pgedge|citusdata',
    ),
    what: 'database',
    folders: ['/var/lib/postgresql', '/bitnami/postgresql', '/home/postgres/pgdata', '/var/lib/pgsql'],
  },
  {
    image: /(^|\/)postgis\/postgis$|(^|\/)citusdata\/citus$/,
    what: 'database',
    folders: ['/var/lib/postgresql'],
  },
  {
    image: published(
      'mysql|mysql-server|mariadb|mariadb-galera|percona|percona-server|percona-xtradb-cluster',
      'mysql',
    ),
    what: 'database',
    folders: ['/var/lib/mysql', '/bitnami/mysql', '/bitnami/mariadb'],
  },
  {
    image: published('mongo|mongodb|mongodb-community-server|percona-server-mongodb', 'mongodb'),
    what: 'database',
    folders: ['/data/db', '/bitnami/mongodb'],
  },
  {
    image: published('cassandra', 'k8ssandra|datastax'),
    what: 'database',
    folders: ['/var/lib/cassandra', '/bitnami/cassandra'],
  },
  { image: /(^|\/)scylladb\/scylla(-enterprise)?$/, what: 'database', folders: ['/var/lib/scylla'] },
  {
    image: /(^|\/)cockroachdb\/cockroach$/,
    what: 'database',
    folders: ['/cockroach/cockroach-data', '/cockroach-data'],
  },
  {
    image: /(^|\/)(elasticsearch|opensearch)$/,
    what: 'database',
    folders: [
      '/usr/share/elasticsearch/data',
      '/usr/share/opensearch/data',
      '/bitnami/elasticsearch',
      '/bitnami/opensearch',
    ],
  },
  {
    image: published(
      'kafka|kafka-native|cp-kafka|cp-server|confluent-local',
      'apache|confluentinc|wurstmeister|ubuntu|debezium',
    ),
    what: 'broker',
    folders: [
      '/var/lib/kafka',
      '/tmp/kafka-logs',
      '/tmp/kraft-combined-logs',
      '/bitnami/kafka',
      '/kafka',
      '/opt/kafka/data',
    ],
  },
  {
    image: /(^|\/)(redpandadata|vectorized)\/redpanda(-unstable)?$/,
    what: 'broker',
    folders: ['/var/lib/redpanda'],
  },
  {
    image: published('rabbitmq', 'pivotalrabbitmq'),
    what: 'broker',
    folders: ['/var/lib/rabbitmq', '/bitnami/rabbitmq'],
  },
  { image: /(^|\/)apachepulsar\/pulsar(-all|-standalone)?$/, what: 'broker', folders: ['/pulsar/data'] },
  {
    image: published('zookeeper|cp-zookeeper', 'confluentinc|pravega|wurstmeister|apache'),
    what: 'coordination store',
    folders: ['/data', '/var/lib/zookeeper', '/datalog', '/bitnami/zookeeper'],
  },
  {
    image: published('etcd', 'coreos|etcd-development'),
    what: 'coordination store',
    folders: ['/bitnami/etcd', '/var/lib/etcd', '/etcd-data', '/var/run/etcd'],
  },
];

const WORKLOADS: ReadonlySet<string> = new Set([
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Pod',
]);

/** Incident 13: data stood on the nodes' disks, the disks filled, pods were evicted and their data was gone. */
export const ephemeralData: Rule = {
  id: 'ephemeral-data',
  level: 'error',
  needs: ['pods'],
  refuses: 'a broker, object store or database whose data dies with its pod',
  remedy:
    'keep the data on a persistent volume: volumeClaimTemplates, or storage of type persistent-claim in Strimzi',
  check: model => [...strimziStorages(model), ...storePods(model), ...model.objects.flatMap(clickHouseData)],
};

function strimziStorages(model: Model): Found[] {
  const paths: readonly (readonly [kind: string, what: string, ...path: string[]])[] = [
    ['Kafka', 'broker', 'spec', 'kafka', 'storage'],
    ['Kafka', 'ZooKeeper', 'spec', 'zookeeper', 'storage'],
    ['KafkaNodePool', 'node pool', 'spec', 'storage'],
  ];
  return model.objects.filter(isStrimzi).flatMap(object =>
    paths.flatMap(([kind, what, ...path]): Found[] => {
      const storage = asObject(at(object.body, ...path));
      if (object.kind !== kind) return [];
      const inner = listItems(storage['volumes']).flatMap(([volume, index]): Path[] =>
        at(volume, 'type') === 'ephemeral' ? [[...path, 'volumes', index, 'type']] : [],
      );
      return [...(storage['type'] === 'ephemeral' ? [[...path, 'type']] : []), ...inner].map(place => ({
        place: { object, path: place },
        message: say`${what} of ${object.metadata.name} has storage of type ${measured('ephemeral')}, so its records die with its pod`,
        remedy: say`use type: persistent-claim with a size, or type: jbod of such volumes`,
      }));
    }),
  );
}

/** A cluster of ClickHouse whose data is on no claim: its pod's template mounts none, and it names no claim template. */
function clickHouseData(object: ManifestObject): Found[] {
  if (!isClickHouse(object) || object.kind === 'ClickHouseInstallationTemplate') return [];
  const spec = at(object.body, 'spec');
  if (at(spec, 'useTemplates') !== undefined) return [];
  const claims = asObjects(at(spec, 'templates', 'volumeClaimTemplates')).map(({ name }) => String(name));
  const mounts = operatedTemplates(object).flatMap(template => {
    const volumes = volumesByName(template.spec['volumes']);
    return declaredContainers(template).flatMap(({ container }) =>
      volumeMounts(container).map(mount => ({ ...mount, volume: volumes.get(mount.name) })),
    );
  });
  // Data in a folder that nobody names here is on a claim all the same.
  const isMounted = mounts.some(
    ({ name, readOnly, volume }) => !readOnly && (claims.includes(name) || isPersistentVolume(volume)),
  );
  const own = mounts.find(({ mountPath }) => mountPath.startsWith('/var/lib/clickhouse'))?.volume;
  const where =
    own?.['hostPath'] !== undefined
      ? "on a hostPath, the node's own disk"
      : own?.['emptyDir'] !== undefined
        ? 'on an emptyDir'
        : 'in its container';
  if (isMounted) return [];
  return listItems(at(spec, 'configuration', 'clusters')).flatMap(([cluster, index]): Found[] => {
    const inner = [
      ...asObjects(at(cluster, 'layout', 'shards')),
      ...asObjects(at(cluster, 'layout', 'replicas')),
    ];
    const named = [dataClaim(cluster, spec), ...inner.map(part => dataClaim(part, undefined))].find(
      name => name !== undefined,
    );
    if (named !== undefined && claims.includes(String(named))) return [];
    return [
      {
        place: { object, path: ['spec', 'configuration', 'clusters', index] },
        message: say`database ${String(at(cluster, 'name') ?? object.metadata.name)} of ${object.metadata.name} keeps its data ${where}, so it dies with its pod: ${named === undefined ? `no dataVolumeClaimTemplate is named${claims.length === 0 ? '' : ', and nothing uses the declared one'}` : say`no volumeClaimTemplate is called ${measured(String(named))}`}${claims.length === 0 ? '' : say` (declared: ${allowed(listed(claims))})`}`,
        remedy: say`name a volumeClaimTemplate in defaults.templates.dataVolumeClaimTemplate`,
      },
    ];
  });
}

function storePods(model: Model): Found[] {
  return model.templates.flatMap(({ object, path, spec }) => {
    if (!WORKLOADS.has(object.kind)) return [];
    const volumes = volumesByName(spec['volumes']);
    const claims = new Set(
      listItems(at(object.body, 'spec', 'volumeClaimTemplates')).map(([claim]) =>
        String(at(claim, 'metadata', 'name')),
      ),
    );
    return declaredContainers({ path, spec }).flatMap(({ container, role, path: place }): Found[] => {
      const image = String(container['image'] ?? '');
      const reference = parseImage(image);
      const store = STORES.find(({ image: pattern }) =>
        pattern.test(`${reference.registry}/${reference.repository}`),
      );
      if (store === undefined || role !== 'container' || !isServer(container)) return [];
      if (store.without?.test(firstArgument(container)) === true) return [];
      const mounts = volumeMounts(container).filter(({ readOnly }) => !readOnly);
      const isPersistent = (name: string) => claims.has(name) || isPersistentVolume(volumes.get(name));
      const folders = [...store.folders, ...dataArguments(container)];
      const holds = (mountPath: string) =>
        folders.some(
          folder =>
            folder === mountPath || folder.startsWith(`${mountPath}/`) || mountPath.startsWith(`${folder}/`),
        );
      const data = mounts.filter(({ mountPath }) => holds(mountPath));
      if (data.some(({ name }) => isPersistent(name))) return [];
      // Data kept in a folder that this rule does not know is on a persistent volume all the same.
      if (data.length === 0 && mounts.some(({ name }) => isPersistent(name))) return [];
      const [first] = data;
      const volume =
        first === undefined
          ? undefined
          : Object.keys(asObject(volumes.get(first.name))).find(key => key !== 'name');
      return [
        {
          place: { object, path: place },
          message: say`${store.what} ${String(container['name'])} keeps its data ${first === undefined ? 'in its container' : `in ${first.mountPath} on ${volume === 'hostPath' ? "a hostPath, the node's own disk" : `an ${volume ?? 'undeclared volume'}`}`}, so it dies with its pod; persistent would be a claim mounted at ${allowed(listed(store.folders.slice(0, 2), 'or'))}`,
        },
      ];
    });
  });
}

function firstArgument(container: Record<string, unknown>): string {
  const [first] = ['command', 'args']
    .flatMap(key => listItems(container[key]).map(([word]) => String(word)))
    .filter(word => !/(^|\/)weed$/.test(word) && !word.startsWith('-'));
  return first ?? '';
}

/** An image of a server may also be run for its client. */
function isServer(container: Record<string, unknown>): boolean {
  const of = (key: string) => listItems(container[key]).map(([word]) => String(word));
  const command = of('command');
  const isShell = /(^|\/)(ba|da)?sh$/.test(command[0] ?? '');
  const words = [...command, ...(isShell ? of('args') : [])].flatMap(word => word.split(/[\s;&|()]+/));
  const isClient =
    words.some(word =>
      /(^|\/)(mc|clickhouse-client|psql|mysql|mongosh?|kafka-(?!server-start)[a-z-]+(\.sh)?|connect-(distributed|standalone)(\.sh)?|cqlsh|etcdctl|zkCli\.sh|sleep)$/.test(
        word,
      ),
    ) ||
    (words.some(word => /(^|\/)rpk$/.test(word)) && !words.includes('start'));
  const startsServer = words.some(word =>
    /(^|\/)(clickhouse|clickhouse-server|minio|postgres|mysqld|mongod|kafka-server-start(\.sh)?|(docker-)?entrypoint\.sh)$/.test(
      word,
    ),
  );
  return !isClient || (isShell && startsServer);
}

function isPersistentVolume(volume: unknown): boolean {
  if (!isObject(volume)) return false;
  const kind = Object.keys(volume).find(key => key !== 'name');
  return (
    kind !== undefined &&
    !['emptyDir', 'hostPath', 'configMap', 'secret', 'projected', 'downwardAPI', 'image', 'gitRepo'].includes(
      kind,
    ) &&
    // What this driver mounts are secrets.
    at(volume, 'csi', 'driver') !== 'secrets-store.csi.k8s.io'
  );
}

/** Folders that a store's own command line names. */
function dataArguments(container: Record<string, unknown>): string[] {
  return ['command', 'args'].flatMap(key =>
    listItems(container[key])
      .flatMap(([word]) => String(word).split(/\s+/))
      .filter(word => word.startsWith('/') && !word.startsWith('/bin/') && !word.startsWith('/usr/')),
  );
}
