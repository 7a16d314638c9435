import { createHash, randomBytes } from 'node:crypto';
import { readConfiguration } from '../../src/activities/configuration/read-configuration';
import type { ConfigurationKind, StagedBody } from '../../src/contracts/commands';
import {
  CHANGED,
  createConfigurationHarness,
  type Change,
  type ConfigurationHarness,
} from '../support/configuration';

const MARKER = 'planted-marker-7f3a';

let harness: ConfigurationHarness;

beforeAll(async () => {
  harness = await createConfigurationHarness();
});
afterAll(() => harness.remove());

const BODY = { setting: 'automatic-renewal', enabled: true } as const;
const PROCESS = { target: 'process', interceptEnabled: true, interceptedProcesses: ['/bin/nc'] };

const WHITELIST = {
  feature: 'file-check',
  conditions: [{ field: 'file-path', operator: 'prefix', value: '/opt' }],
  effectiveImages: { range: 'all' },
};

describe('writing a configuration change', () => {
  it.each([
    ['a row', 'console-setting', BODY],
    ['a document', 'detection-setting', PROCESS],
  ] as const)(
    'again writes nothing and answers with the same version: %s',
    async (_, kind, body) => {
      const change = await harness.changeOf(kind, body);
      const first = await harness.writer.write(change);
      const before = await harness.everythingStored();
      // A repeated activity has a later instant of acceptance; the first one stays.
      const again = { ...change, changedAt: '2027-03-31T16:00:05Z' };
      expect(await harness.writer.write(again)).toEqual(first);
      expect(await harness.everythingStored()).toBe(before);
      await harness.eraseStaging(change);
      expect(await harness.writer.write(again)).toEqual(first);
      expect(await harness.countRows(change.tenantId)).toBe(2);
      const [read] = await readConfiguration(harness.ports, { tenantId: change.tenantId });
      expect(read).toMatchObject({ changedAt: CHANGED, body });
    },
  );

  it('by two workers at the same time writes it once', async () => {
    for (const [kind, body] of [
      ['console-setting', BODY],
      ['detection-setting', PROCESS],
    ] as const) {
      const change = await harness.changeOf(kind, body);
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          harness.writer.write({ ...change, changedAt: `2027-03-31T16:00:0${index}Z` }),
        ),
      );
      expect(new Set(answers.map(({ versionId }) => versionId)).size).toBe(1);
      expect(await harness.countRows(change.tenantId)).toBe(2);
      expect(await readConfiguration(harness.ports, { tenantId: change.tenantId })).toMatchObject([
        { body },
      ]);
    }
  });

  it('goes on where an earlier attempt broke off between payload and index', async () => {
    for (const [kind, body] of [
      ['console-setting', BODY],
      ['detection-setting', PROCESS],
    ] as const) {
      const change = await harness.changeOf(kind, body);
      const { versionId } = await harness.writer.write(change);
      await harness
        .pool('root', 'configuration')
        .execute('DELETE FROM configuration_changes WHERE tenant_id = ?', [change.tenantId]);
      expect(await readConfiguration(harness.ports, { tenantId: change.tenantId })).toEqual([]);
      await harness.writer.write({ ...change, changedAt: '2027-03-31T16:00:05Z' });
      expect(await readConfiguration(harness.ports, { tenantId: change.tenantId })).toMatchObject([
        { versionId, changedAt: CHANGED, body },
      ]);
    }
  });

  it('under a key that was used for another body, kind or setting is refused', async () => {
    for (const [kind, body, other] of [
      ['console-setting', BODY, { ...BODY, enabled: false }],
      ['detection-setting', PROCESS, { ...PROCESS, interceptEnabled: false }],
    ] as const) {
      const change = await harness.changeOf(kind, body);
      await harness.writer.write(change);
      const { tenantId, idempotencyKey, settingId } = change;
      const conflicting = [
        await harness.changeOf(kind, other, { tenantId, idempotencyKey, settingId }),
        { ...change, settingId: 'another' },
        await harness.changeOf('whitelist', WHITELIST, {
          tenantId,
          idempotencyKey,
          settingId,
        }),
      ];
      for (const wrong of conflicting) {
        await expect(harness.writer.write(wrong)).rejects.toMatchObject({
          code: 'IDEMPOTENCY_CONFLICT',
        });
      }
      await harness.eraseStaging(conflicting[0] as Change);
      await expect(harness.writer.write(conflicting[0] as Change)).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
      });
      expect(await harness.countRows(tenantId)).toBe(2);
    }
  });

  const staged = (digest: string, stagingId: string): StagedBody => ({ digest, stagingId });
  const BAD: readonly (readonly [string, (change: Change) => Partial<Change>, string, string])[] = [
    [
      'no staged body',
      ({ body }) => ({ body: staged(body.digest, `st_${'0'.repeat(16)}`) }),
      'INVALID_INPUT',
      'body.stagingId',
    ],
    [
      'the staged body of another tenant',
      () => ({ tenantId: harness.newTenant() }),
      'INVALID_INPUT',
      'body.stagingId',
    ],
    [
      'another digest',
      ({ body }) => ({ body: staged('0'.repeat(64), body.stagingId) }),
      'INVALID_INPUT',
      'body.digest',
    ],
    [
      'a body of another kind',
      () => ({ configurationKind: 'whitelist' }),
      'INVALID_INPUT',
      'body.feature',
    ],
    [
      'an unknown kind',
      () => ({ configurationKind: 'billing' as ConfigurationKind }),
      'UNKNOWN_KIND',
      'configurationKind',
    ],
    ['no tenant', () => ({ tenantId: '' }), 'INVALID_TENANT_ID', 'tenantId'],
    ['no generation', () => ({ generation: 0 }), 'INVALID_INPUT', 'generation'],
    [
      'a generation that is no number',
      () => ({ generation: Number.NaN }),
      'INVALID_INPUT',
      'generation',
    ],
    ['no setting', () => ({ settingId: '' }), 'INVALID_INPUT', 'settingId'],
    ['no idempotency key', () => ({ idempotencyKey: '' }), 'INVALID_INPUT', 'idempotencyKey'],
    ['no instant', () => ({ changedAt: 'now' }), 'INVALID_INSTANT', 'changedAt'],
  ];
  it.each(BAD)(
    'with %s is refused, names the field and changes nothing',
    async (...[, bad, code, field]) => {
      const change = await harness.changeOf('console-setting', BODY);
      const wrong = { ...change, ...bad(change) };
      await expect(harness.writer.write(wrong)).rejects.toMatchObject({ code, field });
      expect(await harness.countRows(change.tenantId)).toBe(0);
      expect(await harness.countKeys(change.tenantId)).toBe(0);
    },
  );

  const BODIES: readonly (readonly [string, string | Buffer, string])[] = [
    ['no JSON', `{"setting":"${MARKER}`, 'body'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body'],
    [
      'an unknown field',
      `{"card":"${MARKER}","enabled":true,"setting":"automatic-renewal"}`,
      // The name is its author's own text: a refusal that enters a history does not repeat it.
      'body',
    ],
    ['a wrong type', `{"enabled":"${MARKER}","setting":"automatic-renewal"}`, 'body.enabled'],
    ['a missing field', '{"setting":"automatic-renewal"}', 'body.enabled'],
    ['a field twice', '{"enabled":true,"enabled":false,"setting":"automatic-renewal"}', 'body'],
    ['nothing', 'null', 'body'],
    ['too much', JSON.stringify('x'.repeat(8 * 1024 * 1024)), 'body.stagingId'],
  ];
  it.each(BODIES)(
    'whose staged body has %s is refused and changes nothing',
    async (...[, text, field]) => {
      const bytes = Buffer.from(text);
      const digest = createHash('sha256').update(bytes).digest('hex');
      const stagingId = `st_${randomBytes(16).toString('hex')}`;
      const change = {
        ...(await harness.changeOf('console-setting', BODY)),
        body: { stagingId, digest },
      };
      await harness
        .pool('root', 'control')
        .execute("INSERT INTO staging VALUES (?, ?, ?, ?, lethe_now(), 'configuration')", [
          stagingId,
          change.tenantId,
          digest,
          bytes,
        ]);
      let failure: unknown;
      await harness.writer.write(change).catch((error: unknown) => {
        failure = error;
      });
      expect(failure).toMatchObject({ code: 'INVALID_INPUT', field });
      expect((failure as Error).message).not.toContain(MARKER);
      expect(await harness.countRows(change.tenantId)).toBe(0);
      expect(await harness.countKeys(change.tenantId)).toBe(0);
      await harness.eraseStaging(change);
    },
  );
});
