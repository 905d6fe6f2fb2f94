import type { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import { type ObjectIdentity, objectId } from '../../checker/object/object-id';
import { refuse } from './refuse';

/** An object that somebody else creates: declared, so that every reference of the chart resolves. */
export abstract class External extends Construct {
  public abstract readonly reference: ObjectIdentity;
}

/** Every external object that is declared at or under a scope. */
export function externalReferences(scope: Construct): ObjectIdentity[] {
  return scope.node
    .findAll()
    .filter((node): node is External => node instanceof External)
    .map(external => external.reference);
}

/**
 * The annotation by which an object names what exists in a namespace, or outside of any: so the checks know it from the
 * manifests alone. Undefined for none.
 */
export function externalsOf(scope: Construct, namespace: string): string | undefined {
  const references = externalReferences(scope).filter(
    reference => reference.namespace === undefined || reference.namespace === namespace,
  );
  return references.length === 0 ? undefined : [...new Set(references.map(objectId))].sort().join(' ');
}

/**
 * What a key of a Secret holds. Keys with one `credential` hold one random value, in whatever Secret or namespace;
 * a `template` stands around it in the place of {value}. A literal is no secret, e.g. a user name. A copy is of a key
 * that something in the cluster makes. What somebody else gives, `cdk8s-lakehouse secrets` does not make up.
 */
export type SecretValue =
  | { readonly credential: string; readonly template?: string }
  | { readonly literal: string }
  | { readonly copyOf: SecretKey }
  | { readonly givenBy: string };

export interface ExternalSecretProps {
  readonly secretName: string;
  readonly namespace: string;
  /** The keys that the Secret must have, and what each holds. */
  readonly keys: Readonly<Record<string, SecretValue>>;
}

/** One key of a Secret, in a form that containers, Strimzi and Spark can be given. */
export interface SecretKey {
  readonly namespace: string;
  readonly secretName: string;
  readonly key: string;
}

/**
 * A Secret that exists, whoever made it; the chart never holds its values.
 *
 * @example
 * const secret = new ExternalSecret(chart, 'credentials', {
 *   secretName: 'minio-credentials',
 *   namespace: 'storage',
 *   keys: { 'root-user': { credential: 'minio/root-user' }, 'root-password': { credential: 'minio/root-password' } },
 * });
 */
export class ExternalSecret extends External {
  public readonly secretName: string;
  public readonly namespace: string;
  public readonly keys: Readonly<Record<string, SecretValue>>;
  public readonly reference: ObjectIdentity;

  constructor(scope: Construct, id: string, props: ExternalSecretProps) {
    super(scope, id);
    this.secretName = props.secretName;
    this.namespace = props.namespace;
    this.keys = props.keys;
    this.reference = { kind: 'Secret', namespace: props.namespace, name: props.secretName };
  }

  /** One of the declared keys; another one is refused when the chart is validated. */
  public key(key: string): SecretKey {
    if (!(key in this.keys)) {
      const known = Object.keys(this.keys).join(', ');
      refuse(this, () => [
        {
          message: say`secret ${this.namespace}/${this.secretName} has no key ${measured(key, JSON.stringify)} among its declared keys (${allowed(known)})`,
          remedy: say`declare the key, or use one of these`,
        },
      ]);
    }
    return { namespace: this.namespace, secretName: this.secretName, key };
  }
}

/** The environment variable that holds one key of a Secret. */
export function secretEnv(name: string, secret: SecretKey): k8s.EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret.secretName, key: secret.key } } };
}
