import { createHash, randomBytes } from 'node:crypto';
import type { ControlActivities } from '../../src/contracts/activities';
import type { CommandBodies } from '../../src/contracts/commands';
import { createControlHarness, subscribeTo, type ControlHarness } from '../support/control';
import { createSqlEnvironment, type SqlEnvironment } from '../support/environment';

let environment: SqlEnvironment;
let activities: ControlActivities;
let harness: ControlHarness;

beforeAll(async () => {
  environment = await createSqlEnvironment();
  harness = createControlHarness(environment);
  activities = harness.activities;
});
afterAll(() => environment.remove());

const newTenant = (): string => harness.newTenant();
const send: ControlHarness['send'] = (...order) => harness.send(...order);
const stage: ControlHarness['stage'] = (...body) => harness.stage(...body);
const subscribed: ControlHarness['subscribed'] = (...services) => harness.subscribed(...services);

describe('a command', () => {
  it('is answered with its first receipt when it comes again under its key', async () => {
    const tenantId = newTenant();
    const first = await send(tenantId, 'subscribe', subscribeTo('CVM'), 'same');
    const again = await send(tenantId, 'subscribe', subscribeTo('CVM'), 'same');
    expect(again.receipt).toEqual({ ...first.receipt, repeated: true });
    expect(again.snapshot.counters.commands).toBe(1);
  });

  it('is refused when its key was used with another body, and changes nothing', async () => {
    const tenantId = newTenant();
    await send(tenantId, 'subscribe', subscribeTo('CVM'), 'same');
    await expect(send(tenantId, 'subscribe', subscribeTo('ECM'), 'same')).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      field: 'idempotencyKey',
    });
    const { activeServices } = await activities.refresh({ tenantId, workflowNow: '' });
    expect(activeServices).toEqual(['CVM']);
  });

  it('is accepted once when two arrive at the same time under one key', async () => {
    const tenantId = newTenant();
    const both = await Promise.all([
      send(tenantId, 'subscribe', subscribeTo('CVM'), 'race'),
      send(tenantId, 'subscribe', subscribeTo('CVM'), 'race'),
    ]);
    expect(both.map(({ receipt }) => receipt.repeated).sort()).toEqual([false, true]);
  });

  it("carries the database clock's instant, not the process's", async () => {
    const tenantId = newTenant();
    const { receipt } = await send(tenantId, 'subscribe', subscribeTo('CVM'));
    expect(receipt.acceptedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });
});

