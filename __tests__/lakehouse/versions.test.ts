import { imageReference, images, spark, sparkPackages, strimzi } from '../../lib/lakehouse/versions';

test.each(Object.entries(images))('image %s is pinned by a tag that does not move', (_, image) => {
  expect(imageReference(image)).toMatch(/^[a-z0-9./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?$/);
  expect(image.tag).not.toBe('latest');
});

test('the Spark image and the connectors are of one Spark, one Scala and one Hadoop', () => {
  expect(images.spark.tag).toBe(`${spark.version}-java${spark.java}-python3`);
  for (const coordinates of Object.values(sparkPackages).flat()) {
    const [group, artifact, version] = coordinates.split(':');
    expect(version).toBe(group === 'org.apache.hadoop' ? spark.hadoop : spark.version);
    if (group === 'org.apache.spark') expect(artifact).toMatch(new RegExp(`_${spark.scala}$`));
  }
});

test.each(Object.values(strimzi))('Strimzi $version runs the Kafka that is used with it', release => {
  expect(release.kafkaVersions).toContain(release.kafkaVersion);
});

test('ZooKeeper goes with v1beta2 and Kafka 3, KRaft with v1 and Kafka 4', () => {
  expect(strimzi.zookeeper.apiVersion).toBe('kafka.strimzi.io/v1beta2');
  expect(strimzi.zookeeper.kafkaVersions.every(version => version.startsWith('3.'))).toBe(true);
  expect(strimzi.kraft.apiVersion).toBe('kafka.strimzi.io/v1');
  expect(strimzi.kraft.kafkaVersions.every(version => version.startsWith('4.'))).toBe(true);
  expect(strimzi.kraft.metadataVersion.startsWith(strimzi.kraft.kafkaVersion.slice(0, 3))).toBe(true);
});
