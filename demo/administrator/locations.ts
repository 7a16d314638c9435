/** One place on a server where something was counted. */
export interface Count {
  /** As the inventory writes it, without the environment: `mysql:assets.scans`, `s3:archive`. */
  readonly location: string;
  readonly things: number;
}

/** What an administrator found, by what it means. */
export interface Findings {
  /** Where data of a tenant may be while it lives and nothing may be once it was destroyed. */
  readonly data: Readonly<Record<string, number>>;
  /** What proves the acts and may stay: facts, ledger, certificates, tombstones. */
  readonly evidence: Readonly<Record<string, number>>;
  /** Every other schema, collection and bucket of the servers; nothing belongs there. */
  readonly elsewhere: Readonly<Record<string, number>>;
}

/** Names of the environment on the servers, derived here a second time and on purpose. */
export interface EnvironmentNames {
  /** e.g. `lethe-demo-sim`. */
  readonly environment: string;
  /** e.g. `lethe_demo_sim`. */
  readonly prefix: string;
}

/** Derives the database prefix from the environment's name. */
export const namesOf = (environment: string): EnvironmentNames => ({
  environment,
  prefix: environment.split('-').join('_'),
});

/**
 * Places of the control and keys databases that carry content or keys, not facts: bodies on their way
 * in, the grounds of holds, and the wrapped keys.
 */
const CONTENT = new Set(['mysql:control.staging', 'mysql:control.hold_grounds', 'mysql:keys']);
const EVIDENCE = /^(mysql:(control|keys|evidence)\.|s3:evidence$)/;

/** Location of a table or collection; places outside of the environment keep their full name. */
export function databaseLocation(
  names: EnvironmentNames,
  place: {
    readonly server: 'mysql' | 'mongodb';
    readonly database: string;
    readonly table: string;
  },
): string {
  const own = place.database.startsWith(`${names.prefix}_`);
  const database = own ? place.database.slice(names.prefix.length + 1) : `/${place.database}`;
  const location = `${place.server}:${database}.${place.table}`;
  // The one table whose rows are keys; the others of its database say what became of them.
  return location === 'mysql:keys.key_wrappings' ? 'mysql:keys' : location;
}

/** Location of a bucket. */
export function bucketLocation(names: EnvironmentNames, bucket: string): string {
  return bucket.startsWith(`${names.environment}-`)
    ? `s3:${bucket.slice(names.environment.length + 1)}`
    : `s3:/${bucket}`;
}

/** Sorts counts by meaning; every place that was looked at is in the answer, also with zero. */
export function sortFindings(counts: readonly Count[]): Findings {
  const findings = { data: {}, evidence: {}, elsewhere: {} } as Record<
    keyof Findings,
    Record<string, number>
  >;
  for (const { location, things } of counts) {
    const group = findings[groupOf(location)];
    group[location] = (group[location] ?? 0) + things;
  }
  return findings;
}

function groupOf(location: string): keyof Findings {
  if (location.includes(':/')) return 'elsewhere';
  if (CONTENT.has(location)) return 'data';
  return EVIDENCE.test(location) ? 'evidence' : 'data';
}

/** Sum of all counts. */
export const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, things) => sum + things, 0);
