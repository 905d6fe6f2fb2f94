/** The report's page in a real browser, which has to be installed. */
module.exports = {
  ...require('../../jest.config.js'),
  rootDir: '../..',
  roots: ['<rootDir>/e2e/capacity-page'],
  testTimeout: 60_000,
};
