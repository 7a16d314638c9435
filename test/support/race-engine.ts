import { createEngineHarness, type EngineHarness } from './engine';
import { Pauses, pausing } from './paused-worker';
import { RACES_TIMEOUT_MS } from './race-referee';

/**
 * Gives a suite of races an environment of its own, whose workers can be paused, and removes it after the
 * last test.
 *
 * @param begun - takes the engine before the first test.
 */
export function useRaceEngine(begun: (engine: EngineHarness) => void): Pauses {
  const pauses = new Pauses();
  let engine: EngineHarness;
  beforeAll(async () => {
    engine = await createEngineHarness((stores) => pausing(stores, pauses));
    await engine.setClock('2030-01-07T01:00:00Z');
    begun(engine);
  });
  // Every life leaves versions behind, thousands in the long form.
  afterAll(() => engine.remove(), RACES_TIMEOUT_MS);
  return pauses;
}
