import type { Rule } from '../facts/rule';
import type { Found } from '../finding/finding';
import { allowed, measured, say } from '../finding/message';
import { apiGroup } from '../manifest/pod-templates';
import { at, type ManifestObject } from '../object/manifest-object';
import { hasPlaceholder } from '../object/placeholder';

interface NameForm {
  readonly pattern: RegExp;
  readonly longest: number;
  readonly allowed: string;
}

const LABEL = "lower case letters, digits and '-', a letter or digit at both ends";

/** DNS labels (RFC 1123): what becomes one part of a host name. */
const DNS_LABEL: NameForm = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  longest: 63,
  allowed: `1 to 63 of ${LABEL}`,
};

/** A Service's name begins with a letter (RFC 1035). */
const SERVICE_LABEL: NameForm = {
  pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  longest: 63,
  allowed: `1 to 63 of ${LABEL}, a letter first`,
};

/** DNS subdomains (RFC 1123): every other object's name. */
const DNS_SUBDOMAIN: NameForm = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  longest: 253,
  allowed: `1 to 253 of ${LABEL}, in parts joined by '.'`,
};

/** RBAC takes any text without '/' and '%' that is no dot or two. */
const PATH_SEGMENT: NameForm = {
  pattern: /^(?!\.{1,2}$)[^/%]+$/,
  longest: 253,
  allowed: "text without '/' and '%'",
};

/** The operator appends '-driver' and '-ui-svc' and makes a label of the name. */
const SPARK_APPLICATION: NameForm = {
  ...SERVICE_LABEL,
  longest: 55,
  allowed: `1 to 55 of ${LABEL}, a letter first`,
};

/** The controller appends an ordinal and a revision hash of up to 11 characters in a label. */
const STATEFUL_SET: NameForm = { ...DNS_LABEL, longest: 52, allowed: `1 to 52 of ${LABEL}` };

/** The operator makes Services of it, the longest with '-kafka-bootstrap' or '-zookeeper-client' behind it. */
const KAFKA: NameForm = { ...SERVICE_LABEL, longest: 46, allowed: `1 to 46 of ${LABEL}, a letter first` };

const FORMS: Readonly<Record<string, NameForm>> = {
  Namespace: DNS_LABEL,
  Service: SERVICE_LABEL,
  SparkApplication: SPARK_APPLICATION,
  StatefulSet: STATEFUL_SET,
  Kafka: KAFKA,
  Job: DNS_LABEL,
  CronJob: { ...DNS_LABEL, longest: 52, allowed: `1 to 52 of ${LABEL}` },
  Role: PATH_SEGMENT,
  RoleBinding: PATH_SEGMENT,
  ClusterRole: PATH_SEGMENT,
  ClusterRoleBinding: PATH_SEGMENT,
  // OpenShift's
  Group: PATH_SEGMENT,
  Identity: PATH_SEGMENT,
  ImageStreamTag: PATH_SEGMENT,
  User: PATH_SEGMENT,
  UserIdentityMapping: PATH_SEGMENT,
};

/** Files with a kind that a program reads, and no API server. */
const READ_BY_PROGRAMS: ReadonlySet<string> = new Set([
  'audit.k8s.io',
  'backstage.io',
  'client.authentication.k8s.io',
  'eksctl.io',
  'k3d.io',
  'kind.x-k8s.io',
  'kubeadm.k8s.io',
  'skaffold',
]);

function isReadByProgram(object: ManifestObject): boolean {
  const group = apiGroup(object);
  return (
    READ_BY_PROGRAMS.has(group) ||
    group.endsWith('config.k8s.io') ||
    (group === '' && object.kind === 'Config')
  );
}

/** Questions to the API server (SubjectAccessReview, TokenReview), which it answers and does not store. */
const ANSWERED: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/** Kinds of the core group, and the groups of operators, whose objects rules read. */
const CORE: ReadonlySet<string> = new Set([
  'ConfigMap',
  'Endpoints',
  'LimitRange',
  'Namespace',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Pod',
  'PodTemplate',
  'ReplicationController',
  'ResourceQuota',
  'Secret',
  'Service',
  'ServiceAccount',
]);
const OPERATED: ReadonlySet<string> = new Set([
  'argoproj.io',
  'clickhouse-keeper.altinity.com',
  'clickhouse.altinity.com',
  'kafka.strimzi.io',
  'minio.min.io',
  'spark.apache.org',
]);

