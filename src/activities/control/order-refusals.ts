import type { Command, CommandKind } from '../../contracts/commands';
import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import { FAILURES, isLetheError, type FailureCode } from '../../domain/errors';
import type { EvidenceAct } from '../../domain/evidence';
import { digestOfDocument } from '../../transparency/signed-document';
import { required, textRow, textRows, toInstant, toSqlTime, type TextRow } from './sql-text';
import { unlessTaken } from '../taken';

const ORDER_COMMANDS: ReadonlySet<CommandKind> = new Set([
  'submitOrder',
  'approveOrder',
  'denyOrder',
  'revokeOrder',
]);

/** What refusals of both kinds are counted and proven with. */
export interface RefusalPorts {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}

/** What totals are read with: the control login on its own store and on the key store. */
export interface TotalsPorts extends RefusalPorts {
  readonly keys: SqlPool;
}

/** So many refusals of orders of one tenant, cause and hour have an entry each; then every doubling has. */
const EACH_MAX = 20;
/** Refusals of permits are asked for again every few minutes: doublings and the total are enough. */
const PERMIT_PREFIX = 'permit-';
/** Counted by the procedure itself, whoever asked it: nothing names them before their hour is over. */
const ISSUER_PREFIX = 'issuer-';
/** Counted by the key store itself, likewise. */
const KEY_PREFIX = 'key-';

/** What refuses a permit for good reason; a store that is away is something else. */
const REFUSED_PERMITS: ReadonlySet<FailureCode> = new Set([
  'PERMIT_REFUSED',
  'ORDER_REQUIRED',
  'ORDER_REFUSED',
  'SIGNATURE_INVALID',
  'UNKNOWN_SIGNER',
  'SIGNER_NOT_ENTITLED',
  'SIGNER_NOT_VALID',
  'CLOCK_DISAGREES',
]);

/**
 * Runs the acceptance of a command and leaves evidence of every order that is refused: an entry each
 * for the first ones of a tenant, cause and hour, then one whenever their number has doubled, with the
 * number. A flood of forged orders so costs a logarithm of entries; the exact number stays in control
 * and follows in an entry of its own when the hour is over ({@link proveRefusalTotals}).
 *
 * @idempotency an act is named by its number, so an entry is written once.
 */
export async function provingRefusals<T>(
  ports: RefusalPorts,
  { tenantId, command }: { readonly tenantId: string; readonly command: Command },
  accept: () => Promise<T>,
): Promise<T> {
  try {
    return await accept();
  } catch (error) {
    const isRefusal = isLetheError(error) && !FAILURES[error.code].retryable;
    if (isRefusal && ORDER_COMMANDS.has(command.kind)) {
      const [document = ''] = Object.values(command.body) as string[];
      await proveRefusal(ports, {
        ...{ tenantId, kind: 'order-refused', cause: causeOf(error.code) },
        details: {
          command: command.kind,
          documentDigest: digestOfDocument(document),
          requestedBy: command.requestedBy,
        },
      });
    }
    throw error;
  }
}

/**
 * Asks for a permit to destroy, and leaves evidence when it is refused: by the procedure that issues it,
 * by the key store, or because what is stored is not what people signed. Counted like refused orders. The
 * procedure counts what it refuses as well, under causes of its own, so that a login that asks by itself
 * shows as the difference.
 *
 * @idempotency an act is named by its number, so an entry is written once.
 */
export async function provingRefusedPermits<T>(
  ports: RefusalPorts,
  { tenantId, runId, dueOn }: { tenantId: string; runId: string; dueOn: string },
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isLetheError(error) && REFUSED_PERMITS.has(error.code)) {
      await proveRefusal(ports, {
        ...{ tenantId, kind: 'permit-refused', cause: `${PERMIT_PREFIX}${causeOf(error.code)}` },
        details: { runId, dueOn },
      });
    }
    throw error;
  }
}

/** A failure as causes are written. */
export const causeOf = (code: FailureCode): string => code.toLowerCase().replaceAll('_', '-');

const named = (tenantId: string): string => (tenantId === '' ? 'unknown' : tenantId);

/** Whether the evidence names this number at once, or leaves it to a later entry. */
function isNamed(cause: string, count: number): boolean {
  if (cause.startsWith(ISSUER_PREFIX) || cause.startsWith(KEY_PREFIX)) return false;
  const each = cause.startsWith(PERMIT_PREFIX) ? 1 : EACH_MAX;
  return count <= each || Number.isInteger(Math.log2(count));
}

/**
 * Leaves evidence of one refusal, bounded as all of them are: one entry each for the first ones of a
 * tenant, cause and hour, then one whenever their number has doubled; the exact number follows.
 *
 * @idempotency an act is named by its number, so an entry is written once.
 */
