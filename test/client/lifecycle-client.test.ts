import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { collectFiles, removeFolders } from '../collector/machine';
import type { CommandReceipt, RepositoryScan } from '../../src/contracts/commands';
import { grpc, missing, never, StubEngine } from '../support/stub-engine';

const TENANT = 'tn_client0000000001';
const HOLD = 'hd_client00000000001';
const header = { tenantId: TENANT, idempotencyKey: 'k-1', requestedBy: 'console' };
const keysOf = ({ idempotencyKey, requestedBy }: typeof header) => ({
  idempotencyKey,
  requestedBy,
});
const receipt = { kind: 'endService', idempotencyKey: 'k-1' } as CommandReceipt;

const refusing =
  (type: string, field: string | null = null) =>
  () =>
    Promise.reject(
      new WorkflowUpdateFailedError(
        'update failed',
        ApplicationFailure.create({ type, message: `${type} it is`, details: [{ field }] }),
      ),
    );
afterAll(removeFolders);

describe('a command', () => {
  it('goes to the process of its tenant and is answered with the receipt', async () => {
    const engine = new StubEngine([() => Promise.resolve(receipt)]);
    const answer = await engine.client().command('endService', header, { service: 'CVM' });
    expect(answer).toBe(receipt);
    expect(engine.sent).toMatchObject([
      {
        workflowId: `tenant-lifecycle:${TENANT}`,
        name: 'endService',
        args: [{ kind: 'endService', idempotencyKey: 'k-1', body: { service: 'CVM' } }],
      },
    ]);
  });

  it.each([
    ['a malformed tenant', { ...header, tenantId: 'tn_' }, 'INVALID_TENANT_ID'],
    ['no key', { ...header, idempotencyKey: '' }, 'INVALID_INPUT'],
    ['a name for an actor', { ...header, requestedBy: 'Jane Doe' }, 'INVALID_INPUT'],
  ])('with %s is refused before anything is sent', async (...[, bad, code]) => {
    const engine = new StubEngine([]);
    const sending = engine.client().command('endService', bad, { service: 'CVM' });
    await expect(sending).rejects.toMatchObject({ code });
    expect(engine.sent).toEqual([]);
  });

  it('is sent again under one id and one key after a transient failure', async () => {
    const engine = new StubEngine([grpc(14), grpc(8), () => Promise.resolve(receipt)]);
    await engine.client().command('endService', header, { service: 'CVM' });
    expect(engine.sent).toHaveLength(3);
    expect(new Set(engine.sent.map(({ updateId }) => updateId)).size).toBe(1);
    expect(engine.sent[0]?.updateId).toMatch(/^k-1~/);
  });

  it('is sent again when the run that accepted it ended before it was finished', async () => {
    const engine = new StubEngine([
      refusing('AcceptedUpdateCompletedWorkflow'),
      () => Promise.resolve(receipt),
    ]);
    expect(await engine.client().command('endFeature', header, {})).toBe(receipt);
  });

  it('that was refused can be sent again and is judged anew: its id is of one call only', async () => {
    const engine = new StubEngine([refusing('NOT_PERMITTED'), () => Promise.resolve(receipt)]);
    const client = engine.client();
    const send = () => client.command('endService', header, { service: 'CVM' });
    await expect(send()).rejects.toMatchObject({ code: 'NOT_PERMITTED' });
    expect(await send()).toBe(receipt);
    expect(engine.sent[0]?.updateId).not.toBe(engine.sent[1]?.updateId);
  });

  it("carries the domain's refusal with its field, and does not repeat it", async () => {
    const engine = new StubEngine([refusing('SERVICE_NOT_ACTIVE', 'service')]);
    const sending = engine.client().command('endService', header, { service: 'CVM' });
    await expect(sending).rejects.toMatchObject({ code: 'SERVICE_NOT_ACTIVE', field: 'service' });
    expect(engine.sent).toHaveLength(1);
  });

  it('says that the engine is away when it stays away', async () => {
    const engine = new StubEngine([grpc(14)]);
    const sending = engine.client().command('endService', header, { service: 'CVM' });
    await expect(sending).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(engine.sent).toHaveLength(3);
  });

  it('says that the outcome is unknown when no answer comes in time', async () => {
    const engine = new StubEngine([never]);
    const client = engine.client({ commandTimeoutMs: 50 });
    const sending = client.command('endService', header, { service: 'CVM' });
    await expect(sending).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it('for nobody is refused by what control knows', async () => {
    const engine = new StubEngine([missing]);
    const send = () => engine.client().command('endService', header, { service: 'CVM' });
    await expect(send()).rejects.toMatchObject({ code: 'NOT_SUBSCRIBED' });
    engine.control = { ended: true };
    await expect(send()).rejects.toMatchObject({ code: 'LIFECYCLE_ENDED' });
  });

  it('does not begin a life again that has ended', async () => {
    const engine = new StubEngine([]);
    engine.control = { ended: true };
    const sending = engine.client().command('subscribe', header, {
      zone: 'Asia/Shanghai',
      calendars: ['CN'],
      services: ['CVM'],
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    });
    await expect(sending).rejects.toMatchObject({ code: 'LIFECYCLE_ENDED' });
    expect(engine.sent).toEqual([]);
  });
});

describe('a body', () => {
  const schedule = { enabled: true, cycle: 'daily', startMinute: 0 };
  const change = {
    configurationKind: 'detection-setting' as const,
    settingId: 'image',
    body: { target: 'image', regularDetection: schedule },
  };

  it('of a configuration waits in staging; the command carries its place and digest only [DC-3]', async () => {
    const engine = new StubEngine([() => Promise.resolve(receipt)]);
    await engine.client().changeConfiguration(header, change);
    expect(engine.staged).toEqual([change.body]);
    expect(engine.sent[0]?.args).toMatchObject([
      { body: { settingId: 'image', stagingId: `st_${'a'.repeat(32)}` } },
    ]);
    expect(JSON.stringify(engine.sent)).not.toContain('regularDetection');
  });

  it('that is malformed is refused by its field, and nothing is staged or sent', async () => {
    const engine = new StubEngine([]);
    const body = { ...change.body, regularDetection: { ...schedule, startMinute: 1440 } };
    await expect(
      engine.client().changeConfiguration(header, { ...change, body }),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'body.regularDetection.startMinute' });
    expect(engine.staged).toEqual([]);
  });

  it('needs staging: a client without it sends nothing', async () => {
    const engine = new StubEngine([]);
    const client = engine.client({ staging: undefined as never });
    await expect(client.changeConfiguration(header, change)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });

  it('of a host report waits in staging too [DC-1]', async () => {
    const engine = new StubEngine([() => Promise.resolve(receipt)]);
    const report = collectFiles({ 'etc/hostname': 'canary\n' });
    expect(JSON.stringify(report)).toContain('canary');
    await engine.client().requestHostScan(header, report);
    expect(engine.staged).toEqual([report]);
    expect(engine.sent[0]?.args).toMatchObject([{ body: { source: 'host-report' } }]);
    expect(JSON.stringify(engine.sent)).not.toContain('canary');
  });

  const grant = {
    authorizationId: 'au-1',
    registry: 'canary.test:5000',
    repositories: ['canary/*'],
    validUntil: '2031-01-01T00:00:00Z',
  };
  const scan = { registry: 'https://canary.test:5000', repository: 'canary/app' };

  it('that names registries and repositories waits in staging too [SH-1] [DC-2]', async () => {
    const engine = new StubEngine([() => Promise.resolve(receipt)]);
    await engine.client().grantSharing(header, grant);
    await engine.client().requestRepositoryScan(header, { ...scan, services: ['CVM'] });
    const { authorizationId, ...shared } = grant;
    expect(engine.staged).toEqual([shared, { ...scan, services: ['CVM'] }]);
    const staged = { stagingId: `st_${'a'.repeat(32)}`, digest: 'b'.repeat(64) };
    expect(engine.sent.map(({ args }) => args)).toEqual([
      [{ kind: 'grantSharing', ...keysOf(header), body: { ...staged, authorizationId } }],
      [{ kind: 'requestScan', ...keysOf(header), body: { ...staged, source: 'registry' } }],
    ]);
    expect(JSON.stringify(engine.sent)).not.toContain('canary');
  });

  it.each([
    ['no registry', { registry: undefined }, 'body.registry is missing'],
    ['a registry with a scheme', { registry: 'https://canary' }, 'body.registry must be host'],
    ['no repositories', { repositories: [] }, 'body.repositories must be a list of 1 to 100'],
    ['one twice', { repositories: ['a', 'a'] }, 'body.repositories must not name the same'],
    ['a name that is none', { repositories: ['a', 'Canary'] }, 'body.repositories[1] must be a'],
    ['no instant', { validUntil: '2031-02-31T00:00:00Z' }, 'body.validUntil must be an RFC 3339'],
    ['an unknown field', { extra: 'canary' }, 'body.extra is not a known field'],
    ['an id with spaces', { authorizationId: 'a canary' }, 'body.authorizationId must be 1 to 128'],
  ])('of a grant with %s is refused by its field, unstaged', async (...[, over, message]) => {
    const engine = new StubEngine([]);
    const order = { ...grant, ...over } as typeof grant;
    const refusal: unknown = await engine
      .client()
      .grantSharing(header, order)
      .catch((error: unknown) => error);
    const field = message.split(' ')[0];
    const code = field === 'body.validUntil' ? 'INVALID_INSTANT' : 'INVALID_INPUT';
    expect(refusal).toMatchObject({ code, field });
    expect(String(refusal)).toContain(message);
    expect(String(refusal)).not.toMatch(/canary/i);
    expect({ staged: engine.staged, sent: engine.sent }).toEqual({ staged: [], sent: [] });
  });

  it.each([
    ['a registry without a scheme', { registry: 'canary' }, 'body.registry'],
    ['a star inside a name', { repository: 'canary/*/app' }, 'body.repository'],
    ['a prefix without its slash', { repository: 'canary*' }, 'body.repository'],
    ['a name that climbs', { repository: 'canary/../*' }, 'body.repository'],
    ['an endless name', { repository: 'canary'.repeat(50) }, 'body.repository'],
    ['an unknown service', { services: ['canary'] }, 'body.services[0]'],
    ['no services', { services: [] }, 'body.services'],
  ])('of a scan with %s is refused by its field, unstaged', async (...[, over, field]) => {
    const engine = new StubEngine([]);
    const order = { ...scan, ...over };
    const sending = engine.client().requestRepositoryScan(header, order as RepositoryScan);
    await expect(sending).rejects.toMatchObject({ code: 'INVALID_INPUT', field });
    await expect(sending).rejects.not.toThrow('canary');
    expect(engine.staged).toEqual([]);
  });

  it('is not staged for a command whose key or sender is malformed', async () => {
    const engine = new StubEngine([]);
    const bad = { ...header, requestedBy: 'Jane Doe' };
    for (const sending of [
      () => engine.client().grantSharing(bad, grant),
      () => engine.client().requestRepositoryScan(bad, scan),
    ]) {
      await expect(sending()).rejects.toMatchObject({ field: 'requestedBy' });
    }
    expect(engine.staged).toEqual([]);
  });

  it('of a host report that no rule covers is not even staged [SD-1]', async () => {
    const engine = new StubEngine([]);
    const report = { ...collectFiles({ 'etc/hostname': 'web-1' }), password: 'canary' };
    const sending = engine.client().requestHostScan(header, report);
    await expect(sending).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'report' });
    await expect(sending).rejects.not.toThrow('canary');
    expect(engine.staged).toEqual([]);
  });
});

