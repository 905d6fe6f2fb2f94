import { line } from '../../../lib/checker/finding/reporter';
import { manifestObjects } from '../../../lib/checker/object/manifest-object';
import { review } from '../../../lib/checker/review/review';

/** A job that writes to a bucket. */
function job(bucket: string): unknown[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'code', namespace: 'lake' },
      data: {
        'j.py': `from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\nspark.range(3).write.parquet("s3a://${bucket}/x/")\n`,
      },
    },
    {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'j', namespace: 'lake' },
      spec: {
        type: 'Python',
        mainApplicationFile: 'local:///c/j.py',
        volumes: [{ name: 'c', configMap: { name: 'code' } }],
        driver: { volumeMounts: [{ name: 'c', mountPath: '/c' }] },
        executor: {},
      },
    },
  ];
}

/** A Job whose script makes buckets. */
function script(text: string, env: readonly unknown[] = []): unknown {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'make', namespace: 'lake' },
    spec: {
      template: {
        spec: { containers: [{ name: 'mc', image: 'quay.io/minio/mc:x', command: ['sh', '-c', text], env }] },
      },
    },
  };
}

function said(bucket: string, maker: unknown): string[] {
  return review(manifestObjects([...job(bucket), maker]), { only: ['missing-reference'] })
    .findings.map(finding => line(finding))
    .filter(text => text.includes('bucket'));
}

const SCRIPTS: readonly (readonly [string, string, (readonly unknown[])?])[] = [
  ['loop', 'for b in bronze silver gold; do mc mb --ignore-existing m/$b; done'],
  ['loop braces', `for b in bronze silver gold; do mc mb -p "m/\${b}"; done`],
  ['assign', 'BUCKETS="bronze silver gold"\nfor b in $BUCKETS; do mc mb m/$b; done'],
  ['env', 'for b in $BUCKETS; do mc mb m/$b; done', [{ name: 'BUCKETS', value: 'bronze silver gold' }]],
  [
    'env comma',
    'echo $BUCKETS | tr "," "\\n" | while read b; do mc mb m/$b; done',
    [{ name: 'BUCKETS', value: 'bronze,silver,gold' }],
  ],
  ['alias var', `mc mb \${ALIAS}/bronze; mc mb $ALIAS/silver; mc mb "$ALIAS/gold"`],
  [
    'aws',
    'aws --endpoint-url http://minio:9000 s3 mb s3://bronze && aws s3 mb s3://silver; aws s3api create-bucket --bucket gold',
  ],
  ['aws loop', 'for b in bronze silver gold; do aws --endpoint-url $E s3 mb s3://$b || true; done'],
  ['abs', '/usr/bin/mc mb m/bronze; /usr/bin/mc mb m/silver m/gold'],
  ['s3cmd', 's3cmd mb s3://bronze s3://silver s3://gold'],
  ['rclone', 'rclone mkdir m:bronze; rclone mkdir m:silver; rclone mkdir m:gold'],
  [
    'weed',
    'echo "s3.bucket.create -name bronze" | weed shell; echo "s3.bucket.create -name silver" | weed shell; echo "s3.bucket.create --name=gold" | weed shell',
  ],
  ['garage', 'garage bucket create bronze; garage bucket create silver; garage bucket create gold'],
  ['mcli', 'mcli mb m/bronze m/silver m/gold'],
  ['array', `B=(bronze silver gold)\nfor b in "\${B[@]}"; do mc mb m/$b; done`],
  ['s5cmd', 's5cmd mb s3://bronze; s5cmd mb s3://silver; s5cmd mb s3://gold'],
  ['func', 'make() { mc mb --ignore-existing "m/$1"; }\nmake bronze\nmake silver\nmake gold'],
];

const CASES = SCRIPTS.map(([name, text, env = []]) => ({ name, text, env }));

describe.each(CASES)('a script that makes bronze, silver and gold: $name', ({ text, env }) => {
  test.each(['bronze', 'silver', 'gold'])('knows %s', bucket => {
    expect(said(bucket, script(text, env))).toEqual([]);
  });

  test('does not know a misspelled one', () => {
    expect(said('brnze', script(text, env))).toEqual([
      expect.stringContaining('bucket "brnze" of j is not declared'),
    ]);
  });
});

test.each([
  ['client.create_bucket(Bucket="bronze")', 'brnze', 1],
  ['client.create_bucket(Bucket="bronze")', 'bronze', 0],
  ['client.make_bucket("bronze")', 'bronze', 0],
])('%s in Python, beside a job that writes to %s: %i findings', (call, bucket, findings) => {
  const maker = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'make', namespace: 'lake' },
    data: { 'make.py': call },
  };
  expect(said(bucket, maker)).toHaveLength(findings);
});
