import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import type { ObjectIdentity } from '../../checker/object/object-id';
import { External } from '../workload/external';

/** What makes the volumes of a claim. */
export interface StorageClass {
  readonly storageClassName: string;
}

/**
 * A StorageClass that the cluster has.
 *
 * @example
 * const gp3 = new ExternalStorageClass(chart, 'gp3', 'gp3');
 */
export class ExternalStorageClass extends External implements StorageClass {
  public readonly reference: ObjectIdentity;

  constructor(
    scope: Construct,
    id: string,
    public readonly storageClassName: string,
  ) {
    super(scope, id);
    this.reference = { kind: 'StorageClass', name: storageClassName };
  }
}

export interface EbsStorageClassProps {
  /** @default 'lakehouse-gp3' */
  readonly name?: string;
}

/**
 * Encrypted gp3 volumes of EBS that are made in the zone of their pod, can grow, and outlive their claim: data is
 * never deleted by deleting an object.
 *
 * @example
 * const volumes = new EbsStorageClass(chart, 'volumes');
 */
export class EbsStorageClass extends Construct implements StorageClass {
  public readonly storageClassName: string;

  constructor(scope: Construct, id: string, props: EbsStorageClassProps = {}) {
    super(scope, id);
    this.storageClassName = props.name ?? 'lakehouse-gp3';
    new k8s.KubeStorageClass(this, 'class', {
      metadata: { name: this.storageClassName },
      provisioner: 'ebs.csi.aws.com',
      parameters: { type: 'gp3', encrypted: 'true' },
      volumeBindingMode: 'WaitForFirstConsumer',
      reclaimPolicy: 'Retain',
      allowVolumeExpansion: true,
    });
  }
}
