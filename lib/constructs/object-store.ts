import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ExternalSecret, type SecretKey } from './external';

/** How a client proves who it is: keys from a Secret, or the IAM role of its service account. */
export type ObjectStoreCredentials =
  | { readonly kind: 'secret'; readonly accessKey: SecretKey; readonly secretKey: SecretKey }
  | { readonly kind: 'role'; readonly roleArn: string };

/** What one client may do, and where its pods run. */
export interface ObjectStoreClientProps {
  readonly namespace: string;
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
      this.store.refuse(
        `bucket ${this.bucketName} has prefix ${JSON.stringify(path)} but a prefix is relative, without empty, '.' or '..' segments; write it as 'user-activity/'`,
      );
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
export abstract class ObjectStore extends Construct {
  /** A store that exists already: S3 itself, or any compatible server. */
  public static external(scope: Construct, id: string, props: ExternalObjectStoreProps): ObjectStore {
    return new ExternalObjectStore(scope, id, props);
  }

  /** URL of the server; absent for S3 itself. */
  public abstract readonly endpoint: string | undefined;
  public abstract readonly region: string;
  public abstract readonly pathStyleAccess: boolean;
  public abstract readonly bucketNames: readonly string[];

  private readonly refusals = new Set<string>();
  private readonly sets: DataSet[] = [];

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.node.addValidation({
      validate: () => [...this.refusals, ...bucketNameProblems(this.bucketNames)],
    });
  }

  /** A bucket by name; a name that the store does not have is refused when the chart is validated. */
  public bucket(bucketName: string): Bucket {
    if (!this.bucketNames.includes(bucketName)) {
      this.refuse(
        `object store has no bucket ${JSON.stringify(bucketName)}, only ${this.bucketNames.join(', ') || 'none'}; add it to buckets, or use one of these`,
      );
    }
    return new Bucket(this, bucketName);
  }

  /** Declares a client and what it may do, and returns its credentials. */
  public abstract addClient(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials;

  /** Declares what a location holds and how long, so that the store expires it and has room for it. */
  public addDataSet(location: ObjectLocation, props: DataSetProps): void {
    if (!(props.retention.toDays({ integral: false }) > 0)) {
      this.refuse(
        `object store keeps ${location.url} for ${props.retention.toHumanString()} but what is written has to stay for a day at least; set the retention of the layer, e.g. Duration.days(7)`,
      );
    }
    this.sets.push({ location, ...props });
  }

  /** What the locations hold, in the order of declaration. */
  public get dataSets(): readonly DataSet[] {
    return [...this.sets];
  }

  /** Reports a problem together with all others when the chart is validated. */
  public refuse(problem: string): void {
    this.refusals.add(problem);
  }
}

/** S3's rule, which MinIO shares: 3 to 63 of lower case letters, digits, '.' and '-', and no IPv4 address. */
const BUCKET_NAME = /^(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function bucketNameProblems(names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [
    ...(names.length > 0
      ? []
      : [
          "object store has no buckets but the layers need some; set buckets, e.g. ['raw-data', 'silver', 'gold']",
        ]),
    ...names
      .filter(name => !BUCKET_NAME.test(name))
      .map(
        name =>
          `object store has bucket ${JSON.stringify(name)} but a bucket name is 3 to 63 of a-z, 0-9, '.' and '-', begins and ends with a letter or digit, and is no IP address; rename it`,
      ),
    ...[...twice].map(
      name => `object store has bucket ${JSON.stringify(name)} twice but a bucket is listed once; remove one`,
    ),
  ];
}

class ExternalObjectStore extends ObjectStore {
  public readonly endpoint: string | undefined;
  public readonly region: string;
  public readonly pathStyleAccess: boolean;
  public readonly bucketNames: readonly string[];
  private readonly credentials: ExternalObjectStoreCredentials;

  constructor(scope: Construct, id: string, props: ExternalObjectStoreProps) {
    super(scope, id);
    this.endpoint = props.endpoint;
    this.region = props.region;
    this.pathStyleAccess = props.pathStyleAccess ?? props.endpoint !== undefined;
    this.bucketNames = [...props.buckets];
    this.credentials = props.credentials;
    this.node.addValidation({ validate: () => this.problems() });
  }

  private problems(): string[] {
    const { source } = this.credentials;
    return [
      ...(this.endpoint === undefined || isOrigin(this.endpoint)
        ? []
        : [
            `object store has endpoint ${JSON.stringify(this.endpoint)} but an endpoint is http:// or https://, a host and a port, nothing behind them; set endpoint, e.g. https://minio.example.com:9000`,
          ]),
      ...(/^[a-z0-9-]+$/.test(this.region)
        ? []
        : [
            `object store has region ${JSON.stringify(this.region)} but a region is named by a-z, 0-9 and '-'; set region, e.g. us-east-1`,
          ]),
      ...('roleArn' in source && !/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(source.roleArn)
        ? [
            `object store has role ${JSON.stringify(source.roleArn)} but a role is named by its ARN; set credentials, e.g. ExternalObjectStoreCredentials.role('arn:aws:iam::111122223333:role/lakehouse')`,
          ]
        : []),
    ];
  }

  public addClient(client: string, props: ObjectStoreClientProps): ObjectStoreCredentials {
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
