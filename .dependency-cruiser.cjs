/** Imports go one way: domain <- contracts <- workflows | activities <- client <- cli | http; platform beside them. */
const notTo = (name, from, to, comment, extra = {}) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, ...(extra.from ?? {}) },
  to: { path: to, ...(extra.to ?? {}) },
});
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
      '^src/(workflows|client|cli|platform|http|papers)/',
      'activities import domain, contracts and the libraries',
    ),
    notTo(
      'platform-knows-no-rules',
      '^src/platform/',
      '^src/(workflows|activities|client|cli|http)/',
      'platform connects and configures',
    ),
    notTo(
      'client-speaks',
      '^src/client/',
      '^src/(?!domain/|contracts/|client/)',
      'the facade sees contracts only',
    ),
    notTo(
      'only-client-speaks-to-temporal',
      '^src/(?!client/|worker|composition/|workflows/|activities/|platform/|contracts/|simulation/)',
      '^node_modules/@temporalio/',
      'one facade',
    ),
    notTo(
      'libraries-stand-alone',
      '^src/(archive-format|collector|image-layers|advisories)/',
      '^src/(?!domain/|contracts/|archive-format/|collector/|image-layers/|advisories/|sensitive-values/)',
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
