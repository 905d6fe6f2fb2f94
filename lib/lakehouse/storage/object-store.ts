import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { allowed, measured, say } from '../../checker/finding/message';
import { internet, listenersAt } from '../network/addresses';
import { type Connectable, declareFlows, type Listener, type Pods } from '../network/flow';
import { ExternalSecret, type SecretKey } from '../workload/external';
import { type Refusal, refuse } from '../workload/refuse';

/** How a client proves who it is: keys from a Secret, or the IAM role of its service account. */
export type ObjectStoreCredentials =
  | { readonly kind: 'secret'; readonly accessKey: SecretKey; readonly secretKey: SecretKey }
  | { readonly kind: 'role'; readonly roleArn: string };

const handedOn = new WeakSet<ObjectStoreCredentials>();

/** Says that a construct has taken credentials and declares itself which pods use them. */
export function takeCredentials(credentials: ObjectStoreCredentials): void {
  handedOn.add(credentials);
}

/** What one client may do, and where its pods run. */
export interface ObjectStoreClientProps {
  readonly namespace: string;
  /**
   * The client's pods, which policies let through to the store.
   * @default those of the SparkJob that is handed the credentials, else every pod of the namespace
   */
  readonly pods?: readonly Pods[];
  /**
   * Locations to read.
   * @default none
   */
  readonly read?: readonly ObjectLocation[];
  /**
   * Locations to read, write and delete in.
   * @default none
   */
  readonly write?: readonly ObjectLocation[];
}

/** What flows into a location: with the retention, the bytes that it comes to hold. */
export interface DataSetProps {
  readonly retention: Duration;
  /** Bytes that arrive on the busiest day. */
  readonly bytesPerDay: number;
}

/** A lifecycle rule counts whole days. */
export function expiryDays(retention: Duration): number {
  return Math.ceil(retention.toDays({ integral: false }));
}

export interface DataSet extends DataSetProps {
  readonly location: ObjectLocation;
}

export interface ExternalObjectStoreProps {
  /**
   * URL of the server, e.g. https://minio.example.com:9000.
   * @default S3 itself, in `region`
   */
  readonly endpoint?: string;
  /**
   * Where the server is, as CIDRs.
   * @default what the endpoint's host says: an address, a Service of the cluster, or nothing, and then every address; the
   * Internet for S3 itself
   */
  readonly addresses?: readonly string[];
  readonly region: string;
  /** The buckets that exist there. */
  readonly buckets: readonly string[];
  readonly credentials: ExternalObjectStoreCredentials;
  /**
   * Buckets in the path, not in the host name.
   * @default true when there is an endpoint
   */
  readonly pathStyleAccess?: boolean;
}

/** Credentials for a store that exists already. */
export class ExternalObjectStoreCredentials {
  /** Keys in a Secret of each client's namespace, under the names that the chart uses for its own store. */
  public static secret(
    secretName: string = 'object-store-credentials',
    accessKey: string = 'access-key',
    secretKey: string = 'secret-key',
  ): ExternalObjectStoreCredentials {
    return new ExternalObjectStoreCredentials({ secretName, accessKey, secretKey });
  }

  /** The IAM role that each client's service account assumes (IAM roles for service accounts). */
  public static role(roleArn: string): ExternalObjectStoreCredentials {
    return new ExternalObjectStoreCredentials({ roleArn });
  }

  private constructor(
    public readonly source:
      | { readonly secretName: string; readonly accessKey: string; readonly secretKey: string }
      | { readonly roleArn: string },
  ) {}
}

/** A folder of a bucket. */
export class ObjectLocation {
  /** 's3a://bucket/path/' */
  public readonly url: string;

  constructor(
    public readonly bucket: Bucket,
    /** '' or 'a/b/', with its trailing slash. */
    public readonly path: string,
  ) {
    this.url = `s3a://${bucket.bucketName}/${path}`;
  }

  /** A folder in this folder. */
  public prefix(path: string): ObjectLocation {
    return this.bucket.prefix(`${this.path}${path}`);
  }
}

