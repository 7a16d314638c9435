import type { Connection, RowDataPacket } from 'mysql2/promise';
import { LetheError } from '../../domain/errors';
import { loadMigrations, type DatabaseName, type Migration } from './sql-files';

/** The server's first database keeps the record of what was applied there; quoted. */
export const record = (prefix: string, databases: readonly DatabaseName[]): string =>
  `\`${prefix}_${databases[0] ?? 'control'}\``;

/**
 * Carries out what is not on record yet, in the order of the numbers, step by step.
 *
 * @idempotency every statement is recorded behind itself; a crash between the two meets what is there already.
 * @throws LetheError ENVIRONMENT_MISMATCH when the environment has the other kind of clock; CONFIGURATION_INVALID
 *   when a file was edited after it had been applied.
 */
export async function applyMigrations(
  connection: Connection,
  options: { readonly prefix: string; readonly simulation: boolean },
  databases: readonly DatabaseName[],
): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT CONVERT(name USING ascii) AS name, CONVERT(checksum USING ascii) AS checksum
       FROM ${record(options.prefix, databases)}.migrations`,
  );
  const applied = new Map(rows.map((row) => [String(row['name']), String(row['checksum'])]));
  const hasMovableClock = [...applied.keys()].some((name) => name.startsWith('simulation/'));
  const wantsMovableClock = options.simulation && databases.some(hasClock);
  if (applied.size > 0 && hasMovableClock !== wantsMovableClock) {
    throw new LetheError(
      'ENVIRONMENT_MISMATCH',
      'the environment exists with the other kind of clock; use another name',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
  const migrations = loadMigrations(options.prefix, options.simulation).filter(({ database }) =>
    databases.includes(database),
  );
  for (const migration of migrations) {
    await applyMigration(connection, record(options.prefix, databases), {
      migration,
      known: applied.get(migration.name),
    });
  }
}

const hasClock = (database: DatabaseName): boolean =>
  database === 'control' || database === 'keys' || database === 'evidence';

async function applyMigration(
  connection: Connection,
  into: string,
  { migration, known }: { migration: Migration; known: string | undefined },
): Promise<void> {
  if (known === migration.checksum) return;
  if (known !== undefined) {
    throw new LetheError(
      'CONFIGURATION_INVALID',
      `migration ${migration.name} was edited after use; put its text back and add a file with the next number`,
    );
  }
  const key = [migration.name, migration.checksum];
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS recorded FROM ${into}.migration_steps WHERE name = ? AND checksum = ?`,
    key,
  );
  const record = (step: number): Promise<unknown> =>
    connection.query(
      `INSERT INTO ${into}.migration_steps (name, checksum, step) VALUES (?, ?, ?)`,
      [...key, step],
    );
  // Step 0 says that it was begun; without it nothing of it may be there.
  const recorded = Number(rows[0]?.['recorded']);
  if (recorded === 0) await record(0);
  for (const [index, statement] of migration.statements.entries()) {
    const step = index + 1;
    if (step < recorded) continue;
    await carryOut(connection, statement, step === recorded);
    await record(step);
  }
  await connection.query(
    `INSERT INTO ${into}.migrations (name, checksum, applied_at) VALUES (?, ?, UTC_TIMESTAMP(6))`,
    key,
  );
}

/** What the first statement that is not on record may meet when a crash came before its record. */
const ALREADY_SO = new Set([
  'ER_TABLE_EXISTS_ERROR',
  'ER_SP_ALREADY_EXISTS',
  'ER_TRG_ALREADY_EXISTS',
  'ER_DUP_ENTRY',
  'ER_DUP_FIELDNAME',
  'ER_DUP_KEYNAME',
  'ER_SP_DOES_NOT_EXIST',
]);

/** Definitions cannot be part of a transaction, so a crash can come between one and its record. */
async function carryOut(
  connection: Connection,
  statement: string,
  mayBeThere: boolean,
): Promise<void> {
  try {
    await connection.query(statement);
  } catch (error) {
    if (mayBeThere && ALREADY_SO.has((error as { code?: string }).code ?? '')) return;
    throw error;
  }
}
