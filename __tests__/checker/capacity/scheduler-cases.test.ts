import { CASES, caseContest } from '../../../e2e/scheduler/cases';
import { decide } from '../../../lib/checker/capacity/verdict';

// What the real scheduler does with each is compared by `npm run test:scheduler -- --mix cases`.
test.each(CASES)('$name', async ({ cluster, verdicts }) => {
  const { kinds } = await decide(caseContest({ name: '', cluster, verdicts }).problem);
  const said = Object.fromEntries(kinds.map(({ set, verdict }) => [set.name, verdict]));
  expect(said).toMatchObject(verdicts);
});
