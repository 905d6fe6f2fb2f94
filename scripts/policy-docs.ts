import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { policyExceptions } from '../lib/constructs/policy-exceptions';
import { policyTable } from '../lib/policy-table';

/** Writes docs/policy.md from the exceptions that there are. */
writeFileSync(join(__dirname, '..', 'docs', 'policy.md'), policyTable(policyExceptions));
