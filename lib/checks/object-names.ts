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

const RULES: Readonly<Record<string, NameRule>> = {
  Namespace: DNS_LABEL,
  Service: SERVICE_LABEL,
  SparkApplication: SPARK_APPLICATION,
  StatefulSet: STATEFUL_SET,
  Job: DNS_LABEL,
  CronJob: { ...DNS_LABEL, longest: 52, allowed: `1 to 52 of ${LABEL}` },
  Role: PATH_SEGMENT,
  RoleBinding: PATH_SEGMENT,
  ClusterRole: PATH_SEGMENT,
  ClusterRoleBinding: PATH_SEGMENT,
};

/** Names that the API server, or a controller that makes pods of the object, would refuse. */
export function objectNameProblems(objects: readonly ManifestObject[]): string[] {
  return objects.flatMap(object => {
    const { pattern, longest, allowed } = RULES[object.kind] ?? DNS_SUBDOMAIN;
    const { name, namespace } = object.metadata;
    return [
      ...(pattern.test(name) && name.length <= longest
        ? []
        : [
            `[${objectId(object)}] name ${JSON.stringify(name)} has ${name.length} characters but allowed are ${allowed}; rename it`,
          ]),
      ...(namespace === undefined ||
      (DNS_LABEL.pattern.test(namespace) && namespace.length <= DNS_LABEL.longest)
        ? []
        : [
            `[${objectId(object)}] namespace ${JSON.stringify(namespace)} is no DNS label but allowed are ${DNS_LABEL.allowed}; rename it`,
          ]),
    ];
  });
}
