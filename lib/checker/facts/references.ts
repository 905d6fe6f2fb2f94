import type { Path } from '../finding/message';
import { isApacheSpark } from '../manifest/apache-spark';
import { isClickHouse, isTenant, ownClaims } from '../manifest/operated';
import type { PodTemplate } from '../manifest/pod-template';
import { apiGroup, declaredContainers, environment, sparkSpec } from '../manifest/pod-templates';
import {
  asObject,
  asObjects,
  at,
  isObject,
  type ManifestObject,
  type PlainObject,
} from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';
import type { Model } from './model';
import { isStrimzi } from './strimzi';

/** One object that another one needs. */
export interface Reference {
  readonly object: ManifestObject;
  readonly path: Path;
  readonly kind:
    | 'PersistentVolumeClaim'
    | 'ConfigMap'
    | 'Secret'
    | 'ServiceAccount'
    | 'StorageClass'
    | 'PriorityClass'
    | 'SecretProviderClass'
    | 'Service';
  readonly name: string;
  /** A key of the ConfigMap or Secret that must be there too. */
  readonly key?: string;
  /** A port of the Service, by number or name, that must be there too. */
  readonly port?: string | number;
}

/** What Kubernetes and its usual distributions bring without anybody's manifest. */
export const SUPPLIED: Readonly<Record<string, ReadonlySet<string>>> = {
  ServiceAccount: new Set(['default']),
  Service: new Set(['kubernetes']),
  ConfigMap: new Set(['kube-root-ca.crt']),
  PriorityClass: new Set(['system-cluster-critical', 'system-node-critical']),
  StorageClass: new Set([
    'gp2', // EKS
    'standard',
    'standard-rwo',
    'premium-rwo', // GKE, minikube, kind
    'default',
    'managed',
    'managed-csi',
    'managed-csi-premium',
    'managed-premium',
    'azurefile',
    'azurefile-csi',
    'azurefile-csi-premium',
    'azurefile-premium', // AKS
    'local-path', // k3s
    'yc-network-hdd',
    'yc-network-ssd',
    'yc-network-nvme',
    'yc-network-ssd-nonreplicated', // Yandex Cloud
    'do-block-storage',
    'do-block-storage-retain',
    'do-block-storage-xfs',
    'do-block-storage-xfs-retain', // DigitalOcean
    'linode-block-storage',
    'linode-block-storage-retain', // Akamai
    'hcloud-volumes', // Hetzner
    'gp2-csi',
    'gp3-csi', // OpenShift on AWS
    'directpv-min-io', // DirectPV
    'hostpath',
    'microk8s-hostpath', // Docker Desktop, MicroK8s
  ]),
};

/** ServiceAccounts that the chart of the Spark operator makes for applications. */
export const SPARK_OPERATOR_ACCOUNTS: ReadonlySet<string> = new Set(['spark', 'spark-operator-spark']);

/** References of a pod spec. A Spark pod's volumes and variables have the same form. */
function podReferences(
  object: ManifestObject,
  path: Path,
  spec: PlainObject,
  declared?: PodTemplate['containers'],
): Reference[] {
  const volumes = list(spec['volumes']).flatMap(([volume, index]) =>
    volumeReferences(object, [...path, 'volumes', index], volume),
  );
  const containers = declaredContainers({
    path,
    spec,
    ...(declared === undefined ? {} : { containers: declared }),
  }).flatMap(({ container, path: place }) => containerReferences(object, place, container));
  return [
    ...volumes,
    ...containers,
    ...named(object, 'ServiceAccount', [...path, 'serviceAccountName'], spec['serviceAccountName']),
    ...named(object, 'PriorityClass', [...path, 'priorityClassName'], spec['priorityClassName']),
    ...list(spec['imagePullSecrets']).flatMap(([entry, index]) =>
      named(object, 'Secret', [...path, 'imagePullSecrets', index, 'name'], entry['name']),
    ),
  ];
}

