import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { databaseLocation, type Count, type EnvironmentNames } from './locations';

/** Address of the SQL server and an administrator's login. */
export interface SqlServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Computed by the server on the fly: they hold no rows. */
const VIRTUAL = ['information_schema', 'performance_schema', 'sys'];
/** Dropped between the listing and the count, as databases of other people's tests are. */
const GONE = new Set(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR']);

interface Table {
  readonly database: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/**
 * Counts the rows of every table of the server in which any text, binary, JSON or enumerated column
 * contains `text`, and the wrapped keys whose reference belongs to a row that does.
 *
 * An id that begins with another one counts for both: rather too much than too little.
 */
export async function searchSql(
  server: SqlServer,
  names: EnvironmentNames,
  text: string,
): Promise<readonly Count[]> {
  const connection = await createConnection({ ...server, timezone: 'Z' });
  try {
    const counts: Count[] = [];
    for (const table of await tablesOf(connection)) {
      const things = await countRows(connection, table, text);
      if (things === null) continue;
      counts.push({ location: databaseLocation(names, { server: 'mysql', ...table }), things });
    }
    return [...counts, await countKeys(connection, names, text)];
  } finally {
    await connection.end();
  }
}

async function tablesOf(connection: Connection): Promise<readonly Table[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT c.TABLE_SCHEMA AS db, c.TABLE_NAME AS tbl, c.COLUMN_NAME AS col
       FROM information_schema.COLUMNS c
       JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
      WHERE t.TABLE_TYPE <> 'VIEW' AND c.TABLE_SCHEMA NOT IN (?)
        AND c.DATA_TYPE REGEXP 'char|text|blob|binary|json|enum|set'
      ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION`,
    [VIRTUAL],
  );
  const tables = new Map<string, { database: string; table: string; columns: string[] }>();
  for (const row of rows) {
    const [database, table, column] = [String(row['db']), String(row['tbl']), String(row['col'])];
    const key = `${database}\u0000${table}`;
    const known = tables.get(key) ?? { database, table, columns: [] };
    known.columns.push(column);
    tables.set(key, known);
  }
  return [...tables.values()];
}

const quoted = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

async function countRows(
  connection: Connection,
  { database, table, columns }: Table,
  text: string,
): Promise<number | null> {
  // Compared as bytes, so that no collation and no character set decides what is equal.
  const wanted = columns.map((column) => `LOCATE(BINARY ?, CAST(${quoted(column)} AS BINARY)) > 0`);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS things FROM ${quoted(database)}.${quoted(table)} WHERE ${wanted.join(' OR ')}`,
      columns.map(() => text),
    );
    return Number(rows[0]?.['things']);
  } catch (error) {
    if (GONE.has((error as { code?: string }).code ?? '')) return null;
    throw error;
  }
}

/** Wrapped keys name their reference only; whose it is stands beside them. */
async function countKeys(
  connection: Connection,
  names: EnvironmentNames,
  text: string,
): Promise<Count> {
  const keys = quoted(`${names.prefix}_keys`);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT COUNT(*) AS things FROM ${keys}.key_wrappings w
        WHERE LOCATE(BINARY ?, CAST(w.key_ref AS BINARY)) = 0
          AND EXISTS (SELECT 1 FROM ${keys}.data_keys k WHERE k.key_ref = w.key_ref AND k.tenant_id = ?)`,
      [text, text],
    );
    return { location: 'mysql:keys', things: Number(rows[0]?.['things']) };
  } catch (error) {
    // Another server may keep the keys; then it is searched by itself.
    if (GONE.has((error as { code?: string }).code ?? ''))
      return { location: 'mysql:keys', things: 0 };
    throw error;
  }
}
