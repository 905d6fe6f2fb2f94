/** The real control plane's suite: one cluster at a time, minutes where the unit tests take milliseconds. */
module.exports = {
  ...require('../../jest.config.js'),
  rootDir: '../..',
  roots: ['<rootDir>/e2e/cluster'],
  globalSetup: '<rootDir>/e2e/cluster/build.ts',
  maxWorkers: 1,
  testTimeout: 300_000,
};
