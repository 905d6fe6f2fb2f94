import { typeErrors } from '../../lib/commands/type-errors';

const sources: Record<string, string> = {
  'main.ts': "import { App } from 'cdk8s';\n\n  was: { replica: 3 },\n",
  'lib/job.ts': 'export const job = make(\r\n  { memory },\r\n);\r\n',
};
const sentences = (...output: string[]) => typeErrors(output.join('\n'), file => sources[file] ?? '');

test('an error is one sentence: file and line, the text there, what TypeScript says, its number', () => {
  expect(
    sentences(
      "main.ts(3,10): error TS2561: Object literal may only specify known properties, but 'replica' does not exist in type 'WasServiceProps'. Did you mean to write 'replicas'?",
      '',
    ),
  ).toEqual([
    `[main.ts:3] "was: { replica: 3 }": object literal may only specify known properties, but 'replica' does not exist in type 'WasServiceProps'; did you mean to write 'replicas'? (TS2561)`,
  ]);
});

test('an explanation of several lines is one sentence', () => {
  expect(
    sentences(
      "lib/job.ts(2,3): error TS2345: Argument of type '{ memory: string; }' is not assignable to parameter of type 'JobProps'.",
      "  Types of property 'memory' are incompatible.",
      "    Type 'string' is not assignable to type 'Size'.",
      "main.ts(1,1): error TS1005: ';' expected.",
    ),
  ).toEqual([
    `[lib/job.ts:2] "{ memory }": argument of type '{ memory: string; }' is not assignable to parameter of type 'JobProps'; types of property 'memory' are incompatible; type 'string' is not assignable to type 'Size' (TS2345)`,
    `[main.ts:1] "import { App } from 'cdk8s'": ';' expected (TS1005)`,
  ]);
});

test('what no file is to blame for is said of main.ts', () => {
  expect(sentences("error TS2688: Cannot find type definition file for 'node'.")).toEqual([
    "[main.ts] cannot find type definition file for 'node' (TS2688)",
  ]);
});

test('a build info that cannot be kept refuses nothing', () => {
  expect(
    sentences("error TS5033: Could not write file '/project/.cache/main.tsbuildinfo': permission denied."),
  ).toEqual([]);
});

test('no output is no error', () => {
  expect(sentences('')).toEqual([]);
});
