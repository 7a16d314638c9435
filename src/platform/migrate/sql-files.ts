import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One migration, rendered for an environment. */
export interface Migration {
  /** Database that it changes, and on whose server it therefore runs. */
  readonly database: DatabaseName;
  /** Name on record, e.g. `control/0002-facts`. */
  readonly name: string;
  /** SHA-256 of the template, so that an edited migration is noticed. */
  readonly checksum: string;
  readonly statements: readonly string[];
}

/** The databases of an environment, in the order in which they are created. */
export const DATABASES = Object.freeze([
  'control',
  'keys',
  'assets',
  'configuration',
  'evidence',
] as const);

/** A database of an environment, without its prefix. */
export type DatabaseName = (typeof DATABASES)[number];

/** SQL locations that have a purge procedure of their own. */
const PURGED_TABLES = Object.freeze([
  ['assets', 'assets'],
  ['assets', 'asset_links'],
  ['assets', 'scans'],
  ['assets', 'image_risks'],
  ['configuration', 'console_settings'],
  ['configuration', 'configuration_changes'],
] as const);

/** Folder of the SQL files; they are shipped beside the code. */
const SCHEMA_FOLDER = locateSchema();

function locateSchema(): string {
  // From src/platform/migrate when run by jest, from dist/src/platform/migrate when built.
  const up = __dirname.includes(join('dist', 'src')) ? '../../../..' : '../../..';
  return join(__dirname, up, 'schema', 'mysql');
}

/**
 * All migrations for an environment in their order: every database's own, the purge and replay procedures, and,
 * for simulation environments only, the movable clock.
 */
export function loadMigrations(prefix: string, simulation: boolean): readonly Migration[] {
  const own = DATABASES.flatMap((database) =>
    readdirSync(join(SCHEMA_FOLDER, database))
      .filter((file) => file.endsWith('.sql'))
      .sort()
      .map((file) =>
        render(
          { database, name: `${database}/${file.slice(0, -4)}`, file: `${database}/${file}` },
          prefix,
        ),
      ),
  );
  const purges = PURGED_TABLES.map(([database, table]) =>
    render({ database, name: `${database}/purge-${table}`, file: 'purge-procedure.sql' }, prefix, {
      database: `\`${prefix}_${database}\``,
      table,
      location: `mysql:${database}.${table}`,
    }),
  );
  const replays = PURGED_TABLES.map(([database, table]) =>
    render(
      { database, name: `${database}/replay-${table}`, file: 'replay-procedure.sql' },
      prefix,
      {
        database: `\`${prefix}_${database}\``,
        table,
        location: `mysql:${database}.${table}`,
      },
    ),
  );
  const clocks = (['control', 'keys', 'evidence'] as const).map((database) =>
    render(
      { database, name: `simulation/${database}`, file: `simulation/${database}.sql` },
      prefix,
    ),
  );
  const procedures = [...purges, ...replays];
  return simulation ? [...own, ...procedures, ...clocks] : [...own, ...procedures];
}

function render(
  {
    database,
    name,
    file,
  }: { readonly database: DatabaseName; readonly name: string; readonly file: string },
  prefix: string,
  extra: Readonly<Record<string, string>> = {},
): Migration {
  const template = readFileSync(join(SCHEMA_FOLDER, file), 'utf8');
  const values: Record<string, string> = {
    definer: `'${prefix}_definer'@'%'`,
    ...Object.fromEntries(DATABASES.map((database) => [database, `\`${prefix}_${database}\``])),
    ...extra,
  };
  const sql = template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${file}: unknown placeholder ${key}`);
    return value;
  });
  return {
    database,
    name,
    checksum: createHash('sha256').update(template).digest('hex'),
    statements: sql
      .split(/^\$\$$/m)
      .map((statement) => statement.trim())
      .filter((statement) => statement !== ''),
  };
}
