import type {
  FailingReceiver,
  NoticeLanguage,
  Receiver,
  ReceiverKind,
} from '../../contracts/notices';
import {
  actor,
  listOf,
  matching,
  objectOf,
  oneOf,
  optional,
  refuse,
} from '../../contracts/field-checks';
import type { Sql, SqlPool } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import { NOTICE_TYPES } from '../../domain/notices';
import { insertRow } from '../control/command-context';
import {
  required,
  textRow,
  textRows,
  toInstant,
  toInstantOrNull,
  toSqlTime,
} from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { againIfTaken } from '../taken';
import { parseDestination, type DestinationPolicy } from './destination';
import { readNext } from './next-delivery';
import { lastSequence } from './order-notices';
import { toReceiver } from './receiver-rows';
import { totalSetAside } from './set-aside';

/** What an operator registers. */
export interface AddReceiver {
  readonly name: string;
  readonly kind: ReceiverKind;
  readonly address: string;
  readonly tenantId?: string;
  readonly kinds?: readonly string[];
  readonly language?: NoticeLanguage;
  readonly addedBy: string;
}

/** A receiver as people see it. */
export interface ReceiverRecord extends Receiver {
  readonly addedAt: string;
  readonly addedBy: string;
  /** Null while it is told. */
  readonly ended: { readonly at: string; readonly by: string; readonly cause: string } | null;
  /** Place of the last notice that it took. */
  readonly lastDelivered: number;
  /** How many notices it took, each time counted. */
  readonly delivered: number;
  readonly failing: FailingReceiver | null;
  /** How many notices it refuses for good and nobody had delivered again. */
  readonly setAside: number;
}

/** Receivers of one environment; each of them costs some reading with every look. */
const RECEIVERS_MAX = 200;
const TYPES_MAX = 64;

