import { readTrips, resetBreaker, tripBreaker } from '../../src/activities/control/breaker';
import { placeFreeze, type FreezePorts } from '../../src/activities/control/freeze';
import { approveLift, requestLift } from '../../src/activities/control/lift-freeze';
import { unstamp } from '../../src/activities/mongo/guard';
import type { CollectionLocation } from '../../src/contracts/documents';
import { newTenantId, type EngineHarness } from './engine';

/** Takes an interlock away again, as the people who may. */
export type Lift = () => Promise<void>;

/** What a freeze needs, with the logins that the command line uses. */
export async function freezePorts(engine: EngineHarness): Promise<FreezePorts> {
  const documents = await engine.parts.documents('purger');
  return {
    control: engine.stores.sql('control', 'control'),
    keys: engine.stores.sql('control', 'keys'),
    unstamp: async ({ attemptId, location, tenantId, assetId }) => {
      const place = location as CollectionLocation;
      if (!location.startsWith('mongodb:')) return;
      await unstamp(documents, { location: place, tenantId, assetId, stamp: attemptId });
    },
    pause: engine.options.pause,
    ledger: engine.parts.ledger,
  };
}

/** Freezes a tenant or everything; lifted by two people. */
export async function freeze(engine: EngineHarness, scope: string): Promise<Lift> {
  const ports = await freezePorts(engine);
  const freezeId = `fz_${newTenantId().slice(3)}`;
  await placeFreeze(ports, { freezeId, scope, placedBy: 'ops-1' });
  return async () => {
    const reason = 'the race that needed it is over';
    await requestLift(ports, { freezeId, requestedBy: 'ops-1', reason });
    await approveLift(ports, { freezeId, approvedBy: 'ops-2' });
  };
}

/** Trips the circuit breaker for everything; a person resets it. */
export async function trip(
  engine: EngineHarness,
  run: { readonly tenantId: string; readonly runId: string },
): Promise<Lift> {
  const ports = { ...(await freezePorts(engine)), newToken: engine.parts.newToken };
  const { tenantId, runId } = run;
  await tripBreaker(ports, { scope: 'all', cause: 'verification', tenantId, runId, dueOn: '' });
  return () => resetTrips(engine);
}

/** Trips of the circuit breaker that nobody has reset. */
export async function openTrips(engine: EngineHarness): Promise<number> {
  const trips = await readTrips(engine.stores.sql('control', 'control'));
  return trips.filter(({ reset }) => reset === null).length;
}

/** Resets every trip, as a person does who has found the cause. */
export async function resetTrips(engine: EngineHarness): Promise<void> {
  const ports = await freezePorts(engine);
  for (const { tripId, reset } of await readTrips(ports.control)) {
    if (reset !== null) continue;
    await resetBreaker(ports, { tripId, resetBy: 'ops-1', reason: 'the test has seen it' });
  }
}

/** Sets every cap so high that only the races decide. */
export async function liftCaps(engine: EngineHarness): Promise<void> {
  for (const cap of ['cohorts-per-hour', 'tenants-per-30-days', 'unusual-tenants-per-day']) {
    await engine.root('control').execute(
      `INSERT INTO cap_settings SELECT ?, MAX(setting_number) + 1, 1000000, 0, lethe_now(), lethe_now(), 't', 'test'
         FROM cap_settings WHERE cap = ?`,
      [cap, cap],
    );
  }
}

/** Moves the databases' clocks on. */
export async function later(engine: EngineHarness, seconds: number): Promise<void> {
  const now = Date.parse(await engine.now());
  await engine.setClock(new Date(now + seconds * 1000).toISOString());
}