export function containerReferences(object: ManifestObject, path: Path, container: PlainObject): Reference[] {
  const variables = list(container['env']).flatMap(([entry, index]) =>
    (
      [
        ['configMapKeyRef', 'ConfigMap'],
        ['secretKeyRef', 'Secret'],
      ] as const
    ).flatMap(([field, kind]) =>
      keyed(
        object,
        kind,
        [...path, 'env', index, 'valueFrom', field],
        asObject(at(entry, 'valueFrom', field)),
      ),
    ),
  );
  const sources = list(container['envFrom']).flatMap(([entry, index]) => [
    ...keyed(
      object,
      'ConfigMap',
      [...path, 'envFrom', index, 'configMapRef'],
      asObject(entry['configMapRef']),
    ),
    ...keyed(object, 'Secret', [...path, 'envFrom', index, 'secretRef'], asObject(entry['secretRef'])),
  ]);
  return [...variables, ...sources];
}

function volumeReferences(object: ManifestObject, path: Path, volume: PlainObject): Reference[] {
  const claim = asObject(volume['persistentVolumeClaim']);
  const secret = asObject(volume['secret']);
  const projected = list(at(volume, 'projected', 'sources')).flatMap(([source, index]) => [
    ...keyed(
      object,
      'ConfigMap',
      [...path, 'projected', 'sources', index, 'configMap'],
      asObject(source['configMap']),
    ),
    ...keyed(
      object,
      'Secret',
      [...path, 'projected', 'sources', index, 'secret'],
      asObject(source['secret']),
    ),
  ]);
  return [
    ...named(
      object,
      'PersistentVolumeClaim',
      [...path, 'persistentVolumeClaim', 'claimName'],
      claim['claimName'],
    ),
    ...keyed(object, 'ConfigMap', [...path, 'configMap'], asObject(volume['configMap'])),
    ...keyed(object, 'Secret', [...path, 'secret'], { ...secret, name: secret['secretName'] }, 'secretName'),
    ...projected,
    ...keyed(
      object,
      'Secret',
      [...path, 'csi', 'nodePublishSecretRef'],
      asObject(at(volume, 'csi', 'nodePublishSecretRef')),
    ),
    ...named(
      object,
      'SecretProviderClass',
      [...path, 'csi', 'volumeAttributes', 'secretProviderClass'],
      at(volume, 'csi', 'volumeAttributes', 'secretProviderClass'),
    ),
    ...named(
      object,
      'StorageClass',
      [...path, 'ephemeral', 'volumeClaimTemplate', 'spec', 'storageClassName'],
      at(volume, 'ephemeral', 'volumeClaimTemplate', 'spec', 'storageClassName'),
    ),
  ];
}

/** The setting of Spark that names a claim; OnDemand is none: Spark makes one for each pod. */
const CLAIM_IN_CONF =
  /^spark\.kubernetes\.(driver|executor)\.volumes\.persistentVolumeClaim\.[^.]+\.options\.claimName$/;

