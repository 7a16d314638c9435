import type { CertifiedWithholding } from '../../domain/certified-order';
import { cohortKeyRef } from '../../contracts/keys';
import type { CohortRow } from '../control/cohort-rows';
import { REVIEW_ON } from '../control/read-holds';
import { required, textRow, textRows } from '../control/sql-text';
import type { VerifierPorts } from '../verification/ports';

/**
 * What of a cohort holds withhold in runs of their own, so that its certificate does not say it is gone. What
 * has ended since then has a certificate of its own. Reading, so safe to repeat.
 *
 * @source CC-4
 */
export async function readWithheld(
  ports: Pick<VerifierPorts, 'control' | 'keysTable'>,
  { dueOn, withheld }: CohortRow,
): Promise<readonly CertifiedWithholding[]> {
  const kept: CertifiedWithholding[] = [];
  for (const { runId, holdId, splitAt, records } of withheld) {
    const ended = await textRow(
      ports.keysTable,
      'SELECT kind FROM key_tombstones WHERE key_ref = ?',
      [cohortKeyRef(runId, dueOn)],
    );
    if (ended !== null) continue;
    const hold = await textRow(
      ports.control,
      `SELECT ${REVIEW_ON} AS review_on, h.ground_kind, h.matter FROM holds h WHERE h.hold_id = ?`,
      [holdId],
    );
    const groundKind = hold?.['ground_kind'] ?? null;
    const matter = hold?.['matter'] ?? null;
    kept.push({
      ...{ ground: 'legal-hold', holdId, records, runId, withheldSince: splitAt },
      reviewOn: required(hold ?? {}, 'review_on'),
      ...(groundKind === null ? {} : { groundKind }),
      ...(matter === null ? {} : { matter }),
      locations: await countsOf(ports, { runId, dueOn }),
    });
  }
  return kept;
}

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
