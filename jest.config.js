/** @type {import('jest').Config} */
module.exports = {
  maxWorkers: '100%', // jest leaves a core free by default, half of a machine with two
  roots: ['<rootDir>/__tests__'],
  // what the recipes of docs/ import is this package
  moduleNameMapper: { '^cdk8s-lakehouse$': '<rootDir>/lib/index.ts' },
  testMatch: ['**/*.test.ts'],
  testTimeout: 300_000, // a clock is no judge of what a busy machine computes
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
};
