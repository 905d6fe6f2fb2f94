/** The policy tools' suite: other people's programs over what is written, seconds where the unit tests take milliseconds. */
module.exports = {
  ...require('../../jest.config.js'),
  rootDir: '../..',
  roots: ['<rootDir>/e2e/policy'],
  maxWorkers: 1,
  testTimeout: 300_000,
};
