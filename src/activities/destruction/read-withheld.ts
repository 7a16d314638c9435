import type { CertifiedWithholding } from '../../domain/certified-order';
import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import type { CohortRow } from '../control/cohort-rows';
import { keyOfLost, readLostSplits } from '../control/lost-splits';
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
  { runId: parentId, dueOn, withheld }: CohortRow,
  tenantId: string,
): Promise<readonly CertifiedWithholding[]> {
  await assertNoneLost(ports, { tenantId, runId: parentId, dueOn });
  const kept: CertifiedWithholding[] = [];
  for (const { runId, holdId, splitAt, records } of withheld) {
    if (await hasEnded(ports, cohortKeyRef(runId, dueOn))) continue;
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

async function hasEnded(
  { keysTable }: Pick<VerifierPorts, 'keysTable'>,
  keyRef: string,
): Promise<boolean> {
  const row = await textRow(keysTable, 'SELECT kind FROM key_tombstones WHERE key_ref = ?', [
    keyRef,
  ]);
  return row !== null;
}

/** A certificate that is silent about what is still held would be wrong. */
async function assertNoneLost(
  ports: Pick<VerifierPorts, 'control' | 'keysTable'>,
  at: { readonly tenantId: string; readonly runId: string; readonly dueOn: string },
): Promise<void> {
  for (const lost of await readLostSplits(ports.control, at.tenantId)) {
    if (lost.runId !== at.runId || lost.dueOn !== at.dueOn) continue;
    if (await hasEnded(ports, keyOfLost(lost))) continue;
    throw new LetheError(
      'VERIFICATION_FAILED',
      'what was withheld of it is not back since control was restored; it is not certified before',
    );
  }
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
