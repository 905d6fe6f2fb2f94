import { kafkaNodes } from '../facts/kafka-nodes';
import type { Model } from '../facts/model';
import type { Rule } from '../facts/rule';
import { isStrimzi, STRIMZI_CLUSTER_LABEL } from '../facts/strimzi';
import type { Found } from '../finding/finding';
import { allowed, listed, measured, quote, say } from '../finding/message';
import { namespaceOf } from '../manifest/pod-templates';
import { at, isObject, type ManifestObject } from '../object/manifest-object';

/** What a kind belongs to, and what makes its owner take it. */
interface Claim {
  readonly owner: 'Kafka' | 'KafkaConnect';
  /** What the owner lacks to take it, and how to give it. */
  readonly lacks: (owner: ManifestObject) => { readonly what: string; readonly remedy: string } | undefined;
}

const CLAIMS: Readonly<Record<string, Claim>> = {
  KafkaRebalance: {
    owner: 'Kafka',
    lacks: ({ body, metadata: { name } }) =>
      isObject(at(body, 'spec', 'cruiseControl'))
        ? undefined
        : { what: `Kafka ${name} has no Cruise Control`, remedy: `add spec.cruiseControl to Kafka ${name}` },
  },
  KafkaUser: {
    owner: 'Kafka',
    lacks: ({ body, metadata: { name } }) =>
      isObject(at(body, 'spec', 'entityOperator', 'userOperator'))
        ? undefined
        : {
            what: `Kafka ${name} has no user operator`,
            remedy: `add spec.entityOperator.userOperator to Kafka ${name}`,
          },
  },
  KafkaConnector: {
    owner: 'KafkaConnect',
    lacks: ({ metadata: { name, annotations } }) =>
      annotations?.['strimzi.io/use-connector-resources'] === 'true'
        ? undefined
        : {
            what: `KafkaConnect ${name} takes its connectors from its REST API alone`,
            remedy: `annotate KafkaConnect ${name} with strimzi.io/use-connector-resources: "true"`,
          },
  },
};

/** An object of Strimzi's that no operator takes up exists in Kubernetes and does nothing. */
export const unreconciledResource: Rule = {
  id: 'unreconciled-resource',
  level: 'error',
  refuses: 'a KafkaRebalance, KafkaUser or KafkaConnector that nothing carries out',
  remedy: 'label it with strimzi.io/cluster, and give its Kafka or KafkaConnect what carries it out',
  check: model => [
    ...Object.entries(CLAIMS).flatMap(([kind, claim]) =>
      model
        .ofKind(kind)
        .filter(object => isStrimzi(object) && !isTemplate(object))
        .flatMap(object => unclaimed(model, object, claim)),
    ),
    ...cruiseControlAlone(model),
  ],
};

/** A rebalance by whose form Strimzi makes its own. */
function isTemplate({ metadata }: ManifestObject): boolean {
  return metadata.annotations?.['strimzi.io/rebalance-template'] === 'true';
}

function unclaimed(model: Model, object: ManifestObject, { owner, lacks }: Claim): Found[] {
  const { kind } = object;
  const { name, labels, namespace } = object.metadata;
  const cluster = labels?.[STRIMZI_CLUSTER_LABEL];
  if (cluster === undefined) {
    return [
      {
        place: {
          object,
          path: ['metadata', ...(isObject(at(object.body, 'metadata', 'labels')) ? ['labels'] : [])],
        },
        message: say`${kind} ${name} has no label ${STRIMZI_CLUSTER_LABEL}, so no ${owner} takes it`,
        remedy: say`add the label ${STRIMZI_CLUSTER_LABEL} with the name of its ${owner}`,
      },
    ];
  }
  const place = { object, path: ['metadata', 'labels', STRIMZI_CLUSTER_LABEL] };
  const owners = model.ofKind(owner).filter(isStrimzi);
  if (owners.length === 0 || model.isExternal(owner, namespace, cluster)) return [];
  const named = owners.filter(item => item.metadata.name === cluster);
  if (named.length === 0) {
    return [
      {
        place,
        message: say`${kind} ${name} belongs to ${owner} ${measured(cluster, quote)}, which is not declared; declared: ${allowed(listed([...new Set(owners.map(item => item.metadata.name))]))}`,
        remedy: say`name a declared ${owner}, or say that it exists with --external ${owner}/${namespaceOf(object)}/${cluster}`,
      },
    ];
  }
  const near = named.filter(item => areNear(item, object, kind));
  if (near.length === 0) {
    return [
      {
        place,
        message: say`${kind} ${name} is in namespace ${measured(namespaceOf(object))}, but its ${owner} ${cluster} is in ${allowed(listed([...new Set(named.map(namespaceOf))]))}`,
        remedy: say`move it to the namespace of its ${owner}`,
        concerns: named,
      },
    ];
  }
  const reasons = near.map(lacks);
  const [reason] = reasons;
  if (reason === undefined || reasons.includes(undefined)) return [];
  return [
    {
      place,
      message: say`${kind} ${name} is never carried out: ${reason.what}`,
      remedy: say`${reason.remedy}`,
      concerns: near,
    },
  ];
}

/** A user operator may watch another namespace than its Kafka's. */
function areNear(owner: ManifestObject, object: ManifestObject, kind: string): boolean {
  const { namespace } = object.metadata;
  if (namespace === undefined || owner.metadata.namespace === undefined) return true;
  const watched = at(owner.body, 'spec', 'entityOperator', 'userOperator', 'watchedNamespace');
  return (
    namespace === (kind === 'KafkaUser' && typeof watched === 'string' ? watched : owner.metadata.namespace)
  );
}

/** Strimzi refuses Cruise Control beside a single broker: there is nothing to move. */
function cruiseControlAlone(model: Model): Found[] {
  return model
    .ofKind('Kafka')
    .filter(isStrimzi)
    .flatMap((kafka): Found[] => {
      if (!isObject(at(kafka.body, 'spec', 'cruiseControl'))) return [];
      const nodes = kafkaNodes(model, kafka);
      if (nodes === undefined || nodes.brokers !== 1) return [];
      return [
        {
          place: { object: kafka, path: ['spec', 'cruiseControl'] },
          message: say`Kafka ${kafka.metadata.name} has Cruise Control with ${measured(1)} broker, and Strimzi refuses that: there is nothing to balance`,
          remedy: say`delete spec.cruiseControl, or add brokers`,
          concerns: nodes.saidBy,
        },
      ];
    });
}
