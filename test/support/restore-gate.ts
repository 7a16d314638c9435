import type { ReplayControlPorts } from '../../src/activities/restore-gate/replay-control';
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