const shape = objectOf({
  name: matching(
    /^[a-z][0-9a-z-]{0,62}$/,
    'must be 1 to 63 of a-z, 0-9 and -, and start with a letter',
  ),
  kind: oneOf(['webhook', 'mail']),
  address: matching(/^\S{1,1024}$/, 'must have 1 to 1024 characters and no spaces'),
  tenantId: optional(
    matching(/^tn_[0-9a-z]{16,40}$/, 'must be a tenant id, tn_…', 'INVALID_TENANT_ID'),
  ),
  kinds: optional(listOf(oneOf(Object.keys(NOTICE_TYPES)), 1, TYPES_MAX)),
  language: optional(oneOf(['en', 'zh'])),
  addedBy: actor,
});
const MAILBOX = /^[^\s@<>"(),:;[\]\\]{1,64}@[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?$/;

/**
 * Registers somebody who is told from now on. A name is used once: who was disabled comes back under
 * another one, so that attempts on record stay those of one receiver.
 *
 * Effect: one row in control.
 * @idempotency the same receiver again changes nothing; another one under the name is refused.
 * @throws LetheError INVALID_INPUT or INVALID_TENANT_ID naming the field; IDEMPOTENCY_CONFLICT; NOT_PERMITTED
 * when there are too many.
 */
export async function addReceiver(
  control: SqlPool,
  order: AddReceiver,
  policy: DestinationPolicy,
): Promise<ReceiverRecord> {
  shape(order, '');
  const address = addressOf(order, policy);
  await againIfTaken(() =>
    control.transaction(async (sql) => {
      const values = {
        kind: order.kind,
        address,
        tenant_id: order.tenantId ?? null,
        notice_types: (order.kinds ?? []).join(','),
        language: order.language ?? 'en',
      };
      if (await isKnown(sql, order.name, values)) return;
      await insertRow(sql, 'notice_receivers', {
        receiver: order.name,
        ...values,
        from_sequence: await lastSequence(sql),
        added_at: toSqlTime(await databaseNow(sql)),
        added_by: order.addedBy,
      });
    }),
  );
  return named(await listReceivers(control), order.name);
}

function addressOf({ kind, address }: AddReceiver, policy: DestinationPolicy): string {
  if (kind === 'webhook') return parseDestination(address, policy).href;
  if (!MAILBOX.test(address)) refuse('INVALID_INPUT', 'address', 'must be one mailbox, name@host');
  return address;
}

async function isKnown(
  sql: Sql,
  name: string,
  values: Readonly<Record<string, string | null>>,
): Promise<boolean> {
  const row = await textRow(
    sql,
    'SELECT kind, address, tenant_id, notice_types, language FROM notice_receivers WHERE receiver = ?',
    [name],
  );
  if (row !== null) {
    if (Object.entries(values).every(([column, value]) => row[column] === value)) return true;
    throw new LetheError(
      'IDEMPOTENCY_CONFLICT',
      'name is taken by another receiver, perhaps a disabled one; choose another name',
      { field: 'name' },
    );
  }
  const count = await textRow(
    sql,
    `SELECT COUNT(*) AS receivers FROM notice_receivers r WHERE NOT EXISTS (
       SELECT 1 FROM notice_receiver_ends e WHERE e.receiver = r.receiver)`,
  );
  if (Number(count?.['receivers'] ?? 0) < RECEIVERS_MAX) return false;
  throw new LetheError(
    'NOT_PERMITTED',
    `there are ${RECEIVERS_MAX} receivers already; disable one, or let one of them forward`,
  );
}

/**
 * Tells a receiver nothing any more. What it missed stays on record.
 *
 * @idempotency disabling again changes nothing.
 * @throws LetheError INVALID_INPUT when there is no such receiver.
 */
export async function disableReceiver(
  control: SqlPool,
  order: { readonly name: string; readonly disabledBy: string },
): Promise<ReceiverRecord> {
  actor(order.disabledBy, 'disabledBy');
  await againIfTaken(() =>
    control.transaction(async (sql) => {
      const record = named(await listReceivers(sql), order.name);
      if (record.ended !== null) return;
      await insertRow(sql, 'notice_receiver_ends', {
        receiver: order.name,
        ended_at: toSqlTime(await databaseNow(sql)),
        ended_by: order.disabledBy,
        cause: 'operator',
      });
    }),
  );
  return named(await listReceivers(control), order.name);
}

/** One of them, or a refusal that names the field. */
export function named(records: readonly ReceiverRecord[], name: string): ReceiverRecord {
  const record = records.find((one) => one.name === name);
  return record ?? refuse('INVALID_INPUT', 'name', 'names no receiver; lethe notice receiver list');
}

/** Every receiver, also disabled ones, by name. Reading, so safe to repeat. */
export async function listReceivers(sql: Sql): Promise<readonly ReceiverRecord[]> {
  const rows = await textRows(
    sql,
    `SELECT r.*, e.ended_at, e.ended_by, e.cause FROM notice_receivers r
       LEFT JOIN notice_receiver_ends e ON e.receiver = r.receiver ORDER BY r.receiver`,
  );
  const records: ReceiverRecord[] = [];
  for (const row of rows) {
    const receiver = toReceiver(row);
    const endedAt = toInstantOrNull(row['ended_at']);
    const next = endedAt === null ? await readNext(sql, receiver) : null;
    records.push({
      ...receiver,
      addedAt: toInstant(required(row, 'added_at')),
      addedBy: required(row, 'added_by'),
      ended:
        endedAt === null
          ? null
          : { at: endedAt, by: required(row, 'ended_by'), cause: required(row, 'cause') },
      ...(await readDelivered(sql, receiver)),
      failing: next?.failing ?? null,
      setAside: (await totalSetAside(sql, receiver.name))[0]?.notices ?? 0,
    });
  }
  return records;
}

async function readDelivered(
  sql: Sql,
  { name, fromSequence }: Receiver,
): Promise<Pick<ReceiverRecord, 'lastDelivered' | 'delivered'>> {
  const row = await textRow(
    sql,
    `SELECT COALESCE(MAX(CASE WHEN line = '' THEN sequence END), ?) AS last,
            COALESCE(SUM(notices), 0) AS delivered
       FROM notice_attempts WHERE receiver = ? AND outcome = 'delivered'`,
    [fromSequence, name],
  );
  return {
    lastDelivered: Number(row?.['last'] ?? fromSequence),
    delivered: Number(row?.['delivered'] ?? 0),
  };
}
