import { exportCheckpoint } from '../../src/activities/evidence/checkpoints';
import { replayControl } from '../../src/activities/restore-gate/replay-control';
import type { Story } from './crash-stories';
import type { EngineHarness } from './engine';
import { lift, loseRows, OF_RUNS, replayPorts } from './restore-gate';
import { splitDay } from './split-story';
import { rowsOf } from './withheld';

/** The split of a tenant, once it is on record and the rest has lost its key. */
async function splitOf(
  engine: EngineHarness,
  tenantId: string,
): Promise<{ readonly runId: string; readonly withheldRunId: string } | null> {
  const [row] = await rowsOf(
    engine.root('control'),
    `SELECT s.run_id, s.withheld_run_id FROM cohort_splits s
       JOIN tombstones t ON t.run_id = s.run_id AND t.due_on = s.due_on WHERE s.tenant_id = ?`,
    [tenantId],
  );
  if (row === undefined) return null;
  return { runId: row['run_id'] ?? '', withheldRunId: row['withheld_run_id'] ?? '' };
}

/** Control comes back from a backup that is older than the split, and people replay what the evidence knows. */
async function restoreControl(
  engine: EngineHarness,
  tenantId: string,
  { runId, withheldRunId }: { readonly runId: string; readonly withheldRunId: string },
): Promise<void> {
  await exportCheckpoint(engine.parts.checkpoints, { mode: 'legal-hold' });
  await loseRows(engine, [
    `DELETE FROM cohort_splits WHERE tenant_id = '${tenantId}'`,
    `DELETE FROM split_verdicts WHERE run_id = '${runId}'`,
    ...OF_RUNS.map((table) => `DELETE FROM ${table} WHERE run_id = '${withheldRunId}'`),
    `DELETE FROM tombstones WHERE run_id = '${runId}'`,
    `DELETE FROM cohort_states WHERE run_id = '${runId}'`,
  ]);
  const { freezeId, splits } = await replayControl(replayPorts(engine), { replayedBy: 'ops-1' });
  if (splits !== 1) throw new Error(`${splits} splits were found to be lost`);
  await lift(engine, freezeId);
}

/** A split that control loses once the rest has lost its key: what is withheld is put back from its own archive. */
export const lostSplit: Story = {
  name: 'asset data whose split control has lost',
  dangers: [
    [/^archiver: INSERT INTO manifests/, 'after', 'last'],
    [/INSERT INTO cohort_splits/, 'before', 'last'],
    [/INSERT INTO cohort_splits/, 'after', 'last'],
  ],
  every: {
    from: /FROM lost_splits/,
    about: /INSERT INTO cohort_splits/,
    to: /INSERT INTO split_verdicts/,
  },
  begin: async (engine, year) => {
    const plot = await splitDay.begin(engine, year);
    const { tenantId, split } = plot;
    return {
      ...plot,
      meanwhile: async (point) => {
        if (split === undefined || split.isLost || point !== 'verifyAndCertify') return false;
        const found = await splitOf(engine, tenantId);
        if (found === null) return false;
        await restoreControl(engine, tenantId, found);
        split.isLost = true;
        return true;
      },
    };
  },
};
