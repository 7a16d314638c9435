/** One test runner for every layer; suites that need servers share one stack started by the global set-up. */
const { existsSync } = require('node:fs');

const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
  ],
};
const suite = (displayName, folders, extra = {}) => ({
  displayName,
  testEnvironment: 'node',
  transform,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
  ...extra,
});
module.exports = {
  projects: [
    suite('offline', [
      'domain',
      'archive-format',
      'transparency',
      'collector',
      'contracts',
      'sensitive-values',
      'image-layers',
      'advisories',
      'spec',
      'cli',
      'model',
      'papers',
    ]),
    suite(
      'servers',
      ['stores', 'activities', 'attacks', 'crash', 'races', 'workflows', 'client', 'e2e'],
      {
        ...(existsSync(`${__dirname}/test/support/start-servers.ts`) && {
          globalSetup: '<rootDir>/test/support/start-servers.ts',
          globalTeardown: '<rootDir>/test/support/stop-servers.ts',
        }),
      },
    ),
    suite('replay', ['replay']),
  ],
  testTimeout: 120000,
};
