import {
  asObject,
  asObjects,
  at,
  isObject,
  type ManifestObject,
  type PlainObject,
  stringMap,
} from '../object/manifest-object';
import { claimOf, countAt, type DeclaredPodSet, type PodRole, type PodVolumeClaim } from './declared-pods';
import { deploymentStrategy } from './workload-pods';

/**
 * The pods that Strimzi's cluster operator makes (0.45 and 1.x), from its model classes: names, labels, containers,
 * volume claims, affinity, update strategy and the PodDisruptionBudget with maxUnavailable 1 unless the template
 * says otherwise. Containers without `resources` stay without: the operator sets no default.
 */
export function strimziPods(objects: readonly ManifestObject[]): DeclaredPodSet[] {
  const strimzi = objects.filter(({ apiVersion }) => apiVersion.startsWith('kafka.strimzi.io/'));
  const pools = strimzi.filter(({ kind }) => kind === 'KafkaNodePool');
  return strimzi.flatMap(object => {
    switch (object.kind) {
      case 'Kafka':
        return kafkaPods(object, pools);
      case 'KafkaConnect':
      case 'KafkaBridge':
      case 'KafkaMirrorMaker2':
        return [clientPods(object)];
      default:
        return [];
    }
  });
}

interface Component {
  readonly owner: ManifestObject;
  readonly cluster: string;
  /** The pods' name and `strimzi.io/name`. */
  readonly name: string;
  readonly component: string;
  readonly template: unknown;
  readonly containers: readonly PlainObject[];
}

/** Labels as Strimzi's Labels class sets them, and the pod template's own. */
function template(
  { owner, cluster, name, component, template: podTemplate, containers }: Component,
  labels = {},
) {
  return {
    labels: {
      ...stringMap(owner.metadata.labels),
      'strimzi.io/cluster': cluster,
      'strimzi.io/kind': owner.kind === 'KafkaNodePool' ? 'Kafka' : owner.kind,
      'strimzi.io/name': name,
      'strimzi.io/component-type': component,
      'app.kubernetes.io/name': component,
      'app.kubernetes.io/instance': cluster,
      'app.kubernetes.io/part-of': `strimzi-${cluster}`,
      'app.kubernetes.io/managed-by': 'strimzi-cluster-operator',
      ...stringMap(at(podTemplate, 'metadata', 'labels')),
      ...labels,
    },
    annotations: stringMap(at(podTemplate, 'metadata', 'annotations')),
    spec: {
      ...Object.fromEntries(
        [
          'affinity',
          'tolerations',
          'topologySpreadConstraints',
          'priorityClassName',
          'schedulerName',
          'securityContext',
          'terminationGracePeriodSeconds',
          'volumes',
        ].flatMap(key => {
          const value = at(podTemplate, key);
          return value === undefined ? [] : [[key, value]];
        }),
      ),
      containers,
    } as PlainObject,
  };
}

/** `containerTemplate` is the entry of the resource's template for this container, e.g. template.kafkaContainer. */
function container(name: string, source: unknown, containerTemplate: unknown): PlainObject {
  const image = at(source, 'image');
  const securityContext = at(containerTemplate, 'securityContext');
  return {
    name,
    ...(typeof image === 'string' ? { image } : {}),
    ...(isObject(securityContext) ? { securityContext } : {}),
    resources: asObject(at(source, 'resources')),
  };
}

function budget(name: string, templates: unknown): { name: string; maxUnavailable: number } {
  const declared = at(templates, 'podDisruptionBudget', 'maxUnavailable');
  return { name, maxUnavailable: typeof declared === 'number' ? declared : 1 };
}

/** Claims `data`, or `data-<id>` for each JBOD volume; ephemeral storage brings none. */
function claims(storage: unknown): PodVolumeClaim[] {
  const claim = (volume: unknown, name: string) =>
    at(volume, 'type') === 'persistent-claim'
      ? [
          claimOf(name, true, {
            storageClassName: at(volume, 'class'),
            resources: { requests: { storage: at(volume, 'size') } },
          }),
        ]
      : [];
  return at(storage, 'type') === 'jbod'
    ? asObjects(at(storage, 'volumes')).flatMap(volume => claim(volume, `data-${volume['id'] ?? 0}`))
    : claim(storage, 'data');
}

