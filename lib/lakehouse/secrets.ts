import type { ExternalSecret, SecretValue } from './workload/external';

/** A Secret as kubectl takes it. */
export interface SecretManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type: 'Opaque';
  /** So that a second run is refused by the API server, in place of changing passwords that are in use. */
  readonly immutable: true;
  readonly stringData: Readonly<Record<string, string>>;
}

export interface Secrets {
  readonly manifests: readonly SecretManifest[];
  /** A sentence for each Secret that nothing can be made up for, with the command that makes it. */
  readonly byHand: readonly string[];
}

/**
 * The Secrets that an app declares, with values made up by `random`: one value a credential, the same wherever that
 * credential is declared, e.g. for a server and for its client in another namespace.
 *
 * @throws one error that names every key that is declared twice with different content
 */
export function secrets(declared: readonly ExternalSecret[], random: () => string): Secrets {
  const credentials = new Map<string, string>();
  const content = (value: SecretValue): string | undefined => {
    if ('literal' in value) return value.literal;
    if (!('credential' in value)) return undefined;
    const made = credentials.get(value.credential) ?? random();
    credentials.set(value.credential, made);
    return (value.template ?? '{value}').replace('{value}', () => made);
  };

  const manifests: SecretManifest[] = [];
  const byHand: string[] = [];
  for (const { namespace, name, keys } of merged(declared)) {
    if (Object.values(keys).some(value => 'givenBy' in value || 'copyOf' in value)) {
      byHand.push(...handMade(namespace, name, keys));
      continue;
    }
    manifests.push({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      type: 'Opaque',
      immutable: true,
      stringData: Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, content(value) ?? ''])),
    });
  }
  return { manifests, byHand };
}

interface DeclaredSecret {
  readonly namespace: string;
  readonly name: string;
  readonly keys: Record<string, SecretValue>;
}

/** One Secret may be declared by several constructs, each with the keys that it needs. */
function merged(declared: readonly ExternalSecret[]): DeclaredSecret[] {
  const byId = new Map<string, DeclaredSecret>();
  const problems: string[] = [];
  for (const { namespace, secretName, keys } of declared) {
    const id = `${namespace}/${secretName}`;
    const secret = byId.get(id) ?? { namespace, name: secretName, keys: {} };
    byId.set(id, secret);
    for (const [key, value] of Object.entries(keys)) {
      const other = secret.keys[key];
      if (other !== undefined && JSON.stringify(other) !== JSON.stringify(value))
        problems.push(
          `secret ${id} has key ${key} declared twice, as ${JSON.stringify(other)} and as ${JSON.stringify(value)}; declare it once, or the same`,
        );
      secret.keys[key] = value;
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return [...byId.values()];
}

function handMade(namespace: string, name: string, keys: Readonly<Record<string, SecretValue>>): string[] {
  const copies = Object.entries(keys).flatMap(([key, value]) =>
    'copyOf' in value
      ? [
          `secret ${namespace}/${name} needs ${key} of ${value.copyOf.namespace}/${value.copyOf.secretName} once that is there: kubectl -n ${value.copyOf.namespace} get secret ${value.copyOf.secretName} -o json | jq '{apiVersion,kind,type,data:{"${key}":.data["${value.copyOf.key}"]},metadata:{name:"${name}",namespace:"${namespace}"}}' | kubectl apply -f -`,
        ]
      : [],
  );
  const given = Object.entries(keys).filter(([, value]) => 'givenBy' in value);
  if (given.length === 0) return copies;
  const owners = [...new Set(given.map(([, value]) => ('givenBy' in value ? value.givenBy : '')))].join(
    ' and ',
  );
  const options = given.map(([key]) => `--from-literal=${key}=…`).join(' ');
  return [
    ...copies,
    `secret ${namespace}/${name} holds what ${owners} gave you: kubectl -n ${namespace} create secret generic ${name} ${options}`,
  ];
}
