import type { RecordClass } from '../../domain/record-class';
import {
  forecast,
  type ForecastAnswer,
  type ForecastCohort,
  type ForecastInput,
  type ForecastUse,
} from '../../domain/forecast';
import type { EvidenceLedger } from '../../contracts/stores';
import type { CapRecord } from '../../contracts/control-reader';
import type { Sql } from '../../contracts/sql';
import { readCaps } from './caps';
import { required, textRow, textRows, toInstant, type TextRow } from './sql-text';
import { databaseNow } from './tenant-facts';

/** Cohorts that one forecast covers, those whose windows open first. */
const COHORTS_MAX = 1000;

/**
 * When the cohorts of all tenants that are due next can end under the caps as they are set now. Reading,
 * so safe to repeat.
 *
 * @source AB-3, CC-2, CC-3
 */
export async function readForecast(sql: Sql): Promise<readonly ForecastAnswer[]> {
  const cohorts = await readWaiting(sql);
  if (cohorts.length === 0) return [];
  const caps = new Map((await readCaps(sql)).map((record) => [record.cap, record]));
  return forecast({
    now: await databaseNow(sql),
    cohorts,
    uses: await readUses(sql),
    caps: {
      'cohorts-per-hour': settingOf(caps.get('cohorts-per-hour')),
      'store-share-per-day': settingOf(caps.get('store-share-per-day')),
      'tenants-per-30-days': settingOf(caps.get('tenants-per-30-days')),
      'unusual-tenants-per-day': settingOf(caps.get('unusual-tenants-per-day')),
      'unusual-records-per-day': settingOf(caps.get('unusual-records-per-day')),
    },
    totals: await readTotals(sql),
  });
}

/**
 * Puts into the evidence which promises of a tenant the caps would break, as soon as its due days are
 * known: there are weeks left to look and to loosen a cap.
 *
 * Effect: one ledger entry per cohort at risk.
 * @idempotency a cohort is recorded once per cap.
 */
export async function recordRisks(
  ports: { readonly control: Sql; readonly ledger: EvidenceLedger },
  tenantId: string,
): Promise<number> {
  const risks = (await readForecast(ports.control)).filter(
    (answer) => answer.tenantId === tenantId && answer.atRisk !== null,
  );
  for (const { runId, dueOn, atRisk } of risks) {
    await ports.ledger.append({
      tenantId,
      kind: 'deadline-at-risk',
      subject: `${runId}/${dueOn}/${atRisk ?? ''}`,
      details: { runId, dueOn, cap: atRisk },
    });
  }
  return risks.length;
}

/** A cap without a setting refuses every permit; here it lets nothing pass either. */
const settingOf = (record: CapRecord | undefined): ForecastInput['caps']['cohorts-per-hour'] => ({
  inForce: record?.inForce ?? { amount: 0, share: 0 },
  pending: record?.pending ?? null,
});

/** Cohorts that wait for their windows, those first that open first; at most a thousand. */
export async function readWaiting(sql: Sql): Promise<readonly ForecastCohort[]> {
  const rows = await textRows(
    sql,
    `SELECT c.tenant_id, c.run_id, c.due_on, c.records, r.record_class, w.delete_not_before, w.latest_at
       FROM cohorts c
       JOIN runs r ON r.run_id = c.run_id
       JOIN cohort_windows w ON w.run_id = c.run_id AND w.due_on = c.due_on
        AND w.window_number = (SELECT MAX(n.window_number) FROM cohort_windows n
                                WHERE n.run_id = c.run_id AND n.due_on = c.due_on)
      WHERE w.delete_not_before IS NOT NULL AND w.latest_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id AND s.due_on = c.due_on)
        AND NOT EXISTS (SELECT 1 FROM run_states t WHERE t.run_id = c.run_id
                         AND t.state IN ('superseded', 'recalled'))
      ORDER BY w.delete_not_before, w.latest_at, c.run_id, c.due_on LIMIT ${COHORTS_MAX}`,
  );
  return rows.map((row) => ({
    ...cohortOf(row),
    deleteNotBefore: toInstant(required(row, 'delete_not_before')),
    latestAt: toInstant(required(row, 'latest_at')),
  }));
}

async function readUses(sql: Sql): Promise<readonly ForecastUse[]> {
  const rows = await textRows(
    sql,
    `SELECT tenant_id, run_id, due_on, record_class, MAX(records) AS records, MAX(granted_at) AS granted_at
       FROM cap_uses WHERE granted_at > lethe_now() - INTERVAL 30 DAY
      GROUP BY tenant_id, run_id, due_on, record_class`,
  );
  return rows.map((row) => ({
    ...cohortOf(row),
    grantedAt: toInstant(required(row, 'granted_at')),
  }));
}

const cohortOf = (row: TextRow): Omit<ForecastUse, 'grantedAt'> => ({
  tenantId: required(row, 'tenant_id'),
  runId: required(row, 'run_id'),
  dueOn: required(row, 'due_on'),
  recordClass: required(row, 'record_class') as RecordClass,
  records: Number(required(row, 'records')),
});

/** What the caps take their share of, counted as they count it. */
async function readTotals(sql: Sql): Promise<ForecastInput['totals']> {
  const row = await textRow(
    sql,
    `SELECT (SELECT COUNT(*) FROM tenants t
              WHERE EXISTS (SELECT 1 FROM subscriptions s LEFT JOIN subscription_ends e
                  ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
                  WHERE s.tenant_id = t.tenant_id AND e.subscription_id IS NULL)
                OR EXISTS (SELECT 1 FROM cohorts c WHERE c.tenant_id = t.tenant_id
                  AND NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id
                    AND s.due_on = c.due_on AND s.state IN ('destroyed', 'restored', 'superseded')))) AS tenants,
            (SELECT COALESCE(MAX(d.n), 0) FROM (SELECT COUNT(DISTINCT tenant_id) AS n FROM cap_uses
              WHERE granted_at > lethe_now() - INTERVAL 29 DAY GROUP BY TO_DAYS(granted_at)) d) AS busiest_tenants,
            (SELECT COALESCE(MAX(e.n), 0) FROM (SELECT SUM(d.n) AS n FROM (
               SELECT TO_DAYS(granted_at) AS day, MAX(records) AS n FROM cap_uses
                WHERE granted_at > lethe_now() - INTERVAL 29 DAY
                GROUP BY TO_DAYS(granted_at), run_id, due_on) d GROUP BY d.day) e) AS busiest_records`,
  );
  const records = await textRows(
    sql,
    `SELECT r.record_class, SUM(c.records) AS records FROM cohorts c JOIN runs r ON r.run_id = c.run_id
      WHERE NOT EXISTS (SELECT 1 FROM cohort_states s WHERE s.run_id = c.run_id AND s.due_on = c.due_on
        AND s.state IN ('destroyed', 'restored', 'superseded')) GROUP BY r.record_class`,
  );
  const ofClass = (recordClass: RecordClass): number =>
    Number(records.find((one) => one['record_class'] === recordClass)?.['records'] ?? 0);
  return {
    tenants: Number(required(row ?? {}, 'tenants')),
    records: {
      'asset-basic-data': ofClass('asset-basic-data'),
      'console-configuration-data': ofClass('console-configuration-data'),
    },
    busiestTenants: Number(required(row ?? {}, 'busiest_tenants')),
    busiestRecords: Number(required(row ?? {}, 'busiest_records')),
  };
}
