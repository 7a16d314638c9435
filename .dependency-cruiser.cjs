/** Imports go one way; who may import whom is the table of docs/architecture.md. */
const notTo = (name, from, to, comment, extra = {}) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, ...(extra.from ?? {}) },
  to: { path: to, ...(extra.to ?? {}) },
});
/** Everything of `src` but what these modules hold: the rows of the table in docs/architecture.md. */
const beyond = (...modules) => `^src/(?!(${modules.join('|')})/)`;
const LIBRARIES = ['archive-format', 'collector', 'image-layers'];
const drivers =
  '^node_modules/(mongodb|bson|mysql2|minio|zod|pino|commander|canonicalize|pdfkit|nodemailer)';
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment:
        'domain decides; it has no I/O, clock or library (only windows may use the date library)',
      from: { path: '^src/domain/(?!windows/)' },
      to: { pathNot: '^src/domain/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-is-pure-but-for-dates',
      severity: 'error',
      comment: 'windows turns civil dates into instants; it alone may know the date library',
      from: { path: '^src/domain/windows/' },
      to: { pathNot: '^src/domain/|^node_modules/@js-temporal/polyfill/' },
    },
    notTo('domain-knows-nobody', '^src/domain/', '^src/(?!domain/)', 'domain imports itself only'),
    notTo(
      'contracts-see-domain-only',
      '^src/contracts/',
      '^src/(?!domain/|contracts/)',
      'shapes and names',
    ),
    notTo(
      'workflows-see-domain-and-contracts',
      '^src/workflows/',
      '^src/(?!domain/|contracts/|workflows/)',
      'workflows sequence',
    ),
    {
      name: 'workflows-reach-no-driver-and-no-dates',
      severity: 'error',
      comment: 'time zone data, zod and drivers would break replay or bloat the bundle',
      from: { path: '^src/workflows/' },
      to: {
        path: `${drivers}|^node_modules/@js-temporal|^src/domain/windows/|^src/contracts/schemas`,
        reachable: true,
      },
    },
    notTo(
      'activities-obey',
      '^src/activities/',
      beyond('activities', 'domain', 'contracts', ...LIBRARIES, 'transparency', 'sensitive-values'),
      'activities import domain, contracts and the libraries',
    ),
    notTo(
      'platform-knows-no-rules',
      '^src/platform/',
      beyond('platform', 'domain', 'contracts', 'transparency'),
      'platform connects and configures',
    ),
    notTo(
      'client-speaks',
      '^src/client/',
      beyond('client', 'domain', 'contracts'),
      'the facade sees contracts only',
    ),
    notTo(
      'cli-translates',
      '^src/cli/(?!main\\.ts$)',
      beyond(
        ...['cli', 'domain', 'contracts', 'client', 'platform', 'activities', 'archive-format'],
        ...['collector', 'transparency', 'papers'],
      ),
      'the command line translates for people',
    ),
    notTo(
      'composition-wires',
      '^src/composition/',
      beyond(
        ...['composition', 'domain', 'contracts', 'workflows', 'activities', 'archive-format'],
        ...['collector', 'image-layers', 'advisories', 'transparency', 'platform', 'client'],
      ),
      'it gives activities their stores and knows no person',
    ),
    notTo(
      'only-client-speaks-to-temporal',
      '^src/(?!client/|worker|composition/|workflows/|activities/|platform/|contracts/|simulation/)',
      '^node_modules/@temporalio/',
      'one facade',
    ),
    notTo(
      'archive-format-stands-alone',
      '^src/archive-format/',
      beyond('archive-format', 'domain', 'contracts'),
      'usable offline',
    ),
    notTo(
      'collector-stands-alone',
      '^src/collector/',
      beyond('collector', 'domain', 'contracts', 'sensitive-values'),
      'usable offline',
    ),
    notTo(
      'image-layers-stand-alone',
      '^src/image-layers/',
      beyond('image-layers', 'collector'),
      'usable offline',
    ),
    notTo(
      'advisories-stand-alone',
      '^src/advisories/',
      beyond('advisories', 'domain', 'contracts', 'collector'),
      'usable offline',
    ),
    {
      name: 'sensitive-values-are-pure',
      severity: 'error',
      comment: 'texts in, texts out: no I/O, clock or library',
      from: { path: '^src/sensitive-values/' },
      to: { pathNot: '^src/sensitive-values/', dependencyTypesNot: ['type-only'] },
    },
    notTo(
      'transparency-stands-alone',
      '^src/transparency/',
      '^src/(?!domain/|transparency/)|^node_modules/',
      'what an auditor runs needs neither stores nor libraries',
    ),
    notTo(
      'papers-print-what-they-are-given',
      '^src/papers/',
      '^src/(?!domain/|papers/)',
      'no store, no key, no network',
    ),
    notTo(
      'simulation-sees-domain-and-contracts',
      '^src/simulation/',
      '^src/(?!domain/|contracts/|simulation/)',
      'it moves clocks and decides nothing',
    ),
    notTo(
      'production-knows-no-simulation',
      '^src/(?!simulation/)',
      '^src/simulation/',
      'only demonstrations and tests move a clock',
    ),
    notTo(
      'only-the-worker-composes',
      '^src/(?!worker|composition/)',
      '^src/composition/',
      'wiring belongs to the composition root of the worker',
    ),
    notTo(
      'composition-roots-are-not-imported',
      '^src/',
      '^src/(worker|cli/main)\\.ts$',
      'only main files wire',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: false,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
