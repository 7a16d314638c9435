import type { Sql, SqlPool } from '../../contracts/sql';
import { backupsHolding, type NamedBackup } from '../../domain/backups';
import type { Certificate } from '../../domain/certificate';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type {
  InterimFacts,
  RemainingCohort,
  RemainingState,
  RemainingVerdict,
} from '../../domain/interim-statement';
import { RECORD_CLASSES } from '../../domain/record-class';
import { readBackups } from '../control/backups';
import { readCohorts, type CohortRow } from '../control/cohort-rows';
import { readSnapshot } from '../control/read-snapshot';
import { required, textRow, textRows } from '../control/sql-text';
import { readTenantFacts } from '../control/tenant-facts';
import { createEvidenceLedger } from './ledger';

/** What the subject of a verdict on a destroyed cohort begins with. */
const DESTROYED = 'destroyed:';

const OVER: ReadonlySet<string> = new Set(['certified', 'restored', 'superseded']);

/**
 * What control and evidence know to remain of a tenant, with logins that can only read and see no content.
 * Live rows are not counted. Reading, so safe to repeat.
 *
 * @throws LetheError UNKNOWN_TENANT.
 */
export async function readRemains(
  { control, evidence }: { readonly control: SqlPool; readonly evidence: SqlPool },
  tenant: string,
): Promise<InterimFacts> {
  const tenantId = parseId('TenantId', tenant, 'tenant');
  const facts = await readTenantFacts(control, tenantId);
  if (facts === null) {
    throw new LetheError('UNKNOWN_TENANT', 'tenant never subscribed', { field: 'tenant' });
  }
  const snapshot = await readSnapshot(control, tenantId);
  const cohorts = await readCohorts(control, tenantId);
  const certificates = await readBodies(evidence, tenantId);
  const open = facts.periods.filter(({ endedAt }) => endedAt === null);
  return {
    tenantId,
    asOf: facts.now,
    clock: await createEvidenceLedger({ pool: evidence }).clock(),
    stage: snapshot.stage,
    inUse: [...new Set(open.map(({ subject }) => subject))],
    unsealed: await readUnsealed(control, tenantId),
    cohorts: await readRemaining({ control, evidence }, cohorts),
    certificates: certificates.length,
    holds: facts.holds
      .filter(({ releasedAt }) => releasedAt === null)
      .map(({ holdId, recordClass, placedAt, reviewOn }) => ({
        ...{ holdId, recordClass, placedAt, reviewOn },
      })),
    stop: snapshot.blockedOn === 'hold' ? null : snapshot.blockedOn,
    remainders: certificates.flatMap(({ remnants, keyRemnantUntil }) => [
      ...remnants.map(({ location, until }) => ({ location, until })),
      { location: 'mysql:keys', until: keyRemnantUntil },
    ]),
    backups: await readHolding(control, facts.now),
  };
}

async function readBodies(evidence: Sql, tenantId: string): Promise<readonly Certificate[]> {
  const rows = await textRows(evidence, 'SELECT body FROM certificates WHERE tenant_id = ?', [
    tenantId,
  ]);
  return rows.map((row) => JSON.parse(required(row, 'body')) as Certificate);
}

/** Ends and requests that still wait for a run, and runs that were planned and have sealed nothing. */
async function readUnsealed(control: Sql, tenantId: string): Promise<InterimFacts['unsealed']> {
  const rows = await textRows(
    control,
    `SELECT DISTINCT e.record_class FROM events e
       LEFT JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.event_kind <> 'restore' AND c.event_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM runs r JOIN manifests m ON m.run_id = r.run_id
                         WHERE r.event_id = e.event_id)`,
    [tenantId],
  );
  const named = rows.map((row) => required(row, 'record_class'));
  return RECORD_CLASSES.filter((recordClass) => named.includes(recordClass));
}

async function readRemaining(
  { control, evidence }: { readonly control: Sql; readonly evidence: Sql },
  cohorts: readonly CohortRow[],
): Promise<readonly RemainingCohort[]> {
  const remaining: RemainingCohort[] = [];
  for (const cohort of cohorts) {
    if (OVER.has(cohort.state)) continue;
    remaining.push({
      ...{ runId: cohort.runId, dueOn: cohort.dueOn, recordClass: cohort.recordClass },
      state: cohort.state as RemainingState,
      records: cohort.records,
      deleteNotBefore: cohort.deleteNotBefore,
      latestAt: cohort.latestAt,
      counts: await readCounts(control, cohort),
      verdicts: await readVerdicts(control, cohort),
      retainedUntil: await readRetention(evidence, cohort),
    });
  }
  return remaining;
}

/** Records and object versions as sealed, and the keys that the cohort has. */
async function readCounts(
  control: Sql,
  { runId, dueOn }: CohortRow,
): Promise<RemainingCohort['counts']> {
  const rows = await textRows(
    control,
    `SELECT location AS place, records AS n FROM cohort_counts WHERE run_id = ? AND due_on = ?
      UNION ALL
     SELECT CONCAT('s3:', copy), COUNT(*) FROM manifest_objects
      WHERE run_id = ? AND due_on = ? GROUP BY copy
      UNION ALL
     SELECT 'mysql:keys', COUNT(*) FROM cohort_keys WHERE run_id = ? AND due_on = ?`,
    [runId, dueOn, runId, dueOn, runId, dueOn],
  );
  return Object.fromEntries(rows.map((row) => [required(row, 'place'), Number(row['n'])]));
}

/** Until when the provider keeps what the last attempt to delete could not: what its evidence says. */
async function readRetention(evidence: Sql, { runId, dueOn }: CohortRow): Promise<string | null> {
  const of = `${runId}/${dueOn}/`;
  const row = await textRow(
    evidence,
    `SELECT subject FROM entries WHERE kind = 'objects-retained' AND subject LIKE CONCAT(?, '%')
      ORDER BY sequence DESC LIMIT 1`,
    [of],
  );
  return row === null ? null : required(row, 'subject').slice(of.length);
}

/** The newest verdict for each location. */
async function readVerdicts(
  control: Sql,
  { runId, dueOn }: CohortRow,
): Promise<readonly RemainingVerdict[]> {
  const rows = await textRows(
    control,
    `SELECT v.subject, v.outcome, v.records FROM verifications v
      WHERE v.run_id = ? AND v.due_on = ? AND v.subject LIKE '${DESTROYED}%'
        AND v.verified_at = (SELECT MAX(n.verified_at) FROM verifications n
          WHERE n.run_id = v.run_id AND n.due_on = v.due_on AND n.subject = v.subject)
      ORDER BY v.subject`,
    [runId, dueOn],
  );
  return rows.map((row) => ({
    location: required(row, 'subject').slice(DESTROYED.length),
    outcome: row['outcome'] === 'ok' ? 'ok' : 'failed',
    records: Number(required(row, 'records')),
  }));
}

/** Registered backups of either class that nobody has reported gone, each once. */
async function readHolding(control: Sql, now: string): Promise<readonly NamedBackup[]> {
  const sets = await readBackups(control);
  const named = RECORD_CLASSES.flatMap((recordClass) => backupsHolding(sets, recordClass, now));
  return [...new Map(named.map((set) => [set.setId, set])).values()];
}