/** A bucket of a store. */
export class Bucket {
  constructor(
    public readonly store: ObjectStore,
    public readonly bucketName: string,
  ) {}

  /** A folder of the bucket; a missing trailing slash is added. */
  public prefix(path: string): ObjectLocation {
    const withSlash = path === '' || path.endsWith('/') ? path : `${path}/`;
    if (withSlash.startsWith('/') || withSlash.includes('//') || /(^|\/)\.\.?(\/|$)/.test(withSlash)) {
      this.store.refuse({
        message: say`bucket ${this.bucketName} has prefix ${measured(path, JSON.stringify)} but a prefix is relative, without empty, '.' or '..' segments`,
        remedy: say`write it as 'user-activity/'`,
      });
    }
    return new ObjectLocation(this, withSlash);
  }
}

/**
 * An S3-compatible store with the buckets that it has: `MinioStore`, or one that exists already.
 *
 * @example
 * const store = ObjectStore.external(chart, 'store', {
 *   region: 'ap-northeast-2',
 *   buckets: ['raw-data', 'silver', 'gold'],
 *   credentials: ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse'),
 * });
 * const silver = store.bucket('silver').prefix('user-activity-v2/');
 */
export abstract class ObjectStore extends Construct implements Connectable {
  /** A store that exists already: S3 itself, or any compatible server. */
  public static external(scope: Construct, id: string, props: ExternalObjectStoreProps): ObjectStore {
    return new ExternalObjectStore(scope, id, props);
  }

  /** URL of the server; absent for S3 itself. */
  public abstract readonly endpoint: string | undefined;
  public abstract readonly region: string;
  public abstract readonly pathStyleAccess: boolean;
  public abstract readonly bucketNames: readonly string[];
  /** Where clients reach the server. */
  public abstract readonly listeners: readonly Listener[];

  private readonly refused: Refusal[] = [];
  private readonly sets: DataSet[] = [];

  constructor(scope: Construct, id: string) {
    super(scope, id);
    refuse(this, () => [...this.refused, ...bucketNameRefusals(this.bucketNames)]);
  }

  /** A bucket by name; a name that the store does not have is refused when the chart is validated. */
  public bucket(bucketName: string): Bucket {
    if (!this.bucketNames.includes(bucketName)) {
      this.refuse({
        message: say`object store has no bucket ${measured(bucketName, JSON.stringify)}, only ${allowed(this.bucketNames.join(', ') || 'none')}`,
        remedy: say`add it to buckets, or use one of these`,
      });
    }
    return new Bucket(this, bucketName);
  }

