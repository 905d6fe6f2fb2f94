import { containerWithoutLimits } from './container-without-limits';
import { duplicateObject } from './duplicate-object';
import { kafkaWithoutLimits } from './kafka-without-limits';
import { missingReference } from './missing-reference';
import { mutableImageTag } from './mutable-image-tag';
import { plaintextSecret } from './plaintext-secret';
import type { Rule } from './rule';
import { unparseableManifest } from './unparseable-manifest';

/** Every rule, in the order of the incidents they come from. */
export const rules: readonly Rule[] = [
  containerWithoutLimits,
  kafkaWithoutLimits,
  duplicateObject,
  missingReference,
  mutableImageTag,
  plaintextSecret,
  unparseableManifest,
];
