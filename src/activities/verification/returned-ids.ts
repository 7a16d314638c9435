import type { Sql } from '../../contracts/sql';
import { insertRow } from '../control/command-context';
import { required, textRow, textRows } from '../control/sql-text';
import { isTaken } from '../taken';
import { Batcher, type BatchedId, type SealedBatch } from '../disposition/batches';
import { addBatch, readSealedIds, type SealedIds } from './sealed-ids';
import { IdSet } from './id-set';
import type { VerifierPorts } from './ports';

/** A due day whose records came back. */
interface ReturnedCohort {
  readonly runId: string;
  readonly dueOn: string;
}

type Returned = Omit<BatchedId, 'dueOn'>;

/**
 * Keeps which records of a due day came back. They count once the verdict over the due day stands, so that half
 * of them never do.
 *
 * Effect: rows of ids. Bounds: one batch of each location.
 * @idempotency an archive is read in one order: a batch that is there is the same one.
 */
export class ReturnedIds {
  private readonly batches = new Batcher();

  constructor(
    private readonly control: Sql,
    private readonly cohort: ReturnedCohort,
  ) {}

  /** Adds a record of the due day. */
  async add({ location, assetId, versionId }: Returned): Promise<void> {
    const ended = this.batches.add({ location, assetId, versionId, dueOn: this.cohort.dueOn });
    if (ended !== null) await this.keep(ended);
  }

  /** Keeps what is still open. */
  async end(): Promise<void> {
    for (const batch of this.batches.rest()) await this.keep(batch);
  }

  private async keep({ location, batchNumber, assetId, ids, idCount }: SealedBatch): Promise<void> {
    const { runId, dueOn } = this.cohort;
    try {
      await insertRow(this.control, 'returned_batches', {
        ...{ run_id: runId, due_on: dueOn, location, batch_number: batchNumber },
        ...{ asset_id: assetId, ids, id_count: idCount },
      });
    } catch (error) {
      // An earlier attempt, or another worker, read the same archive in the same order.
      if (!isTaken(error)) throw error;
    }
  }
}

/** True while records of a tenant are being brought back: some are live then, and nobody has read them back. */
export async function isBringingBack(control: Sql, tenantId: string): Promise<boolean> {
  const row = await textRow(
    control,
    `SELECT COUNT(*) AS cohorts FROM cohorts c WHERE c.tenant_id = ? AND ${isComingBack('c')}`,
    [tenantId],
  );
  return Number(row?.['cohorts'] ?? 1) > 0;
}

/** SQL condition on a cohort by its alias: it is on its way back, and nobody has read it back yet. */
export const isComingBack = (cohort: string): string => `EXISTS (
   SELECT 1 FROM cohort_states x WHERE x.run_id = ${cohort}.run_id AND x.due_on = ${cohort}.due_on
      AND x.state = 'restoring')
  AND NOT EXISTS (
   SELECT 1 FROM cohort_states y WHERE y.run_id = ${cohort}.run_id AND y.due_on = ${cohort}.due_on
      AND y.state IN ('returned', 'restored', 'irrevocable'))`;

/**
 * Records that came back of a run, and of what was withheld of it: they are live by right, although other due
 * days of the run are gone. Bounds: 16 to 32 bytes for an id.
 *
 * @source AB-2
 */
export async function readReturnedIds(
  { control }: Pick<VerifierPorts, 'control'>,
  runId: string,
): Promise<IdSet> {
  const returned = new IdSet();
  // Grows while it is read: what was withheld may be split in its turn.
  const runs = [runId];
  for (const run of runs) {
    const rows = control.stream(
      `SELECT b.location, b.asset_id, b.ids FROM returned_batches b
        WHERE b.run_id = ? AND EXISTS (
          SELECT 1 FROM verifications v JOIN manifests m
              ON m.run_id = v.run_id AND m.digest = v.manifest_digest
           WHERE v.run_id = b.run_id AND v.due_on = b.due_on
             AND v.subject = 'restored' AND v.outcome = 'ok')`,
      [run],
    );
    for await (const row of rows) {
      addBatch(row, (id) => {
        returned.add(id);
      });
    }
    const withheld = await textRows(
      control,
      `SELECT DISTINCT withheld_run_id FROM cohort_splits
        WHERE run_id = ? AND withheld_run_id IS NOT NULL`,
      [run],
    );
    for (const row of withheld) {
      const child = required(row, 'withheld_run_id');
      if (!runs.includes(child)) runs.push(child);
    }
  }
  return returned;
}

/** What a run sealed and nobody brought back: none of it is live by right once it has been moved. */
export async function readUnreturnedIds(
  ports: Pick<VerifierPorts, 'control'>,
  run: { readonly runId: string },
): Promise<SealedIds> {
  return readSealedIds(ports, run, { without: await readReturnedIds(ports, run.runId) });
}