/** With rack awareness Strimzi asks for nodes that have the rack's label. */
function onRacks(spec: PlainObject, rack: unknown): PlainObject {
  const key = at(rack, 'topologyKey');
  if (typeof key !== 'string') return spec;
  const affinity = asObject(spec['affinity']);
  const required = at(affinity, 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = asObjects(at(required, 'nodeSelectorTerms'));
  const exists = { key, operator: 'Exists' };
  return {
    ...spec,
    affinity: {
      ...affinity,
      nodeAffinity: {
        ...asObject(affinity['nodeAffinity']),
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: (terms.length > 0 ? terms : [{}]).map(term => ({
            ...term,
            matchExpressions: [...asObjects(term['matchExpressions']), exists],
          })),
        },
      },
    },
  };
}

function replicasOf(value: unknown, fallback: number): DeclaredPodSet['replicas'] {
  const count = countAt(value, fallback);
  return { initial: count, min: count, max: count };
}

function kafkaPods(kafka: ManifestObject, allPools: readonly ManifestObject[]): DeclaredPodSet[] {
  const cluster = kafka.metadata.name;
  const spec = asObject(kafka.body['spec']);
  const brokers = spec['kafka'];
  const pools = allPools.filter(
    pool =>
      pool.metadata.labels?.['strimzi.io/cluster'] === cluster &&
      pool.metadata.namespace === kafka.metadata.namespace,
  );
  const usesPools =
    kafka.apiVersion.endsWith('/v1') ||
    kafka.metadata.annotations?.['strimzi.io/node-pools'] === 'enabled' ||
    pools.length > 0;
  const kafkaBudget = budget(`${cluster}-kafka`, at(brokers, 'template'));

  const nodes = (owner: ManifestObject, pool: PlainObject, suffix: string, roles: readonly string[]) => {
    const templates = { ...asObject(at(brokers, 'template')), ...asObject(pool['template']) };
    const declared = template(
      {
        owner,
        cluster,
        name: `${cluster}-kafka`,
        component: 'kafka',
        template: templates['pod'],
        containers: [
          container(
            'kafka',
            { resources: pool['resources'] ?? at(brokers, 'resources') },
            templates['kafkaContainer'],
          ),
        ],
      },
      {
        'strimzi.io/pool-name': suffix,
        'strimzi.io/broker-role': String(roles.includes('broker')),
        'strimzi.io/controller-role': String(roles.includes('controller')),
      },
    );
    const role: PodRole = roles.includes('broker') ? 'broker' : 'controller';
    return {
      owner,
      name: `${cluster}-${suffix}`,
      role,
      template: { ...declared, spec: onRacks(declared.spec, at(brokers, 'rack')) },
      replicas: replicasOf(pool['replicas'], 0),
      volumeClaims: claims(pool['storage']),
      updateStrategy: { kind: 'replace' },
      endsByItself: false,
      ownBudget: kafkaBudget,
    } satisfies DeclaredPodSet;
  };

  const zookeeper = spec['zookeeper'];
  const entityOperator = spec['entityOperator'];
  const operators = [
    ...(isObject(at(entityOperator, 'topicOperator'))
      ? [
          container(
            'topic-operator',
            at(entityOperator, 'topicOperator'),
            at(entityOperator, 'template', 'topicOperatorContainer'),
          ),
        ]
      : []),
    ...(isObject(at(entityOperator, 'userOperator'))
      ? [
          container(
            'user-operator',
            at(entityOperator, 'userOperator'),
            at(entityOperator, 'template', 'userOperatorContainer'),
          ),
        ]
      : []),
  ];
  const single = (role: PodRole, key: string, component: string, containerKey: string) =>
    isObject(spec[key])
      ? [
          {
            owner: kafka,
            name: `${cluster}-${component}`,
            role,
            template: template({
              owner: kafka,
              cluster,
              name: `${cluster}-${component}`,
              component,
              template: at(spec[key], 'template', 'pod'),
              containers: [
                container(`${cluster}-${component}`, spec[key], at(spec[key], 'template', containerKey)),
              ],
            }),
            replicas: replicasOf(1, 1),
            updateStrategy: rollingUnless(at(spec[key], 'template', 'deployment', 'deploymentStrategy')),
            endsByItself: false,
          } satisfies DeclaredPodSet,
        ]
      : [];

  return [
    ...(usesPools
      ? pools.map(pool =>
          nodes(
            pool,
            asObject(pool.body['spec']),
            pool.metadata.name,
            Array.isArray(at(pool.body, 'spec', 'roles'))
              ? (at(pool.body, 'spec', 'roles') as unknown[]).map(String)
              : [],
          ),
        )
      : isObject(brokers)
        ? [nodes(kafka, brokers, 'kafka', zookeeper === undefined ? ['broker', 'controller'] : ['broker'])]
        : []),
    ...(isObject(zookeeper)
      ? [
          {
            owner: kafka,
            name: `${cluster}-zookeeper`,
            role: 'zookeeper',
            template: template({
              owner: kafka,
              cluster,
              name: `${cluster}-zookeeper`,
              component: 'zookeeper',
              template: at(zookeeper, 'template', 'pod'),
              containers: [
                container('zookeeper', zookeeper, at(zookeeper, 'template', 'zookeeperContainer')),
              ],
            }),
            replicas: replicasOf(zookeeper['replicas'], 0),
            volumeClaims: claims(zookeeper['storage']),
            updateStrategy: { kind: 'replace' },
            endsByItself: false,
            ownBudget: budget(`${cluster}-zookeeper`, zookeeper['template']),
          } satisfies DeclaredPodSet,
        ]
      : []),
    ...(operators.length > 0
      ? [
          {
            owner: kafka,
            name: `${cluster}-entity-operator`,
            role: 'entity-operator',
            template: template({
              owner: kafka,
              cluster,
              name: `${cluster}-entity-operator`,
              component: 'entity-operator',
              template: at(entityOperator, 'template', 'pod'),
              containers: operators,
            }),
            replicas: replicasOf(1, 1),
            // Strimzi ignores the template's strategy here: there is never more than one entity operator.
            updateStrategy: { kind: 'recreate' },
            endsByItself: false,
          } satisfies DeclaredPodSet,
        ]
      : []),
    ...single('exporter', 'kafkaExporter', 'kafka-exporter', 'container'),
    ...single('cruise-control', 'cruiseControl', 'cruise-control', 'cruiseControlContainer'),
  ];
}

