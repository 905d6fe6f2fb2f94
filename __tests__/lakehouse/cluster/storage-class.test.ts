import { EbsStorageClass } from '../../../lib/lakehouse/cluster/storage-class';
import { inside, objectOf, synthesized } from '../synthesis';

test('volumes are encrypted, made in the zone of their pod, can grow and outlive their claim', () => {
  const objects = synthesized(chart => new EbsStorageClass(chart, 'volumes'));
  expect(objectOf(objects, 'StorageClass', 'lakehouse-gp3').body).toMatchObject({
    provisioner: 'ebs.csi.aws.com',
    parameters: { type: 'gp3', encrypted: 'true' },
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Retain',
    allowVolumeExpansion: true,
  });
});

test('the name can be set', () => {
  const objects = synthesized(chart => new EbsStorageClass(chart, 'volumes', { name: 'fast' }));
  expect(inside(objectOf(objects, 'StorageClass', 'fast'), 'provisioner')).toBe('ebs.csi.aws.com');
});