/** The references of one object. */
function referencesOf(object: ManifestObject): Reference[] {
  const application = sparkSpec(object);
  if (application !== undefined) {
    const { spec, path } = application;
    return [
      // Those of Apache's are in its pod templates.
      ...(isApacheSpark(object) ? [] : list(spec['volumes'])).flatMap(([volume, index]) =>
        volumeReferences(object, [...path, 'volumes', index], volume),
      ),
      ...Object.entries(asObject(spec['sparkConf'])).flatMap(([key, value]) =>
        CLAIM_IN_CONF.test(key) && !/OnDemand|SPARK_EXECUTOR_ID/.test(String(value))
          ? named(object, 'PersistentVolumeClaim', [...path, 'sparkConf', key], value)
          : [],
      ),
      ...named(object, 'ConfigMap', [...path, 'sparkConfigMap'], spec['sparkConfigMap']),
      ...named(object, 'ConfigMap', [...path, 'hadoopConfigMap'], spec['hadoopConfigMap']),
      ...(Array.isArray(spec['imagePullSecrets']) ? (spec['imagePullSecrets'] as unknown[]) : []).flatMap(
        (name, index) => named(object, 'Secret', [...path, 'imagePullSecrets', index], name),
      ),
      ...(['driver', 'executor'] as const).flatMap(part => {
        const pod = asObject(spec[part]);
        const place = [...path, part];
        return [
          ...containerReferences(object, place, pod),
          ...named(object, 'ServiceAccount', [...place, 'serviceAccount'], pod['serviceAccount']),
          ...named(object, 'PriorityClass', [...place, 'priorityClassName'], pod['priorityClassName']),
          ...list(pod['configMaps']).flatMap(([entry, index]) =>
            named(object, 'ConfigMap', [...place, 'configMaps', index, 'name'], entry['name']),
          ),
          ...list(pod['secrets']).flatMap(([entry, index]) =>
            named(object, 'Secret', [...place, 'secrets', index, 'name'], entry['name']),
          ),
          ...Object.entries(asObject(pod['envSecretKeyRefs'])).flatMap(([variable, entry]) =>
            keyed(object, 'Secret', [...place, 'envSecretKeyRefs', variable], asObject(entry)),
          ),
          ...declaredContainers({ path: place, spec: { initContainers: pod['initContainers'] } }).flatMap(
            ({ container, path: inner }) => containerReferences(object, inner, container),
          ),
          ...list(pod['sidecars']).flatMap(([container, index]) =>
            containerReferences(object, [...place, 'sidecars', index], container),
          ),
        ];
      }),
    ];
  }
  const claims =
    object.kind === 'PersistentVolumeClaim' && apiGroup(object) === ''
      ? named(
          object,
          'StorageClass',
          ['spec', 'storageClassName'],
          at(object.body, 'spec', 'storageClassName'),
        )
      : [];
  const claimTemplates =
    object.kind === 'StatefulSet'
      ? list(at(object.body, 'spec', 'volumeClaimTemplates')).flatMap(([claim, index]) =>
          named(
            object,
            'StorageClass',
            ['spec', 'volumeClaimTemplates', index, 'spec', 'storageClassName'],
            at(claim, 'spec', 'storageClassName'),
          ),
        )
      : [];
  return [
    ...claims,
    ...claimTemplates,
    ...(isStrimzi(object) ? [...strimziReferences(object), ...secretsIn(object)] : []),
    ...(isClickHouse(object) ? clickHouseReferences(object) : []),
    ...(isTenant(object) ? tenantReferences(object) : []),
    ...ingressReferences(object),
  ];
}

/** What an Ingress or an HTTPRoute leads to, and the certificates that it shows. */
function ingressReferences(object: ManifestObject): Reference[] {
  const group = apiGroup(object);
  if (object.kind === 'Ingress' && group === 'networking.k8s.io') {
    const spec = asObject(object.body['spec']);
    const isCertificateMade = Object.keys(object.metadata.annotations ?? {}).some(
      key => key.startsWith('cert-manager.io/') || key === 'kubernetes.io/tls-acme',
    );
    return [
      ...backend(object, ['spec', 'defaultBackend'], spec['defaultBackend']),
      ...list(spec['rules']).flatMap(([rule, index]) =>
        list(at(rule, 'http', 'paths')).flatMap(([path, number]) =>
          backend(object, ['spec', 'rules', index, 'http', 'paths', number, 'backend'], path['backend']),
        ),
      ),
      ...(isCertificateMade ? [] : list(spec['tls'])).flatMap(([tls, index]) =>
        named(object, 'Secret', ['spec', 'tls', index, 'secretName'], tls['secretName']),
      ),
    ];
  }
  if (object.kind !== 'HTTPRoute' || group !== 'gateway.networking.k8s.io') return [];
  return list(at(object.body, 'spec', 'rules')).flatMap(([rule, index]) =>
    list(rule['backendRefs'])
      // One of another kind or namespace is the business of who made it.
      .filter(([to]) => (to['kind'] ?? 'Service') === 'Service' && to['namespace'] === undefined)
      .flatMap(([to, number]) =>
        service(object, ['spec', 'rules', index, 'backendRefs', number], to['name'], to['port']),
      ),
  );
}

function backend(object: ManifestObject, path: Path, value: unknown): Reference[] {
  const port = asObject(at(value, 'service', 'port'));
  // Of class alb: an annotation says what is done, and there is no Service of that name.
  if (port['name'] === 'use-annotation') return [];
  return service(object, [...path, 'service'], at(value, 'service', 'name'), port['number'] ?? port['name']);
}

