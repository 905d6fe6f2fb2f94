import { k8s } from 'cdk8s-plus-28';
import { Construct } from 'constructs';

/** A priority that a pod can be given. */
export interface PriorityClass {
  readonly priorityClassName: string;
}

/**
 * What waits when nodes are lost: Kafka outlives the web servers, these the stores, these streaming, streaming
 * outlives monitoring, and gold waits first: it repeats nothing and loses nothing by waiting. Kafka is above the web
 * servers because each broker needs a node of its own: it must be able to take a place from what can go elsewhere.
 *
 * The values are 1,000 apart, so that others fit between them, and far below the 2,000,000,000 of the
 * cluster's own classes. Gold never preempts.
 *
 * @example
 * const priorities = new PriorityClasses(chart, 'priorities');
 * new MinioStore(chart, 'minio', { buckets: ['silver'], priority: priorities.storage });
 */
export class PriorityClasses extends Construct {
  /** What keeps an event once it is accepted. */
  public readonly kafka: PriorityClass;
  /** Web servers, and the operators that start all others. */
  public readonly serving: PriorityClass;
  /** The object store and the database. */
  public readonly storage: PriorityClass;
  public readonly streaming: PriorityClass;
  public readonly monitoring: PriorityClass;
  public readonly gold: PriorityClass;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.kafka = this.priorityClass('kafka', 106000, 'what keeps an event once it is accepted');
    this.serving = this.priorityClass(
      'serving',
      105000,
      'web servers, and the operators that start all others',
    );
    this.storage = this.priorityClass('storage', 104000, 'the object store and the database');
    this.streaming = this.priorityClass('streaming', 103000, 'Kafka to bronze and silver');
    this.monitoring = this.priorityClass('monitoring', 102000, 'dashboards and metrics');
    this.gold = this.priorityClass('gold', 101000, 'silver to gold, which can wait', 'Never');
  }

  private priorityClass(
    name: string,
    value: number,
    description: string,
    preemptionPolicy: 'Never' | 'PreemptLowerPriority' = 'PreemptLowerPriority',
  ): PriorityClass {
    const priorityClassName = `lakehouse-${name}`;
    new k8s.KubePriorityClass(this, name, {
      metadata: { name: priorityClassName },
      value,
      description,
      preemptionPolicy,
      globalDefault: false,
    });
    return { priorityClassName };
  }
}
