import type { Sql } from '../../contracts/sql';
import type { Authority, CertifiedPerson } from '../../domain/certified-order';
import type { CohortRow } from '../control/cohort-rows';
import { required, textRow, textRows } from '../control/sql-text';

/** Commands from which a run can follow; each names its event in its receipt. */
const COMMANDS = ['requestDeletion', 'endService', 'endFeature'] as const;

/**
 * What a cohort covered and whose command it followed, from control. A run that nobody's command began,
 * such as that of a stray, names no people. Reading, so safe to repeat.
 */
export async function readAuthority(
  sql: Sql,
  tenantId: string,
  cohort: CohortRow,
): Promise<Authority> {
  return {
    recordClass: cohort.recordClass,
    scope: {
      subjects: cohort.subjects,
      records: cohort.records,
      newestObservedAt: cohort.newestObservedAt,
    },
    people: await readPeople(sql, tenantId, cohort),
  };
}

async function readPeople(
  sql: Sql,
  tenantId: string,
  { runId, eventRef }: CohortRow,
): Promise<readonly CertifiedPerson[]> {
  const run = await textRow(sql, 'SELECT event_id FROM runs WHERE run_id = ?', [runId]);
  const eventId = required(run ?? {}, 'event_id');
  const commands = await textRows(
    sql,
    `SELECT requested_by, result FROM commands
      WHERE tenant_id = ? AND kind IN (${COMMANDS.map(() => '?').join(', ')})`,
    [tenantId, ...COMMANDS],
  );
  const command = commands.find((row) => eventOf(required(row, 'result')) === eventId);
  const end = await textRow(
    sql,
    'SELECT approved_by FROM subscription_ends WHERE tenant_id = ? AND subscription_id = ?',
    [tenantId, eventRef],
  );
  const requester = command === undefined ? null : required(command, 'requested_by');
  const approver = end?.['approved_by'] ?? null;
  return [
    ...(requester === null ? [] : [{ role: 'requester' as const, personId: requester }]),
    // Whoever names himself is no second person.
    ...(approver === null || approver === requester
      ? []
      : [{ role: 'approver' as const, personId: approver }]),
  ];
}

const eventOf = (result: string): unknown =>
  (JSON.parse(result) as { readonly eventId?: unknown } | null)?.eventId;
