import type { Receiver, ReceiverKind, NoticeLanguage } from '../../contracts/notices';
import type { Sql } from '../../contracts/sql';
import { required, textRow, textRows, type TextRow } from '../control/sql-text';

const COLUMNS = `r.receiver, r.kind, r.address, r.tenant_id, r.notice_types, r.language, r.from_sequence`;
const IS_ACTIVE = `NOT EXISTS (SELECT 1 FROM notice_receiver_ends e WHERE e.receiver = r.receiver)`;

/** Receivers that are not disabled, by name. */
export async function readActiveReceivers(sql: Sql): Promise<readonly Receiver[]> {
  const rows = await textRows(
    sql,
    `SELECT ${COLUMNS} FROM notice_receivers r WHERE ${IS_ACTIVE} ORDER BY r.receiver`,
  );
  return rows.map(toReceiver);
}

/** A receiver that is not disabled, or null. */
export async function readActiveReceiver(sql: Sql, name: string): Promise<Receiver | null> {
  const row = await textRow(
    sql,
    `SELECT ${COLUMNS} FROM notice_receivers r WHERE r.receiver = ? AND ${IS_ACTIVE}`,
    [name],
  );
  return row === null ? null : toReceiver(row);
}

/** A row of `notice_receivers` as a receiver. */
export const toReceiver = (row: TextRow): Receiver => ({
  name: required(row, 'receiver'),
  kind: required(row, 'kind') as ReceiverKind,
  address: required(row, 'address'),
  tenantId: row['tenant_id'] ?? null,
  kinds: required(row, 'notice_types')
    .split(',')
    .filter((kind) => kind !== ''),
  language: required(row, 'language') as NoticeLanguage,
  fromSequence: Number(required(row, 'from_sequence')),
});