function service(object: ManifestObject, path: Path, name: unknown, port: unknown): Reference[] {
  return named(object, 'Service', [...path, 'name'], name).map(reference => ({
    ...reference,
    ...(typeof port === 'string' || typeof port === 'number' ? { port } : {}),
  }));
}

/** Storage classes of brokers' volumes, and ConfigMaps with metrics settings. */
function strimziReferences(object: ManifestObject): Reference[] {
  const storages: readonly (readonly string[])[] = [
    ['spec', 'kafka', 'storage'],
    ['spec', 'zookeeper', 'storage'],
    ['spec', 'storage'],
  ];
  const metrics: readonly (readonly string[])[] = [
    ['spec', 'kafka', 'metricsConfig'],
    ['spec', 'zookeeper', 'metricsConfig'],
    ['spec', 'cruiseControl', 'metricsConfig'],
    ['spec', 'metricsConfig'],
  ];
  return [
    ...storages.flatMap(path => {
      const storage = asObject(at(object.body, ...path));
      return [
        ...named(object, 'StorageClass', [...path, 'class'], storage['class']),
        ...list(storage['volumes']).flatMap(([volume, index]) =>
          named(object, 'StorageClass', [...path, 'volumes', index, 'class'], volume['class']),
        ),
      ];
    }),
    ...metrics.flatMap(path => {
      const place = [...path, 'valueFrom', 'configMapKeyRef'];
      return keyed(object, 'ConfigMap', place, asObject(at(object.body, ...place)));
    }),
  ];
}

/** Whatever names a Secret or a ConfigMap in a custom resource, in the forms that Kubernetes and Strimzi have for it. */
function secretsIn(object: ManifestObject): Reference[] {
  const found: Reference[] = [];
  const walk = (value: unknown, path: Path): void => {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) walk(item, [...path, index]);
      return;
    }
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      const here = [...path, key];
      if (key === 'secretName' || key === 'pushSecret') {
        // A volume of a pod template says itself whether its Secret may be missing.
        if (value['optional'] !== true) found.push(...named(object, 'Secret', here, inner));
      } else if (key === 'secretKeyRef') found.push(...keyed(object, 'Secret', here, asObject(inner)));
      else if (key === 'configMapKeyRef') found.push(...keyed(object, 'ConfigMap', here, asObject(inner)));
      else if (key === 'configMap' && path.at(-2) === 'volumes')
        found.push(...keyed(object, 'ConfigMap', here, asObject(inner)));
      else if (key === 'imagePullSecrets')
        found.push(
          ...list(inner).flatMap(([item, index]) =>
            named(object, 'Secret', [...here, index, 'name'], item['name']),
          ),
        );
      else walk(inner, here);
    }
  };
  walk(object.body['spec'], ['spec']);
  // What strimziReferences finds by its place is found here again.
  return found.filter(({ path }) => !path.includes('metricsConfig'));
}

/** Storage classes, and the Secrets from which users get their passwords: `[namespace/]secret/key`. */
function clickHouseReferences(object: ManifestObject): Reference[] {
  const spec = at(object.body, 'spec');
  const classes = list(at(spec, 'templates', 'volumeClaimTemplates')).flatMap(([claim, index]) =>
    named(
      object,
      'StorageClass',
      ['spec', 'templates', 'volumeClaimTemplates', index, 'spec', 'storageClassName'],
      at(claim, 'spec', 'storageClassName'),
    ),
  );
  const passwords = Object.entries(asObject(at(spec, 'configuration', 'users'))).flatMap(
    ([key, value]): Reference[] => {
      const path = ['spec', 'configuration', 'users', key];
      const reference = asObject(at(value, 'valueFrom', 'secretKeyRef'));
      if (Object.keys(reference).length > 0)
        return keyed(object, 'Secret', [...path, 'valueFrom', 'secretKeyRef'], reference);
      if (!/\/k8s_secret_(env_)?password(_\w+)?$/.test(key) || typeof value !== 'string') return [];
      const parts = value.split('/');
      const [name, secretKey] = parts.slice(-2);
      const isElsewhere =
        parts.length > 2 && object.metadata.namespace !== undefined && parts[0] !== object.metadata.namespace;
      if (name === undefined || secretKey === undefined || isElsewhere) return [];
      return [{ object, kind: 'Secret', path, name, key: secretKey }];
    },
  );
  return [...classes, ...passwords];
}