describe('termination', () => {
  it('is refused before subscription and changes nothing', async () => {
    const tenantId = newTenant();
    await expect(send(tenantId, 'endService', { service: 'CVM' })).rejects.toMatchObject({
      code: 'NOT_SUBSCRIBED',
    });
    expect((await activities.refresh({ tenantId, workflowNow: '' })).stage).toBe('unknown');
  });

  it('calls for disposition and leaves the other service in use [AB-2] [HS-1]', async () => {
    const tenantId = await subscribed('CVM', 'Lighthouse');
    const { snapshot } = await send(tenantId, 'endService', { service: 'CVM' });
    expect(snapshot.activeServices).toEqual(['Lighthouse']);
    expect(snapshot.work).toMatchObject([
      { kind: 'dispose', recordClass: 'asset-basic-data', mode: 'dispose' },
    ]);
  });

  it('is refused for a service that is not in use', async () => {
    const tenantId = await subscribed('CVM');
    await expect(send(tenantId, 'endService', { service: 'ECM' })).rejects.toMatchObject({
      code: 'SERVICE_NOT_ACTIVE',
      field: 'service',
    });
  });

  it('needs a second person when it is dated back, and another one than the first', async () => {
    const tenantId = await subscribed('CVM');
    await environment
      .pool('root')
      .execute(
        'UPDATE subscriptions SET started_at = started_at - INTERVAL 9 DAY WHERE tenant_id = ?',
        [tenantId],
      );
    const endedAt = new Date(Date.now() - 3_600_000).toISOString();
    for (const approvedBy of [undefined, 'console']) {
      const body = { service: 'CVM', endedAt, ...(approvedBy !== undefined && { approvedBy }) };
      await expect(
        send(tenantId, 'endService', body as CommandBodies['endService']),
      ).rejects.toMatchObject({ code: 'BACKDATING_NEEDS_APPROVAL', field: 'approvedBy' });
    }
    const { receipt } = await send(tenantId, 'endService', {
      service: 'CVM',
      endedAt,
      approvedBy: 'operator-2',
    });
    expect(receipt.result).toMatchObject({ endedAt });
  });

  it.each([
    ['in the future', 86_400_000],
    ['before the start of the use', -86_400_000],
  ])('is refused when it is dated %s, and the service stays in use', async (_, milliseconds) => {
    const tenantId = await subscribed('CVM');
    const endedAt = new Date(Date.now() + milliseconds).toISOString();
    await expect(
      send(tenantId, 'endService', { service: 'CVM', endedAt, approvedBy: 'operator-2' }),
    ).rejects.toMatchObject({ code: 'INVALID_INSTANT', field: 'endedAt' });
    const { activeServices } = await activities.refresh({ tenantId, workflowNow: '' });
    expect(activeServices).toEqual(['CVM']);
  });

  it('suspends the tenant when only the Feature ended; no clock of asset data starts', async () => {
    const tenantId = await subscribed('CVM');
    const { snapshot } = await send(tenantId, 'endFeature', {});
    expect(snapshot.stage).toBe('suspended');
    expect(snapshot.work).toMatchObject([{ recordClass: 'console-configuration-data' }]);
    await expect(
      send(tenantId, 'requestScan', {
        ...(await stage(tenantId, { registry: 'http://127.0.0.1:1', repository: 'app' })),
        source: 'registry',
      }),
    ).rejects.toMatchObject({ code: 'FEATURE_NOT_ACTIVE' });
  });

  it('is undone by subscribing again before anything was sealed [AB-2]', async () => {
    const tenantId = await subscribed('CVM');
    await send(tenantId, 'endService', { service: 'CVM' });
    const { snapshot } = await send(tenantId, 'attachService', { service: 'CVM' });
    expect(snapshot.work).toEqual([]);
    expect(snapshot.activeServices).toEqual(['CVM']);
  });
});

describe('an attestation that is withdrawn', () => {
  it('suspends the Feature, and suspends nothing once it is given again [AT-1]', async () => {
    const tenantId = await subscribed('CVM');
    const withdrawn = await send(tenantId, 'withdrawAttestation', { jurisdiction: 'SG' });
    expect(withdrawn.snapshot.stage).toBe('suspended');
    const given = await send(tenantId, 'attestMinimumAge', {
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    });
    expect(given.snapshot.stage).toBe('subscribed');
  });
});

