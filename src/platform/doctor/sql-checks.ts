import {
  fail,
  judgeClock,
  look,
  ok,
  skipped,
  warn,
  type CheckResult,
  type Seen,
} from '../../contracts/doctor';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { Config } from '../config';
import { sqlEndpoint, type Stores } from '../connections';
import { grantStatements } from '../migrate/grant-statements';
import { ROLE_GRANTS, type SqlRole } from '../migrate/grants';
import { DATABASES, loadMigrations, type DatabaseName } from '../migrate/sql-files';
import { probeClock } from '../mysql';
import { compareGrants } from './compare-grants';

/** An SQL server with the databases of the environment that live on it. */
interface Server {
  readonly name: string;
  readonly databases: readonly DatabaseName[];
}

/** Whose login may read everything of a server's first database, where migrations are on record. */
const READER: Readonly<Record<DatabaseName, SqlRole>> = {
  control: 'control',
  keys: 'verifier',
  assets: 'verifier',
  configuration: 'verifier',
  evidence: 'verifier',
};
/** Oldest versions that the tests run on. */
const MARIADB_MIN = [10, 11] as const;
const MYSQL_MIN = [8, 4] as const;
/** Differences that are named. */
const NAMED_MAX = 5;

/**
 * Looks at the SQL servers with the logins at hand: versions, clocks, migrations, grants.
 *
 * @param now - this machine's clock in milliseconds.
 */
export async function checkSql(
  config: Config,
  stores: Stores,
  now: () => number,
): Promise<readonly CheckResult[]> {
  const servers = await look('SQL servers', 'set LETHE_MYSQL_HOST or LETHE_MYSQL_URL', () => {
    const names = serversOf(config).map(({ name }) => name);
    return Promise.resolve(ok(names.join('; ')));
  }).catch(() => null);
  if (servers?.state !== 'ok') return servers === null ? [] : [servers];
  const results: CheckResult[] = [];
  for (const server of serversOf(config)) {
    results.push(...(await checkServer(server, { config, stores, now })));
  }
  return results;
}

function serversOf(config: Config): readonly Server[] {
  const servers = new Map<string, DatabaseName[]>();
  for (const database of DATABASES) {
    const { host, port } = sqlEndpoint(config, database);
    const key = `${host}:${port}`;
    servers.set(key, [...(servers.get(key) ?? []), database]);
  }
  return [...servers.values()].map((databases) => ({ name: databases.join(', '), databases }));
}

interface Around {
  readonly config: Config;
  readonly stores: Stores;
  readonly now: () => number;
}

async function checkServer(server: Server, around: Around): Promise<readonly CheckResult[]> {
  const { config, stores, now } = around;
  const first = server.databases[0] ?? 'control';
  const pool = (): SqlPool => stores.sql(READER[first], first);
  const named = (what: string): string => `${what} (${server.name})`;
  return [
    await look(named('SQL version'), 'install a version that the tests run on', async () =>
      judgeVersion(await textOf(pool(), 'SELECT VERSION() AS text')),
    ),
    await look(
      named('SQL clock'),
      'repair time synchronisation on the machine that is wrong',
      async () => {
        const before = now();
        const text = await textOf(pool(), 'SELECT CONVERT(SYSDATE(3), CHAR) AS text');
        return judgeClock(Date.parse(`${text.replace(' ', 'T')}Z`), before, now());
      },
    ),
    await look(
      named('SQL clock cannot be moved'),
      'start MySQL without --sysdate-is-now, MariaDB with --secure-timestamp=YES',
      async () => {
        await probeClock(pool());
        return ok('SYSDATE follows no session');
      },
    ),
    await look(named('SQL migrations'), 'run lethe migrate of this version', () =>
      judgeMigrations(pool(), server, around),
    ),
    ...(await checkGrants(server, config, stores)),
  ];
}

function judgeVersion(version: string): Seen {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [oldest, least] = /mariadb/i.test(version) ? MARIADB_MIN : MYSQL_MIN;
  const isTested = major > oldest || (major === oldest && minor >= least);
  return isTested ? ok(version) : warn(`${version}, older than ${oldest}.${least}`);
}

async function judgeMigrations(
  pool: Sql,
  { databases }: Server,
  { config, stores }: Around,
): Promise<Seen> {
  const rows = await pool.query(
    'SELECT CONVERT(name USING ascii) AS name, CONVERT(checksum USING ascii) AS checksum FROM migrations',
  );
  const applied = new Map(rows.map((row) => [String(row['name']), String(row['checksum'])]));
  const wanted = loadMigrations(stores.prefix, config.simulation).filter(({ database }) =>
    databases.includes(database),
  );
  const missing = wanted.filter(({ name }) => !applied.has(name)).map(({ name }) => name);
  const edited = wanted
    .filter(({ name, checksum }) => (applied.get(name) ?? checksum) !== checksum)
    .map(({ name }) => name);
  const known = new Set(wanted.map(({ name }) => name));
  const foreign = [...applied.keys()].filter((name) => !known.has(name));
  const parts = [
    ['missing', missing],
    ['edited after use', edited],
    ['of another version', foreign],
  ] as const;
  const wrong = parts.filter(([, names]) => names.length > 0);
  if (wrong.length === 0) return ok(`${wanted.length} applied, nothing else`);
  return fail(wrong.map(([what, names]) => `${what}: ${listed(names)}`).join('; '));
}

async function checkGrants(
  server: Server,
  config: Config,
  stores: Stores,
): Promise<readonly CheckResult[]> {
  const roles = Object.keys(ROLE_GRANTS) as SqlRole[];
  const results: CheckResult[] = [];
  for (const role of config.simulation ? [...roles, 'simulator' as const] : roles) {
    const target = { prefix: stores.prefix, databases: server.databases };
    const wanted = grantStatements(role, '-', target);
    const home = server.databases.find(
      (database) => grantStatements(role, '-', { ...target, databases: [database] }).length > 0,
    );
    if (home === undefined) continue;
    results.push(
      await look(
        `grants of ${role} (${server.name})`,
        'run lethe migrate for what is missing; take what is too much away by hand, and find out who gave it',
        async () => judgeGrants(wanted, stores.sql(role, home)),
      ),
    );
  }
  return results;
}

async function judgeGrants(wanted: readonly string[], pool: Sql): Promise<Seen> {
  const rows = await pool.query('SHOW GRANTS');
  const shown = rows.map((row) => String(Object.values(row)[0]));
  if (shown.length === 0) return skipped('the server shows nothing');
  const { missing, extra } = compareGrants(wanted, shown);
  if (missing.length === 0 && extra.length === 0) return ok('as the list says, no more, no less');
  return fail(
    [
      ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
      ...(extra.length > 0 ? [`too much: ${listed(extra)}`] : []),
    ].join('; '),
  );
}

const listed = (names: readonly string[]): string =>
  names.slice(0, NAMED_MAX).join(', ') +
  (names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : '');

async function textOf(pool: Sql, statement: string): Promise<string> {
  const [row] = await pool.query(statement);
  return String(row?.['text']);
}