/** What MinIO's operator reads: the Secrets of its settings, users and certificates, and storage classes. */
function tenantReferences(object: ManifestObject): Reference[] {
  const spec = at(object.body, 'spec');
  const each = (key: string) =>
    list(at(spec, key)).flatMap(([item, index]) =>
      named(object, 'Secret', ['spec', key, index, 'name'], item['name']),
    );
  return [
    ...['configuration', 'credsSecret', 'imagePullSecret', 'externalClientCertSecret'].flatMap(key =>
      named(object, 'Secret', ['spec', key, 'name'], at(spec, key, 'name')),
    ),
    ...each('users'),
    ...each('externalCertSecret'),
    ...each('externalCaCertSecret'),
    ...named(object, 'ServiceAccount', ['spec', 'serviceAccountName'], at(spec, 'serviceAccountName')).filter(
      // The operator makes an account of this name.
      ({ name }) => name !== `${object.metadata.name}-sa`,
    ),
    ...named(object, 'PriorityClass', ['spec', 'priorityClassName'], at(spec, 'priorityClassName')),
    ...containerReferences(object, ['spec'], asObject(spec)),
    ...list(at(spec, 'pools')).flatMap(([pool, index]) =>
      named(
        object,
        'StorageClass',
        ['spec', 'pools', index, 'volumeClaimTemplate', 'spec', 'storageClassName'],
        at(pool, 'volumeClaimTemplate', 'spec', 'storageClassName'),
      ),
    ),
  ];
}

/** Every reference among the manifests that names another object. */
export function referencesIn(model: Model): Reference[] {
  return [
    ...model.templates.flatMap(({ object, path, spec, containers }) => {
      const own = new Set(ownClaims(object).map(claim => at(claim, 'metadata', 'name')));
      return podReferences(object, path, spec, containers).filter(
        ({ kind, name }) => kind !== 'PersistentVolumeClaim' || !own.has(name),
      );
    }),
    ...model.objects.flatMap(referencesOf),
  ];
}

function list(value: unknown): [PlainObject, number][] {
  return (Array.isArray(value) ? value : []).flatMap((item, index): [PlainObject, number][] =>
    isObject(item) ? [[item, index]] : [],
  );
}

function named(object: ManifestObject, kind: Reference['kind'], path: Path, name: unknown): Reference[] {
  return typeof name === 'string' && name !== '' && !hasPlaceholder(name)
    ? [{ object, kind, path, name }]
    : [];
}

/** A reference with a name and perhaps a key; optional ones need nothing. */
function keyed(
  object: ManifestObject,
  kind: Reference['kind'],
  path: Path,
  target: PlainObject,
  field = 'name',
): Reference[] {
  const { name, key, optional } = target;
  if (typeof name !== 'string' || name === '' || optional === true || hasPlaceholder(name)) return [];
  return [{ object, kind, path: [...path, field], name, ...(typeof key === 'string' ? { key } : {}) }];
}

/** Whether something among the files makes the object that a reference names. */
export function isDeclared(model: Model, { object, kind, name }: Reference): boolean {
  if (SUPPLIED[kind]?.has(name) === true || model.isExternal(kind, object.metadata.namespace, name))
    return true;
  if (model.find(kind, object, name) !== undefined) return true;
  if (kind === 'StorageClass' || kind === 'PriorityClass') {
    if (model.ofKind(kind).some(item => item.metadata.name === name)) return true;
    // Claims are bound to volumes that name the same class; it needs no object of its own then.
    return (
      kind === 'StorageClass' &&
      model.ofKind('PersistentVolume').some(volume => at(volume.body, 'spec', 'storageClassName') === name)
    );
  }
  if (kind === 'ServiceAccount') return sparkSpec(object) !== undefined && SPARK_OPERATOR_ACCOUNTS.has(name);
  if (kind === 'PersistentVolumeClaim') return isClaimOfStatefulSet(model, object, name);
  // Apache's operator makes ConfigMaps that an application writes out.
  if (kind === 'ConfigMap' && isApacheSpark(object)) {
    return asObjects(at(object.body, 'spec', 'configMapSpecs')).some(item => item['name'] === name);
  }
  if (kind === 'Service') return isMadeService(model, object, name);
  return kind === 'Secret' && isMadeSecret(model, object, name);
}

