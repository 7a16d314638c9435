import type { Command, CommandKind } from '../../contracts/commands';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { FAILURES, isLetheError, type FailureCode } from '../../domain/errors';
import { digestOfDocument } from '../../transparency/signed-document';
import { required, textRow, toInstant } from './sql-text';

const ORDER_COMMANDS: ReadonlySet<CommandKind> = new Set([
  'submitOrder',
  'approveOrder',
  'denyOrder',
  'revokeOrder',
]);

/** So many refusals of one tenant, cause and hour have an entry each; after them every doubling has. */
const EACH_MAX = 20;

/**
 * Runs the acceptance of a command and leaves evidence of every order that is refused: an entry each
 * for the first ones of a tenant, cause and hour, then one whenever their number has doubled, with the
 * number. A flood of forged orders so costs a logarithm of entries; the exact number stays in control.
 *
 * @idempotency an act is named by its number, so an entry is written once.
 */
export async function provingRefusals<T>(
  ports: { readonly control: SqlPool; readonly ledger: EvidenceLedger },
  { tenantId, command }: { readonly tenantId: string; readonly command: Command },
  accept: () => Promise<T>,
): Promise<T> {
  try {
    return await accept();
  } catch (error) {
    const isRefusal = isLetheError(error) && !FAILURES[error.code].retryable;
    if (isRefusal && ORDER_COMMANDS.has(command.kind)) {
      await proveRefusal(ports, { tenantId, command, code: error.code });
    }
    throw error;
  }
}

async function proveRefusal(
  ports: { readonly control: SqlPool; readonly ledger: EvidenceLedger },
  refusal: {
    readonly tenantId: string;
    readonly command: Command;
    readonly code: FailureCode;
  },
): Promise<void> {
  const { tenantId, command, code } = refusal;
  const cause = code.toLowerCase().replaceAll('_', '-');
  const { hourAt, count } = await countRefusal(ports.control, tenantId, cause);
  if (count > EACH_MAX && !Number.isInteger(Math.log2(count))) return;
  const [document = ''] = Object.values(command.body) as string[];
  await ports.ledger.append({
    tenantId,
    kind: 'order-refused',
    subject: `${tenantId}/${cause}/${hourAt}/${count}`,
    details: {
      command: command.kind,
      cause,
      hourAt,
      refused: count,
      documentDigest: digestOfDocument(document),
      requestedBy: command.requestedBy,
    },
  });
}

async function countRefusal(
  control: SqlPool,
  tenantId: string,
  cause: string,
): Promise<{ readonly hourAt: string; readonly count: number }> {
  return control.transaction(async (sql) => {
    await sql.execute('CALL count_refusal(?, ?)', [tenantId, cause]);
    const row = await textRow(
      sql,
      `SELECT hour_at, refused FROM order_refusals WHERE tenant_id = ? AND cause = ?
        ORDER BY hour_at DESC LIMIT 1`,
      [tenantId, cause],
    );
    return {
      hourAt: toInstant(required(row ?? {}, 'hour_at')),
      count: Number(required(row ?? {}, 'refused')),
    };
  });
}
