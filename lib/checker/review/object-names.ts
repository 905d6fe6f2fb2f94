import { type ManifestObject, objectId } from '../manifest/model';

interface NameRule {
  readonly pattern: RegExp;
  readonly longest: number;
  readonly allowed: string;
}

const LABEL = "lower case letters, digits and '-', a letter or digit at both ends";

/** DNS labels (RFC 1123): what becomes one part of a host name. */
const DNS_LABEL: NameRule = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  longest: 63,
  allowed: `1 to 63 of ${LABEL}`,
};

/** A Service's name begins with a letter (RFC 1035). */
const SERVICE_LABEL: NameRule = {
  pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
  longest: 63,
  allowed: `1 to 63 of ${LABEL}, a letter first`,
};

/** DNS subdomains (RFC 1123): every other object's name. */
const DNS_SUBDOMAIN: NameRule = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  longest: 253,
  allowed: `1 to 253 of ${LABEL}, in parts joined by '.'`,
};

/** RBAC takes any text without '/' and '%' that is no dot or two. */
const PATH_SEGMENT: NameRule = {
  pattern: /^(?!\.{1,2}$)[^/%]+$/,
  longest: 253,
  allowed: "text without '/' and '%'",
};

/** The operator appends '-driver' and '-ui-svc' and makes a label of the name. */
const SPARK_APPLICATION: NameRule = {
  ...SERVICE_LABEL,
  longest: 55,
  allowed: `1 to 55 of ${LABEL}, a letter first`,
};

/** The controller appends an ordinal and a revision hash of up to 11 characters in a label. */
const STATEFUL_SET: NameRule = { ...DNS_LABEL, longest: 52, allowed: `1 to 52 of ${LABEL}` };

/** The operator makes Services of it, the longest with '-kafka-bootstrap' or '-zookeeper-client' behind it. */
const KAFKA: NameRule = { ...SERVICE_LABEL, longest: 46, allowed: `1 to 46 of ${LABEL}, a letter first` };

const RULES: Readonly<Record<string, NameRule>> = {
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
};

/**
 * Names that the API server, or a controller that makes pods of the object, would refuse: each once, for the object
 * that allows the least, and none that is only longer, because the objects of a layer share its name.
 */
export function objectNameProblems(objects: readonly ManifestObject[]): string[] {
  const names = objects
    .map(object => {
      const { name, namespace } = object.metadata;
      return { object, what: 'name', value: name, within: namespace ?? '', rule: ruleOf(object) };
    })
    .toSorted((left, right) => left.rule.longest - right.rule.longest);
  const namespaces = objects.flatMap(object => {
    const { namespace } = object.metadata;
    return namespace === undefined
      ? []
      : [{ object, what: 'namespace', value: namespace, within: '', rule: DNS_LABEL }];
  });
  const refused = [...names, ...namespaces].filter(
    ({ value, rule }) => !rule.pattern.test(value) || value.length > rule.longest,
  );
  // A Namespace object's own name and what stands in it are one mistake too.
  const once = new Map(refused.toReversed().map(problem => [`${problem.within}/${problem.value}`, problem]));
  const all = [...once.values()].toReversed();
  const isLonger = ({ within, value }: (typeof all)[number]) =>
    all.some(other => other.within === within && other.value !== '' && value.startsWith(`${other.value}-`));
  return all
    .filter(problem => !isLonger(problem))
    .map(
      ({ object, what, value, rule }) =>
        `[${objectId(object)}] ${what} ${JSON.stringify(value)} has ${value.length} characters but allowed are ${rule.allowed}; rename it`,
    );
}

function ruleOf({ kind }: ManifestObject): NameRule {
  return RULES[kind] ?? DNS_SUBDOMAIN;
}