/** Services that an operator makes out of another object: Strimzi's brokers, and the web UI of a Spark application. */
function isMadeService(model: Model, from: ManifestObject, name: string): boolean {
  const near = (object: ManifestObject) => model.find(object.kind, from, object.metadata.name) === object;
  return (
    model.ofKind('Kafka').some(kafka => near(kafka) && name.startsWith(`${kafka.metadata.name}-kafka-`)) ||
    model
      .ofKind('SparkApplication')
      .some(application => near(application) && name === `${application.metadata.name}-ui-svc`) ||
    // One of each for a tenant, and `minio` for the newest in its namespace.
    model
      .ofKind('Tenant')
      .some(
        tenant =>
          isTenant(tenant) &&
          near(tenant) &&
          ['minio', `${tenant.metadata.name}-console`, `${tenant.metadata.name}-hl`].includes(name),
      ) ||
    // Prometheus' operator makes one for each kind that a namespace has.
    ['Prometheus', 'Alertmanager', 'ThanosRuler'].some(
      kind =>
        name === `${kind.replace('ThanosRuler', 'Thanos-Ruler').toLowerCase()}-operated` &&
        model.ofKind(kind).some(near),
    )
  );
}

/** `<template>-<set>-<ordinal>` is what a StatefulSet calls its claims. */
function isClaimOfStatefulSet(model: Model, from: ManifestObject, name: string): boolean {
  return model
    .ofKind('StatefulSet')
    .filter(set => model.find('StatefulSet', from, set.metadata.name) === set)
    .some(set =>
      asObjects(at(set.body, 'spec', 'volumeClaimTemplates')).some(claim => {
        const prefix = `${String(at(claim, 'metadata', 'name'))}-${set.metadata.name}-`;
        return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length));
      }),
    );
}

/** Secrets that a controller makes out of another object. */
function isMadeSecret(model: Model, from: ManifestObject, name: string): boolean {
  const near = (object: ManifestObject) => model.find(object.kind, from, object.metadata.name) === object;
  const targets: readonly (readonly [string, (object: ManifestObject) => unknown])[] = [
    ['SealedSecret', object => object.metadata.name],
    ['ExternalSecret', object => at(object.body, 'spec', 'target', 'name') ?? object.metadata.name],
    ['Certificate', object => at(object.body, 'spec', 'secretName')],
    ['KafkaUser', object => object.metadata.name],
    ['VaultStaticSecret', object => at(object.body, 'spec', 'destination', 'name')],
    ['VaultDynamicSecret', object => at(object.body, 'spec', 'destination', 'name')],
  ];
  if (
    targets.some(([kind, target]) =>
      model.ofKind(kind).some(object => near(object) && target(object) === name),
    )
  )
    return true;
  const providers = model.ofKind('SecretProviderClass').filter(near);
  if (
    providers.some(object =>
      asObjects(at(object.body, 'spec', 'secretObjects')).some(item => item['secretName'] === name),
    )
  )
    return true;
  // The Jobs of admission webhooks make the Secret that their flag names, MetalLB the one that its variable names.
  const isMadeByPod = model.templates.some(
    ({ object, path, spec, containers }) =>
      object.metadata.namespace === from.metadata.namespace &&
      declaredContainers({ path, spec, ...(containers === undefined ? {} : { containers }) }).some(
        ({ container }) =>
          [container['command'], container['args']].flat().includes(`--secret-name=${name}`) ||
          environment(container).some(entry => entry.name.endsWith('_SECRET_NAME') && entry.value === name),
      ),
  );
  if (isMadeByPod) return true;
  // Strimzi keeps the certificates of a cluster in Secrets of these names.
  return model
    .ofKind('Kafka')
    .some(
      kafka =>
        near(kafka) &&
        ['cluster-ca-cert', 'clients-ca-cert', 'clients-ca', 'cluster-ca'].some(
          suffix => name === `${kafka.metadata.name}-${suffix}`,
        ),
    );
}