export async function proveRefusal(
  ports: RefusalPorts,
  refusal: {
    /** Empty: it is about no tenant, or about one that nobody knows. */
    readonly tenantId: string;
    readonly kind: 'order-refused' | 'permit-refused' | 'decision-refused';
    readonly cause: string;
    readonly details: EvidenceAct['details'];
  },
): Promise<void> {
  const { tenantId, kind, cause, details } = refusal;
  const { hourAt, count } = await countRefusal(ports.control, tenantId, cause);
  if (!isNamed(cause, count)) return;
  await ports.ledger.append({
    ...{ tenantId: tenantId === '' ? null : tenantId, kind },
    subject: `${named(tenantId)}/${cause}/${hourAt}/${count}`,
    details: { ...details, cause, hourAt, refused: count },
  });
}

/** The first refusals of an hour meet at one row that is not there yet; who loses the race counts again. */
const COUNT_TRIES = 5;

async function countRefusal(
  control: SqlPool,
  tenantId: string,
  cause: string,
): Promise<{ readonly hourAt: string; readonly count: number }> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await countOnce(control, tenantId, cause);
    } catch (error) {
      // Nothing was counted; what is unknown is left to the caller, who does all of it again.
      const isLost = isLetheError(error) && error.code === 'STORE_UNAVAILABLE';
      if (!isLost || tries === COUNT_TRIES) throw error;
    }
  }
}

async function countOnce(
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

/** Hours of one round of totals; the rest comes with the next one. */
const TOTALS_MAX = 500;

/**
 * Puts the exact number of refusals of every hour that is over into the evidence, so that each refusal is
 * in it although a flood has few entries: refused orders, permits that control refused, and what the key store did.
 *
 * @idempotency an hour is named once; the row that says so follows its entry.
 * @throws LetheError STORE_UNAVAILABLE; what was not named is named in the next round.
 */
export async function proveRefusalTotals(ports: TotalsPorts): Promise<number> {
  const rows = await textRows(
    ports.control,
    `SELECT r.tenant_id, r.cause, r.hour_at, r.refused FROM order_refusals r
       LEFT JOIN order_refusal_totals t
         ON t.tenant_id = r.tenant_id AND t.cause = r.cause AND t.hour_at = r.hour_at
      WHERE t.tenant_id IS NULL AND r.hour_at <= lethe_now() - INTERVAL 1 HOUR
      ORDER BY r.hour_at, r.tenant_id, r.cause LIMIT ${TOTALS_MAX}`,
  );
  for (const row of rows) await proveTotal(ports, row);
  const ofKeys = await readKeyTotals(ports);
  for (const row of ofKeys) await proveTotal(ports, row);
  return rows.length + ofKeys.length;
}

/** What the key store refused in hours that are over, behind the last one that was named. */
async function readKeyTotals({ control, keys }: TotalsPorts): Promise<readonly TextRow[]> {
  const last = await textRow(
    control,
    `SELECT hour_at, tenant_id, cause FROM order_refusal_totals WHERE cause LIKE '${KEY_PREFIX}%'
      ORDER BY hour_at DESC, tenant_id DESC, cause DESC LIMIT 1`,
  );
  const hourAt = last?.['hour_at'] ?? '1970-01-01 00:00:00';
  const [tenantId, cause] = [last?.['tenant_id'] ?? '', last?.['cause'] ?? ''];
  return textRows(
    keys,
    `SELECT tenant_id, cause, hour_at, refused FROM key_refusals
      WHERE hour_at <= lethe_now() - INTERVAL 1 HOUR
        AND (hour_at > ? OR (hour_at = ? AND (tenant_id > ? OR (tenant_id = ? AND cause > ?))))
      ORDER BY hour_at, tenant_id, cause LIMIT ${TOTALS_MAX}`,
    [hourAt, hourAt, tenantId, tenantId, cause],
  );
}

async function proveTotal(ports: RefusalPorts, row: TextRow): Promise<void> {
  const [tenantId, cause] = [required(row, 'tenant_id'), required(row, 'cause')];
  const hourAt = toInstant(required(row, 'hour_at'));
  const refused = Number(required(row, 'refused'));
  if (!isNamed(cause, refused)) {
    await ports.ledger.append({
      ...{ tenantId: tenantId === '' ? null : tenantId, kind: 'refusals-counted' },
      subject: `${named(tenantId)}/${cause}/${hourAt}`,
      details: { cause, hourAt, refused },
    });
  }
  await unlessTaken(() =>
    ports.control.execute(
      `INSERT INTO order_refusal_totals (tenant_id, cause, hour_at, refused, proved_at)
     SELECT ?, ?, ?, ?, lethe_now() FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM order_refusal_totals
       WHERE tenant_id = ? AND cause = ? AND hour_at = ?)`,
      [...[tenantId, cause, toSqlTime(hourAt), refused], ...[tenantId, cause, toSqlTime(hourAt)]],
    ),
  );
}
