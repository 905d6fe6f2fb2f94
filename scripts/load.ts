import { seeded } from '../lib/checker/capacity/search';
import { commandLine, UnusableInput } from '../lib/commands/command-line';
import { wholeNumber } from '../lib/commands/whole-number';
import { runLoad } from '../was/load';

const USAGE = `usage: npm run local:load -- [--url URL] [--rate N] [--seconds N] [--users N] [--seed N] [--remote]
Walks visitors through the shop over HTTP and prints what came back as JSON.
  --url URL      where the shop answers (default http://127.0.0.1:8080)
  --rate N       requests a second, 1 to 5000 (default 50)
  --seconds N    how long, 1 to 3600 (default 30)
  --users N      how many different users there are (default 2000)
  --seed N       the same seed makes the same visitors (default 1)
  --remote       allow a URL that is not this machine's own
Exit code 1 when a request got no answer or was not sent, 2 for unusable input.`;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:8080' },
  rate: { type: 'string', default: '50' },
  seconds: { type: 'string', default: '30' },
  users: { type: 'string', default: '2000' },
  seed: { type: 'string', default: '1' },
  remote: { type: 'boolean', default: false },
} as const;

void commandLine(USAGE, OPTIONS, async values => {
  const problems: string[] = [];
  const url = URL.canParse(values.url) ? new URL(values.url) : undefined;
  if (url?.protocol !== 'http:')
    problems.push(`--url is ${JSON.stringify(values.url)} but must be like http://127.0.0.1:8080`);
  else if (!LOOPBACK.test(url.hostname) && !values.remote)
    problems.push(
      `--url names ${url.hostname}, which is not this machine; add --remote when it is yours to load`,
    );
  const rate = wholeNumber('rate', values.rate, 1, 5000, problems);
  const seconds = wholeNumber('seconds', values.seconds, 1, 3600, problems);
  const users = wholeNumber('users', values.users, 1, 10_000_000, problems);
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 31, problems);
  if (problems.length > 0 || !url) throw new UnusableInput(problems.join('\n'));

  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const report = await runLoad({
    url,
    rate,
    seconds,
    users,
    random: seeded(seed),
    maxInFlight: Math.max(100, rate * 5),
    signal: stop.signal,
  });
  console.log(JSON.stringify(report));
  if (report.unanswered + report.skipped > 0) process.exitCode = 1;
});