/** Strimzi's own Deployments roll with one pod more and none fewer. */
function rollingUnless(strategy: unknown): DeclaredPodSet['updateStrategy'] {
  return strategy === 'Recreate'
    ? { kind: 'recreate' }
    : deploymentStrategy({ rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, 1);
}

const CLIENT_CONTAINERS: Readonly<Record<string, string>> = {
  KafkaConnect: 'connectContainer',
  KafkaBridge: 'bridgeContainer',
};

function clientPods(owner: ManifestObject): DeclaredPodSet {
  const component = { KafkaConnect: 'connect', KafkaBridge: 'bridge' }[owner.kind] ?? 'mirrormaker2';
  const spec = owner.body['spec'];
  const name = `${owner.metadata.name}-${component}`;
  return {
    owner,
    name,
    role: 'connect',
    template: onClient(
      template({
        owner,
        cluster: owner.metadata.name,
        name,
        component: `kafka-${component}`,
        template: at(spec, 'template', 'pod'),
        containers: [
          container(
            name,
            spec,
            at(spec, 'template', CLIENT_CONTAINERS[owner.kind] ?? 'mirrorMaker2Container'),
          ),
        ],
      }),
      spec,
    ),
    replicas: replicasOf(at(spec, 'replicas'), owner.kind === 'KafkaBridge' ? 1 : 3),
    updateStrategy:
      owner.kind === 'KafkaBridge'
        ? rollingUnless(at(spec, 'template', 'deployment', 'deploymentStrategy'))
        : { kind: 'replace' },
    endsByItself: false,
    ownBudget: budget(name, at(spec, 'template')),
  };
}

function onClient(declared: ReturnType<typeof template>, spec: unknown): ReturnType<typeof template> {
  return { ...declared, spec: onRacks(declared.spec, at(spec, 'rack')) };
}