describe('sharing of image repository basics', () => {
  const repository = { registry: 'https://r.example', repository: 'team/app' };
  const grant = {
    registry: 'r.example',
    repositories: ['team/*'],
    validUntil: '2199-01-01T00:00:00Z',
  };
  const share = async (tenantId: string, body: unknown = grant, key?: string) =>
    send(
      tenantId,
      'grantSharing',
      { ...(await stage(tenantId, body)), authorizationId: 'auth-1' },
      key,
    );
  const scan = async (tenantId: string, body: unknown = repository, key?: string) =>
    send(tenantId, 'requestScan', { ...(await stage(tenantId, body)), source: 'registry' }, key);
  const rowsOf = async (table: string, tenantId: string): Promise<number> => {
    const count = `SELECT COUNT(*) AS n FROM ${table} WHERE tenant_id = ?`;
    return Number((await environment.pool('root').query(count, [tenantId]))[0]?.['n']);
  };

  it('is needed for a scan, covers what it names, and ends with its revocation [SH-1]', async () => {
    const tenantId = await subscribed('CVM');
    await expect(scan(tenantId)).rejects.toMatchObject({ code: 'AUTHORIZATION_REQUIRED' });
    await share(tenantId);
    expect((await scan(tenantId)).snapshot.work).toHaveLength(1);
    await expect(scan(tenantId, { ...repository, repository: 'teams/app' })).rejects.toMatchObject({
      code: 'AUTHORIZATION_REQUIRED',
    });
    await expect(scan(tenantId, { ...repository, services: ['ECM'] })).rejects.toMatchObject({
      code: 'SERVICE_NOT_ACTIVE',
      field: 'services',
    });
    await send(tenantId, 'revokeSharing', { authorizationId: 'auth-1' });
    await expect(scan(tenantId)).rejects.toMatchObject({ code: 'AUTHORIZATION_REQUIRED' });
  });

  it('leaves nothing of its bodies in staging, also of those that a repetition staged', async () => {
    const tenantId = await subscribed('CVM');
    for (const isRepeated of [false, true]) {
      expect((await share(tenantId, grant, 'grant')).receipt.repeated).toBe(isRepeated);
      expect((await scan(tenantId, repository, 'scan')).receipt.repeated).toBe(isRepeated);
      expect(await rowsOf('staging', tenantId)).toBe(0);
    }
    expect(await rowsOf('authorizations', tenantId)).toBe(1);
    expect(await rowsOf('scan_orders', tenantId)).toBe(1);
  });

  it('is another command with another body: the first one stands', async () => {
    const tenantId = await subscribed('CVM');
    await share(tenantId, grant, 'grant');
    await scan(tenantId, repository, 'scan');
    const conflict = { code: 'IDEMPOTENCY_CONFLICT' };
    const others = { ...grant, repositories: ['other/*'] };
    await expect(share(tenantId, others, 'grant')).rejects.toMatchObject(conflict);
    const other = { ...repository, repository: 'team/other' };
    await expect(scan(tenantId, other, 'scan')).rejects.toMatchObject(conflict);
    expect(await rowsOf('authorizations', tenantId)).toBe(1);
  });

  it('never takes what another tenant staged, and leaves it there', async () => {
    const [tenantId, other] = [await subscribed('CVM'), await subscribed('CVM')];
    const foreign = await stage(other, grant);
    const taking = send(tenantId, 'grantSharing', { ...foreign, authorizationId: 'auth-1' });
    await expect(taking).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'body.stagingId',
    });
    expect(await rowsOf('authorizations', tenantId)).toBe(0);
    expect(await rowsOf('staging', other)).toBe(1);
  });

  it.each([
    ['another digest', grant, { digest: '0'.repeat(64) }, 'INVALID_INPUT', 'body.digest'],
    ['no repositories', { ...grant, repositories: [] }, {}, 'INVALID_INPUT', 'body.repositories'],
    ['no instant', { ...grant, validUntil: 'soon' }, {}, 'INVALID_INSTANT', 'body.validUntil'],
    [
      'the past',
      { ...grant, validUntil: '2001-01-01T00:00:00Z' },
      {},
      'INVALID_INSTANT',
      'validUntil',
    ],
    ['a field of its own', { ...grant, 'secret-name': 1 }, {}, 'INVALID_INPUT', 'body'],
  ])(
    'is refused when its body has %s, changes nothing, and says nothing of what it holds',
    async (...[, body, over, code, field]) => {
      const tenantId = await subscribed('CVM');
      const staged = await stage(tenantId, body);
      const sending = send(tenantId, 'grantSharing', {
        ...staged,
        authorizationId: 'auth-1',
        ...over,
      });
      const refusal = await sending.catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code, field });
      expect(String(refusal)).not.toMatch(/secret-name|r\.example|team|soon/);
      expect(await rowsOf('authorizations', tenantId)).toBe(0);
      expect(await rowsOf('commands', tenantId)).toBe(1);
    },
  );
});

describe('a deletion request', () => {
  const requestId = 'rq_0123456789abcdef';

  it('calls for disposition at once and can be withdrawn [CC-2]', async () => {
    const tenantId = await subscribed('CVM');
    const requested = await send(tenantId, 'requestDeletion', {
      requestId,
      recordClass: 'console-configuration-data',
    });
    expect(requested.snapshot.work).toHaveLength(1);
    const withdrawn = await send(tenantId, 'withdrawDeletion', { requestId });
    expect(withdrawn.snapshot.work).toEqual([]);
    await expect(send(tenantId, 'withdrawDeletion', { requestId })).rejects.toMatchObject({
      code: 'UNKNOWN_REQUEST',
    });
  });
});