  /** Declares a client and what it may do, lets its pods through to the server, and returns its credentials. */
  public addClient(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials {
    const { namespace, pods } = props;
    const why = `${client}: files are read or written`;
    const credentials = this.credentialsOf(client, props);
    declareFlows(this, () =>
      (pods ?? (handedOn.has(credentials) ? [] : [{ name: client, namespace, labels: {} }])).flatMap(from =>
        this.listeners.map(({ end, ports }) => ({ from, to: end, ports, why })),
      ),
    );
    return credentials;
  }

  /** The credentials of a client that is declared now. */
  protected abstract credentialsOf(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials;

  /** Declares what a location holds and how long, so that the store expires it and has room for it. */
  public addDataSet(location: ObjectLocation, props: DataSetProps): void {
    if (!(props.retention.toDays({ integral: false }) > 0)) {
      this.refuse({
        message: say`object store keeps ${location.url} for ${measured(props.retention.toHumanString())} but what is written has to stay for a day at least`,
        remedy: say`set the retention of the layer, e.g. Duration.days(7)`,
      });
    }
    this.sets.push({ location, ...props });
  }

  /** What the locations hold, in the order of declaration. */
  public get dataSets(): readonly DataSet[] {
    return [...this.sets];
  }

  /** Refuses what is asked of the store, together with everything else, when the chart is validated. */
  public refuse(refusal: Refusal): void {
    this.refused.push(refusal);
  }
}

/** S3's rule, which MinIO shares: 3 to 63 of lower case letters, digits, '.' and '-', and no IPv4 address. */
const BUCKET_NAME = /^(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function bucketNameRefusals(names: readonly string[]): Refusal[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [
    ...(names.length > 0
      ? []
      : [
          {
            message: say`object store has no buckets but the layers need some`,
            remedy: say`set buckets, e.g. ['raw-data', 'silver', 'gold']`,
          },
        ]),
    ...names
      .filter(name => !BUCKET_NAME.test(name))
      .map(name => ({
        message: say`object store has bucket ${measured(name, JSON.stringify)} but a bucket name is 3 to 63 of a-z, 0-9, '.' and '-', begins and ends with a letter or digit, and is no IP address`,
        remedy: say`rename it`,
      })),
    ...[...twice].map(name => ({
      message: say`object store has bucket ${measured(name, JSON.stringify)} twice but a bucket is listed once`,
      remedy: say`remove one`,
    })),
  ];
}

class ExternalObjectStore extends ObjectStore {
  public readonly endpoint: string | undefined;
  public readonly region: string;
  public readonly pathStyleAccess: boolean;
  public readonly bucketNames: readonly string[];
  public readonly listeners: readonly Listener[];
  private readonly credentials: ExternalObjectStoreCredentials;

  constructor(scope: Construct, id: string, props: ExternalObjectStoreProps) {
    super(scope, id);
    this.endpoint = props.endpoint;
    this.region = props.region;
    this.pathStyleAccess = props.pathStyleAccess ?? props.endpoint !== undefined;
    this.bucketNames = [...props.buckets];
    this.credentials = props.credentials;
    this.listeners = this.reachedAt(props.addresses);
    refuse(this, () => this.refusals());
  }

  private reachedAt(addresses: readonly string[] | undefined): Listener[] {
    if (this.endpoint === undefined && addresses === undefined)
      return [{ end: internet(this), ports: [443] }];
    const url = this.endpoint ?? `https://s3.${this.region}.amazonaws.com`;
    if (!isOrigin(url)) return [];
    const { protocol, port, hostname } = new URL(url);
    const server = { host: hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
    return listenersAt(this, [server], addresses);
  }

  private refusals(): Refusal[] {
    const { source } = this.credentials;
    return [
      ...(this.endpoint === undefined || isOrigin(this.endpoint)
        ? []
        : [
            {
              message: say`object store has endpoint ${measured(this.endpoint, JSON.stringify)} but an endpoint is http:// or https://, a host and a port, nothing behind them`,
              remedy: say`set endpoint, e.g. https://minio.example.com:9000`,
            },
          ]),
      ...(/^[a-z0-9-]+$/.test(this.region)
        ? []
        : [
            {
              message: say`object store has region ${measured(this.region, JSON.stringify)} but a region is named by a-z, 0-9 and '-'`,
              remedy: say`set region, e.g. us-east-1`,
            },
          ]),
      ...('roleArn' in source && !/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(source.roleArn)
        ? [
            {
              message: say`object store has role ${measured(source.roleArn, JSON.stringify)} but a role is named by its ARN`,
              remedy: say`set credentials, e.g. ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse')`,
            },
          ]
        : []),
    ];
  }

  protected credentialsOf(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials {
    const { source } = this.credentials;
    if ('roleArn' in source) {
      return { kind: 'role', roleArn: source.roleArn };
    }
    const secret = new ExternalSecret(this, `${client}-credentials`, {
      secretName: source.secretName,
      namespace: props.namespace,
      keys: {
        [source.accessKey]: { givenBy: 'the object store' },
        [source.secretKey]: { givenBy: 'the object store' },
      },
    });
    return {
      kind: 'secret',
      accessKey: secret.key(source.accessKey),
      secretKey: secret.key(source.secretKey),
    };
  }
}

function isOrigin(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).origin === url;
}
