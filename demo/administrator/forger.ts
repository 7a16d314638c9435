import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { SqlServer } from './sql-search';

/** An entry of the ledger that was changed, and the way back. */
export interface Forgery {
  readonly sequence: number;
  /** Puts the entry back as it was. */
  undo(): Promise<void>;
}

/**
 * Somebody with every right on the evidence's server who changes one digit in the middle of the ledger:
 * the entry that names a tenant's first certificate.
 */
export async function forgeLedger(
  servers: readonly SqlServer[],
  prefix: string,
  tenantId: string,
): Promise<Forgery> {
  const server = await ledgersOf(servers, prefix);
  const [known] = await query(
    server,
    `SELECT sequence, entry FROM \`${prefix}_evidence\`.entries
      WHERE tenant_id = ? AND kind = 'certificate-issued' ORDER BY sequence LIMIT 1`,
    [tenantId],
  );
  if (known === undefined) throw new Error('the ledger names no certificate of the tenant');
  const sequence = Number(known['sequence']);
  const entry = String(known['entry']);
  const forged = entry.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
  if (forged === entry) throw new Error('the entry has no digit to change');
  const write = async (text: string): Promise<void> => {
    const update = `UPDATE \`${prefix}_evidence\`.entries SET entry = ? WHERE sequence = ?`;
    await query(server, update, [text, sequence]);
  };
  await write(forged);
  return { sequence, undo: () => write(entry) };
}

/** The server that keeps the evidence; it may be one of its own. */
async function ledgersOf(servers: readonly SqlServer[], prefix: string): Promise<SqlServer> {
  const sql = 'SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?';
  for (const server of servers) {
    if ((await query(server, sql, [`${prefix}_evidence`])).length > 0) return server;
  }
  throw new Error('no server keeps the evidence');
}

async function query(
  server: SqlServer,
  sql: string,
  params: readonly (string | number)[],
): Promise<readonly RowDataPacket[]> {
  const connection = await createConnection({ ...server, timezone: 'Z' });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql, [...params]);
    return Array.isArray(rows) ? rows : [];
  } finally {
    await connection.end();
  }
}