describe('a legal hold', () => {
  const ground = JSON.stringify({ matter: 'planted ground' });
  const digest = createHash('sha256').update(ground).digest('hex');

  async function staged(
    tenantId: string,
    purpose = 'hold-ground',
  ): Promise<{ stagingId: string; digest: string }> {
    const stagingId = `st_${randomBytes(10).toString('hex')}`;
    await environment
      .pool('stager')
      .execute(`INSERT INTO staging VALUES (?, ?, ?, ?, lethe_now(), ?)`, [
        stagingId,
        tenantId,
        digest,
        ground,
        purpose,
      ]);
    return { stagingId, digest };
  }

  const facts = {
    matter: 'mt-0001',
    groundKind: 'litigation' as const,
    owner: 'legal-1',
    requestedBy: 'dpo-1',
    reviewOn: '2027-06-30',
  };

  it('is acknowledged once, shown, and released by two people only [CC-4]', async () => {
    const tenantId = await subscribed('CVM');
    const order = {
      ...facts,
      holdId: `hd_${randomBytes(10).toString('hex')}`,
      scopes: [{ tenantId }],
      ground: await staged(tenantId),
    };
    const first = await activities.placeHold(order);
    expect(await activities.placeHold(order)).toEqual(first);
    expect((await activities.refresh({ tenantId, workflowNow: '' })).holdsTotal).toBe(1);
    const { holdId } = order;
    await activities.requestHoldRelease({ holdId, requestedBy: 'dpo-1' });
    await expect(
      activities.approveHoldRelease({ holdId, approvedBy: 'dpo-1' }),
    ).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    const approved = await activities.approveHoldRelease({ holdId, approvedBy: 'dpo-2' });
    expect(approved).toMatchObject({ state: 'release-approved', approvedBy: 'dpo-2' });
    // Approved is not released: the delay is not over.
    expect((await activities.refresh({ tenantId, workflowNow: '' })).holdsTotal).toBe(1);
  });

  const stillStaged = async (stagingId: string): Promise<boolean> =>
    (
      await environment
        .pool('control')
        .query('SELECT 1 FROM staging WHERE staging_id = ?', [stagingId])
    ).length === 1;

  it.each([
    ['of another tenant', (_: string, other: string) => staged(other)],
    ['that is no ground', (tenantId: string) => staged(tenantId, 'configuration')],
  ])('takes no staged body %s, and leaves it where it is [CC-4]', async (...[, stage]) => {
    const [tenantId, other] = [await subscribed('CVM'), await subscribed('CVM')];
    const body = await stage(tenantId, other);
    const order = {
      ...facts,
      holdId: `hd_${randomBytes(10).toString('hex')}`,
      scopes: [{ tenantId }],
    };
    await expect(activities.placeHold({ ...order, ground: body })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'ground.stagingId',
    });
    expect(await stillStaged(body.stagingId)).toBe(true);
    await activities.placeHold({ ...order, ground: await staged(tenantId) });
    // Nor does a repetition erase what it names instead.
    await activities.placeHold({ ...order, ground: body });
    expect(await stillStaged(body.stagingId)).toBe(true);
  });

  it.each(['2031-02-31', '2027-13-01', '2027-6-30', '2020-01-01'])(
    'is refused with the review on %s, and then nothing is held [CC-4]',
    async (reviewOn) => {
      const tenantId = await subscribed('CVM');
      const ground = await staged(tenantId);
      await expect(
        activities.placeHold({
          holdId: `hd_${randomBytes(10).toString('hex')}`,
          ...facts,
          scopes: [{ tenantId }],
          ground,
          reviewOn,
        }),
      ).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'reviewOn' });
      expect((await activities.refresh({ tenantId, workflowNow: '' })).holdsTotal).toBe(0);
      expect(await stillStaged(ground.stagingId)).toBe(true);
    },
  );

  it('is refused without its staged ground, and then nothing is held', async () => {
    const tenantId = await subscribed('CVM');
    await expect(
      activities.placeHold({
        holdId: `hd_${randomBytes(10).toString('hex')}`,
        scopes: [{ tenantId }],
        ground: { stagingId: `st_${randomBytes(10).toString('hex')}`, digest },
        ...facts,
      }),
    ).rejects.toMatchObject({ field: 'ground.stagingId' });
    expect((await activities.refresh({ tenantId, workflowNow: '' })).holdsTotal).toBe(0);
  });
});
