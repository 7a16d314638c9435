import type { CertifiedWithholding } from '../../domain/certified-order';
import { cohortKeyRef } from '../../contracts/keys';
import type { Withheld } from '../../contracts/snapshot';
import type { Sql } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { hasKeyEnded, keyOfLost, readLostSplits } from '../control/lost-splits';
import { REVIEW_ON } from '../control/read-holds';
import { required, textRow, textRows, toInstant } from '../control/sql-text';
import type { VerifierPorts } from '../verification/ports';

/**
 * What of a cohort holds withhold in runs of their own, so that its certificate does not say it is gone. What
 * has ended since then has a certificate of its own; what of that was withheld in its turn is still held, and named.
 * Reading, so safe to repeat.
 *
 * @throws LetheError VERIFICATION_FAILED while something of it that control has lost is not back.
 * @source CC-4
 */
export async function readWithheld(
  ports: Pick<VerifierPorts, 'control' | 'keysTable'>,
  { runId: parentId, dueOn }: Pick<CohortRow, 'runId' | 'dueOn'>,
  tenantId: string,
): Promise<readonly CertifiedWithholding[]> {
  const kept: CertifiedWithholding[] = [];
  const lost = await readLostSplits(ports.control, tenantId);
  const parents = [parentId];
  // Grows while it is read: every withheld run that has ended is a parent as well.
  for (const runId of parents) {
    for (const one of lost) {
      if (one.runId !== runId || one.dueOn !== dueOn) continue;
      if (!(await hasKeyEnded(ports.keysTable, keyOfLost(one)))) throw notBack();
      if (!parents.includes(one.withheldRunId)) parents.push(one.withheldRunId);
    }
    for (const split of await readSplitsOf(ports.control, { runId, dueOn })) {
      if (!(await hasKeyEnded(ports.keysTable, cohortKeyRef(split.runId, dueOn)))) {
        kept.push(await describe(ports, split, dueOn));
      } else if (!parents.includes(split.runId)) parents.push(split.runId);
    }
  }
  return kept;
}

/** Splits of a due day that withheld something, as the verifier counted; before that as it was sealed. */
async function readSplitsOf(
  control: Sql,
  { runId, dueOn }: { readonly runId: string; readonly dueOn: string },
): Promise<readonly Withheld[]> {
  const rows = await textRows(
    control,
    `SELECT s.withheld_run_id, s.hold_id, s.split_at, COALESCE(
              (SELECT MAX(v.withheld) FROM split_verdicts v WHERE v.run_id = s.run_id
                AND v.due_on = s.due_on AND v.hold_id = s.hold_id),
              (SELECT c.records FROM cohorts c
                WHERE c.run_id = s.withheld_run_id AND c.due_on = s.due_on)) AS records
       FROM cohort_splits s
      WHERE s.run_id = ? AND s.due_on = ? AND s.withheld_run_id IS NOT NULL
      ORDER BY s.split_at, s.hold_id`,
    [runId, dueOn],
  );
  return rows.map((row) => ({
    runId: required(row, 'withheld_run_id'),
    holdId: required(row, 'hold_id'),
    splitAt: toInstant(required(row, 'split_at')),
    records: Number(required(row, 'records')),
  }));
}

async function describe(
  { control }: Pick<VerifierPorts, 'control'>,
  { runId, holdId, splitAt, records }: Withheld,
  dueOn: string,
): Promise<CertifiedWithholding> {
  const hold = await textRow(
    control,
    `SELECT ${REVIEW_ON} AS review_on, h.ground_kind, h.matter FROM holds h WHERE h.hold_id = ?`,
    [holdId],
  );
  const groundKind = hold?.['ground_kind'] ?? null;
  const matter = hold?.['matter'] ?? null;
  return {
    ...{ ground: 'legal-hold', holdId, records, runId, withheldSince: splitAt },
    reviewOn: required(hold ?? {}, 'review_on'),
    ...(groundKind === null ? {} : { groundKind }),
    ...(matter === null ? {} : { matter }),
    locations: await countsOf({ control }, { runId, dueOn }),
  };
}

/** A certificate that is silent about what is still held would be wrong. */
const notBack = (): LetheError =>
  new LetheError(
    'VERIFICATION_FAILED',
    'what was withheld of it is not back since control was restored; it is not certified before',
  );

async function countsOf(
  { control }: Pick<VerifierPorts, 'control'>,
  { runId, dueOn }: { readonly runId: string; readonly dueOn: string },
): Promise<readonly { readonly location: string; readonly records: number }[]> {
  const rows = await textRows(
    control,
    'SELECT location, records FROM cohort_counts WHERE run_id = ? AND due_on = ? ORDER BY location',
    [runId, dueOn],
  );
  return rows.map((row) => ({
    location: required(row, 'location'),
    records: Number(required(row, 'records')),
  }));
}
