import type { LifecycleSnapshot } from '../../src/contracts/snapshot';
import { isLetheError } from '../../src/domain/errors';
import { canonicalDigest, canonicalState, type CanonicalState } from '../support/canonical-digest';
import { subscribeTo } from '../support/control';
import { createEngineHarness, newTenantId, type EngineHarness } from '../support/engine';
import { objectsOf } from '../support/tenant-life';
import { IS_LONG, LONG_SEED } from '../support/long-form';
import { hostReport, newAsset } from '../support/observations';
import { sabotaged, Saboteur, type Moment } from '../support/saboteur';

const saboteur = new Saboteur();
let engine: EngineHarness;
let year = 2030;
beforeAll(async () => {
  engine = await createEngineHarness((stores) => sabotaged(stores, saboteur));
});
afterAll(() => engine.remove());

/** How often a step is tried again, as the workflow engine would. */
const ATTEMPTS = 4;

async function persistently<T>(step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (attempt === ATTEMPTS || !isLetheError(error)) throw error;
    }
  }
}

/** A tenant that is ready to be disposed of: two scans of a host, and what it sets in motion. */
async function prepare(): Promise<string> {
  saboteur.arm(null);
  const tenantId = newTenantId();
  await engine.setClock(`${(year += 1)}-01-07T01:00:00Z`);
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  const asset = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId: asset, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, asset, { observedAt: await engine.now() }));
  await engine.setClock(`${year}-01-09T01:00:00Z`);
  await engine.observe(
    hostReport(tenantId, asset, { observedAt: await engine.now(), shell: '/bin/bash' }),
  );
  const body = { setting: 'automatic-renewal', enabled: true };
  await engine.send(tenantId, 'changeConfiguration', {
    ...(await engine.stage(tenantId, body)),
    configurationKind: 'console-setting',
    settingId: 'renewal',
  });
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  engine.hosted = [{ service: 'CVM', state: 'ended', startedAt: null, endedAt: null }];
  return tenantId;
}

const sources = () => ({
  root: (database: string) => engine.root(database),
  mongo: engine.mongo,
  prefix: engine.environment.prefix,
  objectsOf: (tenantId: string) => objectsOf(engine, tenantId),
});

/** Disposes of everything and plays the tenant's life to its end, window by window. */
async function disposeOf(tenantId: string): Promise<LifecycleSnapshot> {
  let snapshot = await persistently(() => engine.runWork(tenantId));
  while (snapshot.nextDueAt !== null) {
    if (snapshot.nextDueAt > (await engine.now())) await engine.setClock(snapshot.nextDueAt);
    ({ snapshot } = await persistently(() => engine.destroy(tenantId)));
  }
  return snapshot;
}

async function life(target: { readonly call: number; readonly moment: Moment } | null): Promise<{
  readonly state: CanonicalState;
  readonly calls: number;
  readonly struck: boolean;
}> {
  const tenantId = await prepare();
  saboteur.arm(target);
  const snapshot = await disposeOf(tenantId);
  const { hasStruck: struck } = saboteur;
  const calls = saboteur.calls.length;
  saboteur.arm(null);
  expect(snapshot).toMatchObject({ ended: true, counters: { breaches: 0 } });
  return { state: await canonicalState(sources(), tenantId), calls, struck };
}

/** Calls that are cut off for each moment. */
const CUT_OFF = IS_LONG ? 60 : 14;

describe('a call that is cut off, or whose answer is lost', () => {
  it.each(['before', 'after'] as const)(
    'leaves the same end state as an undisturbed life, wherever it happens (%s) [AB-1] [AB-3] [CC-3]',
    async (moment) => {
      const undisturbed = await life(null);
      const digest = canonicalDigest(undisturbed.state);
      expect(undisturbed.state).toMatchObject({ objects: 0, wrappings: 0 });
      const stride = Math.ceil(undisturbed.calls / CUT_OFF);
      const first = IS_LONG ? 1 + (LONG_SEED % stride) : 1;
      let struck = 0;
      for (let call = first; call <= undisturbed.calls; call += stride) {
        const disturbed = await life({ call, moment });
        expect({ call, moment, state: disturbed.state }).toEqual({
          call,
          moment,
          state: undisturbed.state,
        });
        expect(canonicalDigest(disturbed.state)).toBe(digest);
        struck += disturbed.struck ? 1 : 0;
      }
      if (IS_LONG) process.stdout.write(`lost answers: seed=${LONG_SEED} faults=${struck}\n`);
      expect(struck).toBeGreaterThan(10);
    },
    IS_LONG ? 3_600_000 : 300_000,
  );
});