describe('a hold', () => {
  const order = {
    holdId: HOLD,
    scopes: [{ tenantId: TENANT }],
    matter: 'mt-0001',
    groundKind: 'litigation' as const,
    owner: 'legal-1',
    requestedBy: 'dpo-1',
    reviewOn: '2030-01-31',
  };

  it('has a process of its own, and its ground never enters a history [CC-4]', async () => {
    const engine = new StubEngine([() => Promise.resolve({ holdId: HOLD })]);
    await engine.client().placeHoldWithGround({ ...order, ground: { why: 'canary' } });
    expect(engine.staged).toEqual([{ why: 'canary' }]);
    expect(engine.sent).toMatchObject([{ workflowId: `hold:${HOLD}` }]);
    expect(JSON.stringify(engine.sent)).not.toContain('canary');
  });

  it('that is malformed is refused before its ground is staged', async () => {
    const engine = new StubEngine([]);
    const placing = engine.client().placeHoldWithGround({ ...order, reviewOn: 'soon', ground: {} });
    await expect(placing).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'reviewOn' });
    expect(engine.staged).toEqual([]);
  });

  it.each([
    ['requestRelease', 'requestedBy', 'requestHoldRelease'],
    ['approveRelease', 'approvedBy', 'approveHoldRelease'],
    ['withdrawRelease', 'withdrawnBy', 'withdrawHoldRelease'],
  ] as const)(
    'takes %s from somebody who says who it is, which is checked before anything is sent',
    async (...[name, field, method]) => {
      const engine = new StubEngine([() => Promise.resolve({ holdId: HOLD })]);
      const client = engine.client() as unknown as Record<
        string,
        (holdId: string, order: object) => Promise<unknown>
      >;
      const decide = (by: string): Promise<unknown> =>
        (client[method] as (holdId: string, order: object) => Promise<unknown>).call(client, HOLD, {
          [field]: by,
        });
      await expect(decide('two words')).rejects.toMatchObject({ code: 'INVALID_INPUT', field });
      expect(engine.sent).toEqual([]);
      await decide('dpo-1');
      expect(engine.sent).toMatchObject([{ workflowId: `hold:${HOLD}`, name }]);
    },
  );

  it('shows its state from control when its process does not answer', async () => {
    const engine = new StubEngine([grpc(14)]);
    await expect(engine.client().holdStatus(HOLD)).rejects.toMatchObject({ code: 'UNKNOWN_HOLD' });
    engine.hold = { release: null, approved: null };
    expect(await engine.client().holdStatus(HOLD)).toMatchObject({ state: 'in-force' });
    engine.hold = { release: null, approved: { releasedAt: '2026-01-01T00:00:00Z' } };
    expect(await engine.client().holdStatus(HOLD)).toMatchObject({
      state: 'release-approved',
      releasesAt: '2026-01-01T00:00:00Z',
    });
    engine.hold = { approved: null, release: { releasedAt: '2026-01-01T00:00:00Z' } };
    expect(await engine.client().holdStatus(HOLD)).toMatchObject({
      state: 'released',
      release: { holdId: HOLD, releasedAt: '2026-01-01T00:00:00Z' },
    });
  });
});

describe('telling a process that facts changed', () => {
  it('reports whether it was told, and never fails', async () => {
    expect(await new StubEngine([() => Promise.resolve()]).client().tellFactsChanged(TENANT)).toBe(
      true,
    );
    expect(await new StubEngine([missing]).client().tellFactsChanged(TENANT)).toBe(false);
  });
});
