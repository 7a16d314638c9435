import type { ControlPosition } from '../../domain/evidence';
import type { Sql } from '../../contracts/sql';
import { required, textRow, toInstant, toSqlTime } from '../control/sql-text';

/** Tables whose rows must never be fewer than they were, with the column that says since when they count. */
const FACTS = Object.freeze([
  ['commands', 'accepted_at'],
  ['holds', 'placed_at'],
  ['hold_releases', 'released_at'],
  ['hold_release_withdrawals', 'withdrawn_at'],
  ['freezes', 'placed_at'],
  ['freeze_lifts', 'lifted_at'],
  ['tombstones', 'destroyed_at'],
  ['policy_activations', 'activated_at'],
  ['deletion_orders', 'submitted_at'],
  ['deletion_approvals', 'approved_at'],
  ['deletion_order_stops', 'stopped_at'],
  ['deletion_withdrawals', 'withdrawn_at'],
  ['signer_revocations', 'revoked_at'],
  ['approval_rules', 'set_at'],
  ['decision_rules', 'set_at'],
  ['cap_settings', 'recorded_at'],
  ['breaker_trips', 'tripped_at'],
  ['throttles', 'set_at'],
] as const);

/**
 * Counts the facts that control has recorded up to an instant of its own clock; by default, now. Any login
 * that may select control can ask. Reading, so safe to repeat.
 */
export async function readControlPosition(control: Sql, asOf?: string): Promise<ControlPosition> {
  const instant = asOf ?? (await readInstant(control));
  const until = toSqlTime(instant);
  const counts = FACTS.map(
    ([table, since]) => `(SELECT COUNT(*) FROM ${table} WHERE ${since} <= ?) AS ${table}`,
  );
  const row = await textRow(
    control,
    `SELECT ${counts.join(', ')}`,
    FACTS.map(() => until),
  );
  const facts = FACTS.map(([table]) => [table, Number(required(row ?? {}, table))] as const);
  return { asOf: instant, facts: Object.fromEntries(facts) };
}

async function readInstant(control: Sql): Promise<string> {
  const row = await textRow(control, 'SELECT lethe_now() AS instant');
  return toInstant(required(row ?? {}, 'instant'));
}
