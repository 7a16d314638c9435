/** One test runner for every layer; suites that need servers share one stack, started by the global set-up. */
const compiled = [
  '@swc/jest',
  { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
];
/** What reads and makes zstd comes as ES modules only, which the runner cannot load as they are. */
const transform = {
  '^.+\\.ts$': compiled,
  '/node_modules/(?:zstddec|@hpcc-js/wasm-zstd)/.+\\.m?js$': compiled,
};
const transformIgnorePatterns = ['/node_modules/(?!zstddec/|@hpcc-js/wasm-zstd/)'];
const suite = (displayName, folders, extra = {}) => ({
  displayName,
  testEnvironment: 'node',
  transform,
  transformIgnorePatterns,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
  ...extra,
});
const onServers = {
  globalSetup: '<rootDir>/test/support/start-servers.ts',
  globalTeardown: '<rootDir>/test/support/stop-servers.ts',
};
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
    suite('servers', ['stores', 'activities', 'attacks', 'crash', 'client'], onServers),
    suite('workers', ['races', 'workflows'], onServers),
    suite('lives', ['e2e'], onServers),
    suite('replay', ['replay']),
  ],
  testTimeout: 120000,
};
