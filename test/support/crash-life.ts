import { composeControl } from '../../src/composition/control';
import { composeDisposition } from '../../src/composition/disposition';
import { shareParts } from '../../src/composition/stores-of-roles';
import type { RunReference } from '../../src/contracts/activities';
import type { LifecycleSnapshot } from '../../src/contracts/snapshot';
import { loadConfig } from '../../src/platform/config';
import { openStores, type Stores } from '../../src/platform/connections';
import type { EngineHarness } from './engine';
import type { Expected } from './verdict';

/** One worker: the activities over connections of its own. */
export interface CrashWorker {
  readonly activities: EngineHarness['activities'];
  close(): Promise<void>;
}

/** Starts a worker on the environment of a harness, as another process would. */
export async function startWorker(
  engine: EngineHarness,
  through: (stores: Stores) => Stores = (stores) => stores,
  wires: Readonly<Record<string, string>> = {},
): Promise<CrashWorker> {
  const config = loadConfig({
    ...process.env,
    LETHE_ENVIRONMENT: engine.environment.name,
    LETHE_KEYS_MYSQL_URL: '',
    LETHE_EVIDENCE_MYSQL_URL: '',
    ...wires,
  });
  const stores = through(openStores(config, engine.credentials));
  const options = { ...engine.options, stores };
  const parts = shareParts(options);
  const activities = {
    ...(await composeControl(options, parts)),
    ...(await composeDisposition(options, parts)),
  };
  return { activities, close: () => stores.close() };
}

/** More than any life needs; who waits longer waits for ever. */
const ROUNDS_MAX = 30;

const STEPS = ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved'] as const;
type Step = (typeof STEPS)[number] | 'restoreRun';

/** What the workflow engine remembers of a tenant's runs when a worker dies: the steps that reported. */
export interface RememberedRun {
  readonly run: RunReference;
  readonly steps: readonly Step[];
  reported: number;
}

/** Where persons do something in the middle of a life; `wait`: nothing is due yet. */
export type Point = Step | 'wait' | 'destroyDue' | 'verifyAndCertify';

/** A life with what persons do in it, whatever becomes of the workers. */
export interface Life extends Expected {
  readonly history: RememberedRun[];
  /** True when something was done that the tenant's process has to hear of. */
  readonly meanwhile: (point: Point) => Promise<boolean>;
  /** While a hold is in force: the instant at which the windows would be open without it. */
  readonly held: () => string | null;
  /** Two people release the hold. */
  readonly release: () => Promise<void>;
  /** Looks at everything while the workers are allowed to try. */
  readonly look: () => Promise<void>;
}

/** The steps of every run that nobody has reported yet. */
async function reportSteps(activities: CrashWorker['activities'], life: Life): Promise<void> {
  for (const remembered of life.history) {
    for (const step of remembered.steps.slice(remembered.reported)) {
      await life.meanwhile(step);
      await activities[step](remembered.run);
      remembered.reported += 1;
    }
  }
}

/**
 * What the tenant's process does next, in its order, to the end of its life. The next worker begins with
 * the step that the dead one did not report.
 */
export async function playOn(
  engine: EngineHarness,
  { activities }: CrashWorker,
  life: Life,
): Promise<LifecycleSnapshot> {
  const { tenantId, history } = life;
  const tryToEnd = async (dueAt: string): Promise<void> => {
    if (dueAt > (await engine.now())) await engine.setClock(dueAt);
    await life.meanwhile('destroyDue');
    const order = { tenantId, workflowNow: await engine.now() };
    await activities.destroyDue(order);
    await life.meanwhile('verifyAndCertify');
    await activities.verifyAndCertify(order);
  };
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    await reportSteps(activities, life);
    const snapshot = await activities.refresh({ tenantId, workflowNow: '' });
    const item = snapshot.work.find(({ kind }) => kind === 'dispose');
    if (item?.kind === 'dispose') {
      const { eventId, mode } = item;
      const { runIds } = await activities.planRuns({ tenantId, eventId, mode });
      const steps = mode === 'restore' ? (['restoreRun'] as const) : STEPS;
      for (const runId of runIds) {
        history.push({ run: { tenantId, runId, eventId }, steps, reported: 0 });
      }
      continue;
    }
    if (await life.meanwhile('wait')) continue;
    const heldAt = life.held();
    if (snapshot.nextDueAt === null && heldAt !== null) {
      await tryToEnd(heldAt);
      await life.look();
      await life.release();
      continue;
    }
    if (snapshot.nextDueAt === null) return snapshot;
    await tryToEnd(snapshot.nextDueAt);
  }
  throw new Error('the life does not end');
}
