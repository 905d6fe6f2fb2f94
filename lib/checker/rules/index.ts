import type { Rule } from '../facts/rule';
import { batchActionOnStream } from './batch-action-on-stream';
import { bronzeNotWritten } from './bronze-not-written';
import { checkpointOnVolume } from './checkpoint-on-volume';
import { checkpointShared } from './checkpoint-shared';
import { claimInManyPods } from './claim-in-many-pods';
import { connectorPackageMissing } from './connector-package-missing';
import { containerWithoutLimits } from './container-without-limits';
import { duplicateObject } from './duplicate-object';
import { dynamicAllocationWithoutTracking } from './dynamic-allocation-without-tracking';
import { ephemeralData } from './ephemeral-data';
import { executorDoesNotFit } from './executor-does-not-fit';
import { illegalName } from './illegal-name';
import { imageNotServed } from './image-not-served';
import { invalidField } from './invalid-field';
import { invalidQuantity } from './invalid-quantity';
import { ivyCacheUnwritable } from './ivy-cache-unwritable';
import { kafkaQuorum } from './kafka-quorum';
import { kafkaReplication } from './kafka-replication';
import { kafkaWithoutLimits } from './kafka-without-limits';
import { layerWithoutWriter } from './layer-without-writer';
import { logFolderShared } from './log-folder-shared';
import { mainFileMissing } from './main-file-missing';
import { missingReference } from './missing-reference';
import { mountWithoutVolume } from './mount-without-volume';
import { mutableImageTag } from './mutable-image-tag';
import { oversizedConfigMap } from './oversized-config-map';
import { plaintextSecret } from './plaintext-secret';
import { pythonSyntaxError } from './python-syntax-error';
import { queryNotAwaited } from './query-not-awaited';
import { replicatedWithoutKeeper } from './replicated-without-keeper';
import { restartPolicyLetsStreamDie } from './restart-policy-lets-stream-die';
import { serviceWithoutPods } from './service-without-pods';
import { setDoesNotFit } from './set-does-not-fit';
import { settingMadeTooLate } from './setting-made-too-late';
import { shuffleServiceOnKubernetes } from './shuffle-service-on-kubernetes';
import { singleExecutor } from './single-executor';
import { streamWithoutCheckpoint } from './stream-without-checkpoint';
import { streamWithoutSchema } from './stream-without-schema';
import { tableSchemaMismatch } from './table-schema-mismatch';
import { tooManyParts } from './too-many-parts';
import { topicWithoutOperator } from './topic-without-operator';
import { unboundedBacklog } from './unbounded-backlog';
import { undefinedName } from './undefined-name';
import { unknownSourceOption } from './unknown-source-option';
import { unknownSparkConf } from './unknown-spark-conf';
import { unparseableManifest } from './unparseable-manifest';
import { unreachableAddress } from './unreachable-address';
import { unreconciledResource } from './unreconciled-resource';
import { unsupportedOutputMode } from './unsupported-output-mode';
import { versionConflict } from './version-conflict';

/** Every rule, in the order of the table in docs/rules/README.md. */
export const rules: readonly Rule[] = [
  bronzeNotWritten,
  checkpointOnVolume,
  checkpointShared,
  streamWithoutCheckpoint,
  unsupportedOutputMode,
  streamWithoutSchema,
  queryNotAwaited,
  batchActionOnStream,
  unknownSourceOption,
  mainFileMissing,
  mountWithoutVolume,
  claimInManyPods,
  shuffleServiceOnKubernetes,
  dynamicAllocationWithoutTracking,
  settingMadeTooLate,
  layerWithoutWriter,
  logFolderShared,
  ivyCacheUnwritable,
  executorDoesNotFit,
  setDoesNotFit,
  invalidQuantity,
  invalidField,
  unboundedBacklog,
  tableSchemaMismatch,
  tooManyParts,
  replicatedWithoutKeeper,
  containerWithoutLimits,
  kafkaWithoutLimits,
  connectorPackageMissing,
  versionConflict,
  singleExecutor,
  restartPolicyLetsStreamDie,
  unknownSparkConf,
  ephemeralData,
  kafkaReplication,
  kafkaQuorum,
  topicWithoutOperator,
  unreconciledResource,
  unreachableAddress,
  serviceWithoutPods,
  missingReference,
  duplicateObject,
  illegalName,
  oversizedConfigMap,
  mutableImageTag,
  imageNotServed,
  plaintextSecret,
  undefinedName,
  pythonSyntaxError,
  unparseableManifest,
];
