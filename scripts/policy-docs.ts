import { policyExceptions } from '../lib/constructs/policy-exceptions';
import { policyTable } from '../lib/policy-table';
import { generatedPage } from './generated-page';

generatedPage({
  script: 'docs:policy',
  file: 'docs/policy.md',
  source: 'the exceptions that the chart annotates',
  content: () => policyTable(policyExceptions),
});
