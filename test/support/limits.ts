import type { BreakerPorts } from '../../src/activities/control/breaker';
import { createEvidenceLedger } from '../../src/activities/evidence/ledger';
import type { SqlPool } from '../../src/contracts/sql';
import type { EvidenceAct } from '../../src/domain/evidence';
import { createSqlEnvironment, type SqlEnvironment } from './environment';
import { createSealedRun, type SealedRun, type SealedRunFacts } from './sealed-run';

/** An environment of its own whose clock can be moved, in which permits are asked for. */
export interface LimitsHarness {
  readonly environment: SqlEnvironment;
  readonly root: SqlPool;
  readonly ports: BreakerPorts;
  /** What went into the ledger. */
  readonly acts: readonly EvidenceAct[];
  sealed(facts?: Partial<SealedRunFacts>): Promise<SealedRun>;
  issueMove(run: SealedRun): Promise<string>;
  /** Asks for the permit to destroy the run's key. */
  issueDestroy(run: SealedRun): Promise<string>;
  moveClock(hours: number): Promise<unknown>;
  /** Sets a cap as the administrator, at once; the tests of setting go through the engine. */
  capAt(cap: string, amount: number, share?: number): Promise<unknown>;
  remove(): Promise<void>;
}

let serial = 0;
const number = (): string => String((serial += 1)).padStart(16, '0');

/** Makes an environment with the caps of a new one. */
export async function createLimitsHarness(): Promise<LimitsHarness> {
  const environment = await createSqlEnvironment({ simulation: true });
  const issuer = environment.pool('issuer');
  const root = environment.pool('root');
  const acts: EvidenceAct[] = [];
  const evidence = createEvidenceLedger({ pool: environment.pool('ledger', 'evidence') });
  const issue = async (
    run: SealedRun,
    call: string,
    params: readonly string[],
  ): Promise<string> => {
    const permit = `pm_${number()}`;
    await issuer.execute(call, [permit, run.tenantId, run.runId, ...params]);
    return permit;
  };
  return {
    environment,
    root,
    acts,
    ports: {
      control: environment.pool('control'),
      keys: environment.pool('control', 'keys'),
      ledger: {
        append: async (act) => {
          await evidence.append(act);
          acts.push(act);
        },
      },
      newToken: () => `token${number()}`,
    },
    sealed: (facts = {}) => createSealedRun(environment, { tenantId: `tn_${number()}`, ...facts }),
    issueMove: (run) =>
      issue(run, `CALL issue_move_permit(?, ?, ?, 'mysql:assets.image_risks', 1, 60)`, []),
    issueDestroy: async (run) => {
      const [row] = await root.query('SELECT lethe_now() AS now');
      return issue(run, 'CALL issue_destroy_permit(?, ?, ?, ?, ?, 0, ?, 60)', [
        ...[run.dueOn, `asset:${run.runId}:${run.dueOn}`, String(row?.['now'])],
      ]);
    },
    moveClock: (hours) =>
      root.execute(
        'UPDATE simulation_clock SET offset_microseconds = offset_microseconds + ? WHERE id = 1',
        [Math.round(hours * 3_600_000_000)],
      ),
    capAt: (cap, amount, share = 0) =>
      root.execute(
        `INSERT INTO cap_settings SELECT ?, MAX(setting_number) + 1, ?, ?, lethe_now(), lethe_now(), 't', 'test'
           FROM cap_settings WHERE cap = ?`,
        [cap, amount, share, cap],
      ),
    remove: () => environment.remove(),
  };
}
