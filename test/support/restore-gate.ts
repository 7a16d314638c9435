import type { FinderPorts } from '../../src/activities/restore-gate/find-reappeared';
import type { ReplayControlPorts } from '../../src/activities/restore-gate/replay-control';
import type { ReplayPorts } from '../../src/activities/restore-gate/replay-store';
import type { EngineHarness } from './engine';

/** What putting lost facts back needs, with the logins that the command has. */
export const replayPorts = (engine: EngineHarness): ReplayControlPorts => ({
  control: engine.stores.sql('control', 'control'),
  keys: engine.stores.sql('control', 'keys'),
  unstamp: () => Promise.resolve(),
  pause: engine.options.pause,
  ledger: engine.parts.ledger,
  derive: engine.parts.derive,
  checkpoints: engine.parts.checkpoints,
  newToken: engine.parts.newToken,
});

/** Logins with which the gate looks. */
export async function finderPorts({ stores }: EngineHarness): Promise<FinderPorts> {
  return {
    control: stores.sql('verifier', 'control'),
    assets: stores.sql('verifier', 'assets'),
    configuration: stores.sql('verifier', 'configuration'),
    documents: { client: await stores.mongo('verifier'), prefix: stores.prefix },
  };
}

/** What removing again what came back needs, with the logins that the command has. */
export async function replayStorePorts(engine: EngineHarness): Promise<ReplayPorts> {
  const { stores, parts } = engine;
  return {
    finder: await finderPorts(engine),
    checkpoints: parts.checkpoints,
    control: stores.sql('control', 'control'),
    issuer: stores.sql('issuer', 'control'),
    purge: {
      purger: stores.sql('purger', 'control'),
      assets: stores.sql('purger', 'assets'),
      configuration: stores.sql('purger', 'configuration'),
      documents: { client: await stores.mongo('purger'), prefix: stores.prefix },
      newToken: parts.newToken,
    },
    ledger: parts.ledger,
    derive: parts.derive,
    newToken: parts.newToken,
  };
}

/** Two people lift a freeze. */
export const lift = (engine: EngineHarness, freezeId: string): Promise<void> =>
  loseRows(engine, [
    `INSERT INTO freeze_lifts VALUES ('${freezeId}', 'a', lethe_now()), ('${freezeId}', 'b', lethe_now())`,
  ]);

/** Tables with everything that control has of a run. */
export const OF_RUNS = [
  ...['runs', 'run_subjects', 'run_states', 'run_assets', 'cohorts', 'cohort_keys'],
  ...['cohort_counts', 'cohort_windows', 'cohort_states', 'cohort_spans', 'manifests'],
  ...['manifest_batches', 'manifest_objects', 'verifications', 'window_refreshes'],
];

/** Loses rows of control, as a backup does that was taken before them. */
export const loseRows = (engine: EngineHarness, statements: readonly string[]): Promise<void> =>
  engine.root('control').transaction(async (sql) => {
    await sql.execute('SET SESSION sql_safe_updates = 0');
    for (const statement of statements) await sql.execute(statement);
    await sql.execute('SET SESSION sql_safe_updates = 1');
  });
