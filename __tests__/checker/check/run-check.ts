import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type CommandLineContext, checkCommand } from '../../../lib/checker/check/command-line';

/** The repository's folder. */
export const HOME = join(__dirname, '..', '..', '..');

/** A folder of one test's own, with a repository's mark so that no project file above it counts. */
export class Project {
  public readonly folder = mkdtempSync(join(tmpdir(), 'check-'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(join(this.folder, '.git'));
    for (const [file, text] of Object.entries(files)) this.put(file, text);
  }

  public put(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  public read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  public path(file = ''): string {
    return join(this.folder, file);
  }

  /** Runs the command on the folder, and writes what it has to write. */
  public check(args: readonly string[] = [], run: CommandLineContext['run'] = () => undefined) {
    const output = checkCommand([this.folder, ...args], {
      stdin: () => new Uint8Array(),
      color: false,
      home: HOME,
      run,
    });
    for (const { file, text } of output.writes) writeFileSync(file, text);
    return {
      ...output,
      stdout: output.stdout.replaceAll(`${this.folder}/`, ''),
      stderr: output.stderr.replaceAll(`${this.folder}/`, ''),
    };
  }

  /** The command's report as data. */
  public json(args: readonly string[] = []) {
    return JSON.parse(this.check([...args, '--format', 'json']).stdout);
  }

  public remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A Deployment in which nothing is wrong but its image, where that has no tag. */
export const DEPLOYMENT = (image: string, name = 'web', namespace = 'n') => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: ${name}
          image: ${image}
          resources:
            requests: { cpu: 100m, memory: 64Mi }
            limits: { cpu: 200m, memory: 64Mi }
`;
