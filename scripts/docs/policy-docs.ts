import { policyExceptions } from '../../lib/lakehouse/workload/policy-exceptions';
import { generatedPage } from './generated-page';
import { policyTable } from './policy-table';

generatedPage({
  script: 'docs:policy',
  file: 'docs/policy.md',
  source: 'the exceptions that the chart annotates',
  content: () => policyTable(policyExceptions),
});
