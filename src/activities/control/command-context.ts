import { hash } from 'node:crypto';
import type { Command, CommandKind } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import { toSqlTime } from './sql-text';
import type { TenantFacts } from './tenant-facts';

/** Ids and instants that a command produced. */
export type EffectResult = Readonly<Record<string, string | number | boolean | null>>;

/** What an effect works with: the open transaction, the facts under its lock, the command. */
export interface EffectContext<K extends CommandKind> {
  readonly sql: Sql;
  readonly tenantId: string;
  /** Instant of acceptance by the database's clock. */
  readonly now: string;
  readonly command: Command<K>;
  /** Null only for `subscribe`. */
  readonly facts: TenantFacts;
}

/** A deterministic id: the same command always makes the same one, so a repetition changes nothing. */
export function derivedId(prefix: string, ...parts: readonly string[]): string {
  const digest = hash('sha256', JSON.stringify(parts), 'hex');
  return `${prefix}_${digest.slice(0, 32)}`;
}

/** Id of the thing that this command creates. */
export const ownId = (prefix: string, context: EffectContext<CommandKind>, part = ''): string =>
  derivedId(prefix, context.tenantId, context.command.idempotencyKey, part);

/** Inserts one row; columns and values side by side. */
export async function insertRow(
  sql: Sql,
  table: string,
  values: Readonly<Record<string, string | number | null>>,
): Promise<void> {
  const columns = Object.keys(values);
  await sql.execute(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    Object.values(values),
  );
}

/** Rows of one statement: few enough to stay far below the server's limit of parameters. */
const ROWS_AT_ONCE = 100;

/** Inserts many rows of the same columns, a hundred with each statement. */
export async function insertRows(
  sql: Sql,
  table: string,
  rows: readonly Readonly<Record<string, string | number | null>>[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const some = rows.slice(from, from + ROWS_AT_ONCE);
    const columns = Object.keys(some[0] ?? {});
    const places = `(${columns.map(() => '?').join(', ')})`;
    await sql.execute(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${some.map(() => places).join(', ')}`,
      some.flatMap((row) => columns.map((column) => row[column] ?? null)),
    );
  }
}

/** Records an event from which a disposition run follows. */
export async function recordEvent(
  context: Pick<EffectContext<CommandKind>, 'sql' | 'tenantId' | 'now'>,
  event: {
    readonly kind: string;
    readonly ref: string;
    readonly at: string;
    readonly recordClass: string;
  },
): Promise<string> {
  const eventId = derivedId('ev', context.tenantId, event.kind, event.ref, context.now);
  await insertRow(context.sql, 'events', {
    tenant_id: context.tenantId,
    event_id: eventId,
    record_class: event.recordClass,
    event_kind: event.kind,
    event_ref: event.ref,
    event_at: toSqlTime(event.at),
    recorded_at: toSqlTime(context.now),
  });
  return eventId;
}

/** Opens a period of use. */
export async function startPeriod(
  context: Pick<EffectContext<CommandKind>, 'sql' | 'tenantId' | 'now' | 'command'>,
  subject: string,
): Promise<string> {
  const subscriptionId = derivedId('sb', context.tenantId, context.command.idempotencyKey, subject);
  await insertRow(context.sql, 'subscriptions', {
    tenant_id: context.tenantId,
    subscription_id: subscriptionId,
    subject,
    started_at: toSqlTime(context.now),
    recorded_at: toSqlTime(context.now),
  });
  return subscriptionId;
}
