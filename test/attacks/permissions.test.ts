import fc from 'fast-check';
import type { CommandBodies, CommandKind } from '../../src/contracts/commands';
import { createControlHarness, subscribeTo, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

/** Random lives of permissions; each step is followed by attempts to use what is not permitted. */
const LIVES = 8;
const STEPS_MAX = 10;

let environment: SqlEnvironment;
let control: ControlHarness;
beforeAll(async () => {
  environment = await createSqlEnvironment();
  control = createControlHarness(environment);
}, 60_000);
afterAll(() => environment.remove());

const JURISDICTIONS = ['SG', 'CN'] as const;
const ages = (...jurisdictions: readonly string[]) =>
  jurisdictions.map((jurisdiction) => ({ jurisdiction, minimumAge: 14 }));

/** What a tenant may do, told by a second hand that knows only what was accepted. */
interface Permitted {
  readonly tenantId: string;
  readonly withdrawn: Set<string>;
  featureInUse: boolean;
  /** Names of authorizations that stand. */
  readonly shared: Set<string>;
  grants: number;
}

const outcomeOf = (sent: Promise<unknown>): Promise<string> =>
  sent.then(
    () => 'accepted',
    (error: unknown) => (error as { code?: string }).code ?? 'crashed',
  );

async function newLife(): Promise<Permitted> {
  const tenantId = control.newTenant();
  const body = { ...subscribeTo('CVM'), attestations: ages(...JURISDICTIONS) };
  await control.send(tenantId, 'subscribe', body);
  return { tenantId, withdrawn: new Set(), featureInUse: true, shared: new Set(), grants: 0 };
}

const isInUse = ({ withdrawn, featureInUse }: Permitted): boolean =>
  featureInUse && withdrawn.size === 0;

async function grant(life: Permitted, authorizationId: string): Promise<string> {
  const validUntil = new Date(Date.now() + 86_400_000).toISOString();
  const wanted = { registry: 'registry.test:5000', repositories: ['team/*'], validUntil };
  const staged = await control.stage(life.tenantId, wanted);
  return outcomeOf(control.send(life.tenantId, 'grantSharing', { ...staged, authorizationId }));
}

async function scanRegistry({ tenantId }: Permitted, repository: string): Promise<string> {
  const staged = await control.stage(tenantId, {
    registry: 'https://registry.test:5000',
    repository,
  });
  const body: CommandBodies['requestScan'] = { ...staged, source: 'registry' };
  return outcomeOf(control.send(tenantId, 'requestScan', body));
}

async function scanHost({ tenantId }: Permitted): Promise<string> {
  const report = await control.stage(tenantId, { report: 1 });
  return outcomeOf(control.send(tenantId, 'requestScan', { source: 'host-report', report }));
}

const tell = <K extends CommandKind>(
  { tenantId }: Permitted,
  kind: K,
  body: CommandBodies[K],
): Promise<string> => outcomeOf(control.send(tenantId, kind, body));

/** One step of a life; its outcome must be what the second hand says. */
type Step = (life: Permitted) => Promise<void>;

const withdraw =
  (jurisdiction: string): Step =>
  async (life) => {
    const expected = life.withdrawn.has(jurisdiction) ? 'NOT_PERMITTED' : 'accepted';
    expect(await tell(life, 'withdrawAttestation', { jurisdiction })).toBe(expected);
    life.withdrawn.add(jurisdiction);
  };
const attest =
  (jurisdiction: string): Step =>
  async (life) => {
    const body = { attestations: ages(jurisdiction) };
    expect(await tell(life, 'attestMinimumAge', body)).toBe('accepted');
    life.withdrawn.delete(jurisdiction);
  };
const endFeature: Step = async (life) => {
  const expected = life.featureInUse ? 'accepted' : 'FEATURE_NOT_ACTIVE';
  expect(await tell(life, 'endFeature', {})).toBe(expected);
  life.featureInUse = false;
};
const reactivate: Step = async (life) => {
  const outcome = await tell(life, 'reactivateFeature', {});
  if (life.featureInUse) expect(outcome).toBe('FEATURE_ALREADY_ACTIVE');
  else expect(outcome).toBe(life.withdrawn.size > 0 ? 'ATTESTATION_REQUIRED' : 'accepted');
  life.featureInUse ||= outcome === 'accepted';
};
const share: Step = async (life) => {
  const name = `grant-${(life.grants += 1)}`;
  expect(await grant(life, name)).toBe(isInUse(life) ? 'accepted' : 'FEATURE_NOT_ACTIVE');
  if (isInUse(life)) life.shared.add(name);
};
/** Withdrawing a permission is never refused, whatever is suspended. */
const unshare: Step = async (life) => {
  for (const authorizationId of life.shared) {
    expect(await tell(life, 'revokeSharing', { authorizationId })).toBe('accepted');
    expect(await tell(life, 'revokeSharing', { authorizationId })).toBe('AUTHORIZATION_REQUIRED');
  }
  life.shared.clear();
};

/** Tries to use the Feature and the registry, and a registry that nobody shared. */
async function attack(life: Permitted): Promise<readonly string[]> {
  const inUse = isInUse(life) ? 'accepted' : 'FEATURE_NOT_ACTIVE';
  expect(await scanHost(life)).toBe(inUse);
  const shared = life.shared.size > 0 ? 'accepted' : 'AUTHORIZATION_REQUIRED';
  const registry = isInUse(life) ? shared : 'FEATURE_NOT_ACTIVE';
  expect(await scanRegistry(life, 'team/app')).toBe(registry);
  const beside = isInUse(life) ? 'AUTHORIZATION_REQUIRED' : 'FEATURE_NOT_ACTIVE';
  for (const repository of ['teams/app', 'team', 'other/team/app']) {
    expect(await scanRegistry(life, repository)).toBe(beside);
  }
  return [inUse, registry];
}

const eventsOf = async (tenantId: string): Promise<number> => {
  const rows = await environment
    .pool('root')
    .query('SELECT 1 FROM events WHERE tenant_id = ?', [tenantId]);
  return rows.length;
};

describe('a permission that was withdrawn', () => {
  it('lets nothing through in any order of withdrawals, attestations and grants [AT-1] [SH-1]', async () => {
    const steps = [
      ...JURISDICTIONS.flatMap((jurisdiction) => [withdraw(jurisdiction), attest(jurisdiction)]),
      ...[endFeature, reactivate, share, share, unshare],
    ];
    const seen = new Set<string>();
    const lives = fc.sample(
      fc.array(fc.constantFrom(...steps), { minLength: 4, maxLength: STEPS_MAX }),
      { numRuns: LIVES, seed: 20_261_129 },
    );
    for (const life of lives) {
      const permitted = await newLife();
      for (const step of life) {
        await step(permitted);
        for (const outcome of await attack(permitted)) seen.add(outcome);
      }
    }
    // Companion: the lives reach what is permitted as well as every reason why it is not.
    expect([...seen].sort()).toEqual(['AUTHORIZATION_REQUIRED', 'FEATURE_NOT_ACTIVE', 'accepted']);
  });

  it('starts no clock, and keeps nobody from ending or asking for deletion [AT-1] [CC-2]', async () => {
    const life = await newLife();
    await withdraw('SG')(life);
    expect(await eventsOf(life.tenantId)).toBe(0);
    const recordClass = 'console-configuration-data' as const;
    const request = { requestId: 'rq_0000000000000001', recordClass };
    expect(await tell(life, 'requestDeletion', request)).toBe('accepted');
    expect(await tell(life, 'withdrawDeletion', { requestId: request.requestId })).toBe('accepted');
    expect(await tell(life, 'endService', { service: 'CVM' })).toBe('accepted');
    expect(await tell(life, 'endFeature', {})).toBe('accepted');
    expect(await eventsOf(life.tenantId)).toBe(3);
  });

  it('does not come back by another jurisdiction, nor the Feature by reactivating it [AT-1]', async () => {
    const life = await newLife();
    await withdraw('SG')(life);
    await attest('CN')(life);
    await attack(life);
    await endFeature(life);
    await reactivate(life);
    expect(life.featureInUse).toBe(false);
    await attest('SG')(life);
    await reactivate(life);
    expect(await attack(life)).toEqual(['accepted', 'AUTHORIZATION_REQUIRED']);
  });

  it('is no permission under its old name, and another tenant has none of it [SH-1]', async () => {
    const [life, other] = [await newLife(), await newLife()];
    await share(life);
    expect(await attack(life)).toEqual(['accepted', 'accepted']);
    expect(await attack(other)).toEqual(['accepted', 'AUTHORIZATION_REQUIRED']);
    const foreign = await tell(other, 'revokeSharing', { authorizationId: 'grant-1' });
    expect(foreign).toBe('AUTHORIZATION_REQUIRED');
    expect(await attack(life)).toEqual(['accepted', 'accepted']);
    await unshare(life);
    expect(await grant(life, 'grant-1')).toBe('NOT_PERMITTED');
    expect(await attack(life)).toEqual(['accepted', 'AUTHORIZATION_REQUIRED']);
  });
});