/** What the server puts behind a generateName, and where it cuts that name off (apiserver/pkg/storage/names). */
const GENERATED = 'x'.repeat(5);
const LONGEST_PREFIX = 63 - GENERATED.length;

/**
 * Names that the API server, or a controller that makes pods of the object, refuses: each once, for the object that
 * allows the least, and none that is only longer, because the objects of a layer share its name.
 */
export const illegalName: Rule = {
  id: 'illegal-name',
  level: 'error',
  refuses: 'a name or namespace that the API server, or the controller that makes pods of it, does not take',
  remedy: 'rename it',
  check: model => {
    const objects = model.objects.filter(object => !isReadByProgram(object));
    const names = objects
      .filter(
        ({ body, metadata }) =>
          typeof at(body, 'metadata', 'name') === 'string' || metadata.isNameGenerated === true,
      )
      .map(object => {
        const { name, namespace, isNameGenerated } = object.metadata;
        const form = formOf(object);
        return isNameGenerated === true
          ? { object, what: 'generateName', value: name.slice(0, -1), within: namespace ?? '', form }
          : { object, what: 'name', value: name, within: namespace ?? '', form };
      })
      .toSorted((left, right) => left.form.longest - right.form.longest);
    const namespaces = objects.flatMap(object => {
      const { namespace } = object.metadata;
      return namespace === undefined
        ? []
        : [{ object, what: 'namespace', value: namespace, within: '', form: DNS_LABEL }];
    });
    const refused = [...names, ...namespaces].filter(({ what, value, form }) => {
      const whole = what === 'generateName' ? `${value.slice(0, LONGEST_PREFIX)}${GENERATED}` : value;
      return !hasPlaceholder(value) && (!form.pattern.test(whole) || whole.length > form.longest);
    });
    // A Namespace object's own name and what stands in it are one mistake too.
    const once = new Map(refused.toReversed().map(item => [`${item.within}/${item.value}`, item]));
    const all = [...once.values()].toReversed();
    const isLonger = ({ within, value }: (typeof all)[number]) =>
      all.some(other => other.within === within && other.value !== '' && value.startsWith(`${other.value}-`));
    return [
      ...objects.flatMap(object =>
        (['name', 'namespace'] as const).flatMap(what => noText(object, what) ?? []),
      ),
      ...all
        .filter(item => !isLonger(item))
        .map(({ object, what, value, form }) => ({
          place: { object, path: ['metadata', what] },
          message: say`${what} ${measured(value, JSON.stringify)} has ${value.length} characters but allowed are ${allowed(form.allowed)}`,
        })),
    ];
  },
};

/** A name that is no text, or that is missing. */
function noText(object: ManifestObject, what: 'name' | 'namespace'): Found | undefined {
  const value = at(object.body, 'metadata', what);
  if (typeof value === 'string') return undefined;
  const place = { object, path: ['metadata', what] };
  if (value !== undefined && value !== null) {
    return {
      place,
      message: say`${what} ${measured(JSON.stringify(value))} is no text but allowed are ${allowed(what === 'name' ? formOf(object).allowed : DNS_LABEL.allowed)}`,
      remedy: say`write it as text, in quotes`,
    };
  }
  if (
    what === 'namespace' ||
    object.metadata.isNameGenerated === true ||
    ANSWERED.has(apiGroup(object)) ||
    isForProgram(object)
  ) {
    return undefined;
  }
  return {
    place,
    message: say`the object has no name but the API server takes none without`,
    remedy: say`give it metadata.name, or metadata.generateName if it is made anew each time`,
  };
}

/** A kind of nobody knows whom without any metadata is a file of a program that borrows the form, not an object. */
function isForProgram(object: ManifestObject): boolean {
  const group = apiGroup(object);
  const isKubernetes =
    ['apps', 'batch', 'autoscaling', 'policy', 'extensions'].includes(group) || group.endsWith('.k8s.io');
  const isKnown = isKubernetes || OPERATED.has(group) || (group === '' && CORE.has(object.kind));
  return !isKnown && object.body['metadata'] === undefined;
}

function formOf({ kind }: ManifestObject): NameForm {
  return FORMS[kind] ?? DNS_SUBDOMAIN;
}
