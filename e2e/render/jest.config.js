const base = require('../../jest.config');

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/e2e/render'],
  globalSetup: '<rootDir>/e2e/render/build.ts',
  testTimeout: 120_000,
};
