import type { Rule } from '../facts/rule';
import { allowed, measured, say } from '../finding/message';
import { apiGroup } from '../manifest/pod-templates';
import type { ManifestObject } from '../object/manifest-object';

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

/** Files with a kind and a name that a program reads, and no API server. */
const READ_BY_PROGRAMS: ReadonlySet<string> = new Set([
  'backstage.io',
  'eksctl.io',
  'kind.x-k8s.io',
  'kubeadm.k8s.io',
  'kustomize.config.k8s.io',
  'skaffold',
]);

/** What somebody puts another text in the place of before it is applied. */
const PLACEHOLDER = /[${}]/;

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
    const objects = model.objects.filter(object => !READ_BY_PROGRAMS.has(apiGroup(object)));
    const names = objects
      .map(object => {
        const { name, namespace } = object.metadata;
        return { object, what: 'name', value: name, within: namespace ?? '', form: formOf(object) };
      })
      .toSorted((left, right) => left.form.longest - right.form.longest);
    const namespaces = objects.flatMap(object => {
      const { namespace } = object.metadata;
      return namespace === undefined
        ? []
        : [{ object, what: 'namespace', value: namespace, within: '', form: DNS_LABEL }];
    });
    const refused = [...names, ...namespaces].filter(
      ({ value, form }) =>
        !PLACEHOLDER.test(value) && (!form.pattern.test(value) || value.length > form.longest),
    );
    // A Namespace object's own name and what stands in it are one mistake too.
    const once = new Map(refused.toReversed().map(item => [`${item.within}/${item.value}`, item]));
    const all = [...once.values()].toReversed();
    const isLonger = ({ within, value }: (typeof all)[number]) =>
      all.some(other => other.within === within && other.value !== '' && value.startsWith(`${other.value}-`));
    return all
      .filter(item => !isLonger(item))
      .map(({ object, what, value, form }) => ({
        place: { object, path: ['metadata', what] },
        message: say`${what} ${measured(value, JSON.stringify)} has ${value.length} characters but allowed are ${allowed(form.allowed)}`,
      }));
  },
};

function formOf({ kind }: ManifestObject): NameForm {
  return FORMS[kind] ?? DNS_SUBDOMAIN;
}
