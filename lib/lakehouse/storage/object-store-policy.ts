import type { ObjectLocation, ObjectStoreClientProps } from './object-store';

interface Statement {
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

/** An IAM policy, as S3 and MinIO read it. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

const READ = ['s3:GetObject'];
const WRITE = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
];

/**
 * The least that a client needs for its locations: objects under its prefixes, and the listing of the buckets
 * that they are in. S3A also writes and deletes the empty objects that mark the folders above a prefix.
 */
export function leastPolicy({
  read = [],
  write = [],
}: Pick<ObjectStoreClientProps, 'read' | 'write'>): PolicyDocument {
  const buckets = [...new Set([...read, ...write].map(location => location.bucket.bucketName))].sort();
  const statement = (actions: readonly string[], resources: readonly string[]): Statement[] =>
    resources.length === 0
      ? []
      : [{ Effect: 'Allow', Action: actions, Resource: [...new Set(resources)].sort() }];
  return {
    Version: '2012-10-17',
    Statement: [
      ...statement(
        ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
        buckets.map(bucket => `arn:aws:s3:::${bucket}`),
      ),
      ...statement(READ, read.flatMap(objects)),
      ...statement(WRITE, [...write.flatMap(objects), ...write.flatMap(folderMarkers)]),
    ],
  };
}

function objects({ bucket, path }: ObjectLocation): string[] {
  return [`arn:aws:s3:::${bucket.bucketName}/${path}*`];
}

function folderMarkers({ bucket, path }: ObjectLocation): string[] {
  const folders = path.split('/').slice(0, -2);
  return folders.map(
    (_, depth) => `arn:aws:s3:::${bucket.bucketName}/${folders.slice(0, depth + 1).join('/')}/`,
  );
}
