import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger } from '../../contracts/stores';
import type { DutyRound } from '../../contracts/sweep';
import { DAY, formatInstant, parseInstant } from '../../domain/instants';
import { insertRow } from '../control/command-context';
import { readForecast, readWaiting } from '../control/read-forecast';
import { textRow, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';

/** How long before its window opens a due day is asked about once more. */
const NOTICE_DAYS = 7n;

/**
 * Asks once more, a week before a window opens, whether the caps would break the promise, and says so: a cap
 * that is loosened now counts in time. What was at risk when the run was sealed may be well by now, and
 * the other way round.
 *
 * Effect: one row, one notice and one entry in the ledger for each due day and cap.
 * @returns nobody to wake; when the next due day is a week away.
 * @idempotency a due day is warned of once for each cap; the entry comes first, so that a row never
 * stands without it.
 * @source AB-3, CC-2, CC-3
 */
export async function warnOfDeadlines(ports: {
  readonly control: SqlPool;
  readonly ledger: EvidenceLedger;
}): Promise<DutyRound> {
  const { control, ledger } = ports;
  const now = await databaseNow(control);
  const waiting = await readWaiting(control);
  const noticeAt = (deleteNotBefore: string): bigint =>
    parseInstant(deleteNotBefore, 'deleteNotBefore') - NOTICE_DAYS * DAY;
  const near = waiting.filter(
    ({ deleteNotBefore }) => noticeAt(deleteNotBefore) <= parseInstant(now, 'now'),
  );
  const answers = near.length === 0 ? [] : await readForecast(control);
  for (const { tenantId, runId, dueOn, latestAt } of near) {
    const cap = answers.find((one) => one.runId === runId && one.dueOn === dueOn)?.atRisk ?? null;
    if (cap === null || (await isWarnedOf(control, { runId, dueOn, cap }))) continue;
    await ledger.append({
      tenantId,
      kind: 'deadline-at-risk',
      subject: `${runId}/${dueOn}/${cap}/week`,
      details: { runId, dueOn, cap },
    });
    await insertRow(control, 'deadline_warnings', {
      run_id: runId,
      due_on: dueOn,
      cap,
      tenant_id: tenantId,
      latest_at: toSqlTime(latestAt),
      warned_at: toSqlTime(now),
    });
  }
  const next = waiting.find((cohort) => !near.includes(cohort));
  return {
    tenantsToWake: [],
    nextAt: next === undefined ? null : formatInstant(noticeAt(next.deleteNotBefore)),
    more: false,
  };
}

async function isWarnedOf(
  control: SqlPool,
  { runId, dueOn, cap }: { readonly runId: string; readonly dueOn: string; readonly cap: string },
): Promise<boolean> {
  const row = await textRow(
    control,
    'SELECT 1 AS warned FROM deadline_warnings WHERE run_id = ? AND due_on = ? AND cap = ?',
    [runId, dueOn, cap],
  );
  return row !== null;
}
