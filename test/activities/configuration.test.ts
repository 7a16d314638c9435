import { createHash, randomBytes } from 'node:crypto';
import {
  openPayload,
  payloadDigest,
  sealPayload,
  type PayloadPlace,
} from '../../src/activities/configuration/payload';
import { readConfiguration } from '../../src/activities/configuration/read-configuration';
import { configurationKeyRef } from '../../src/contracts/keys';
import type { ConfigurationKind } from '../../src/contracts/commands';
import type { SqlPool } from '../../src/contracts/sql';
import {
  CHANGED,
  createConfigurationHarness,
  type Change,
  type ConfigurationHarness,
} from '../support/configuration';

const MARKER = 'planted-marker-7f3a';

let harness: ConfigurationHarness;
let root: SqlPool;

beforeAll(async () => {
  harness = await createConfigurationHarness();
  root = harness.pool('root', 'configuration');
});
afterAll(() => harness.remove());

const regularDetection = { enabled: true, cycle: 'daily', startMinute: 60 };
const DETECTIONS: readonly (readonly [string, object])[] = [
  ['image', { target: 'image', regularDetection, ignored: [MARKER], interceptEnabled: true }],
  ['cluster', { target: 'cluster', regularDetection, ignored: [MARKER] }],
  ['baseline', { target: 'baseline', regularDetection, ignoredBaselines: [MARKER] }],
  ['log', { target: 'log', regularDetection, ignored: [MARKER] }],
  [
    'vulnerability',
    { target: 'vulnerability', regularDetection, ignoredVulnerabilities: [`CVE-${MARKER}`] },
  ],
  [
    'file',
    {
      target: 'file',
      regularDetection,
      trustedFiles: [createHash('sha256').update(MARKER).digest('hex')],
    },
  ],
  ['process', { target: 'process', interceptEnabled: true, interceptedProcesses: [MARKER] }],
  [
    'container network',
    { target: 'container-network', interceptEnabled: true, interceptedContainers: [MARKER] },
  ],
];
const WHITELISTS = [
  'container-escape',
  'reverse-shell',
  'file-check',
  'abnormal-process',
  'file-tampering',
  'high-risk-system-call',
  'other-intrusion-prevention',
].map(
  (feature) =>
    [
      feature,
      {
        feature,
        conditions: [{ field: 'process-path', operator: 'equals', value: `/opt/${MARKER}` }],
        effectiveImages: { range: 'some', images: [MARKER] },
      },
    ] as const,
);
const OTHERS: readonly (readonly [string, object])[] = [
  ['server upgrade protection', { setting: 'server-upgrade-protection', automatic: true }],
  ['automatic renewal', { setting: 'automatic-renewal', enabled: false }],
  ['alarm', { setting: 'alarm', enabled: true, levels: ['high'], quietFromMinute: 17 }],
];
const KINDS: readonly (readonly [string, ConfigurationKind, object])[] = [
  ...DETECTIONS.map(([name, body]) => [`detection of ${name}`, 'detection-setting', body] as const),
  ...WHITELISTS.map(([name, body]) => [`whitelist of ${name}`, 'whitelist', body] as const),
  ...OTHERS.map(([name, body]) => [`setting of ${name}`, 'console-setting', body] as const),
];

describe('configuration of every kind the agreement names', () => {
  it.each(KINDS)('is stored encrypted and read back: %s [DC-3, ST-2]', async (_, kind, body) => {
    const change = await harness.changeOf(kind, body);
    const versionId = await harness.write(change);
    expect(await readConfiguration(harness.ports, { tenantId: change.tenantId })).toEqual([
      {
        configurationKind: kind,
        settingId: change.settingId,
        versionId,
        generation: 1,
        changedAt: CHANGED,
        body,
      },
    ]);
  });

  it('appears in clear in no table and no collection once its staging is erased [ST-2]', async () => {
    const change = await harness.changeOf('whitelist', WHITELISTS[0]?.[1] ?? {});
    expect(await harness.everythingStored()).toContain(MARKER);
    await harness.write(change);
    const stored = await harness.everythingStored();
    expect(stored).toContain(change.settingId);
    for (const clear of [MARKER, 'regularDetection', 'process-path', 'quietFromMinute']) {
      expect(stored).not.toContain(clear);
    }
    // Nor does any digest of a body, by which a guess could be confirmed.
    expect(stored).not.toContain(change.body.digest);
  });

  it('does not tell by its length what was switched on or off', async () => {
    const lengths = new Set<number>();
    for (const enabled of [true, false]) {
      const change = await harness.changeOf('console-setting', {
        setting: 'automatic-renewal',
        enabled,
      });
      await harness.write(change);
      const rows = await root.query(
        'SELECT LENGTH(payload) AS bytes FROM console_settings WHERE tenant_id = ?',
        [change.tenantId],
      );
      lengths.add(Number(rows[0]?.['bytes']));
    }
    expect(lengths.size).toBe(1);
  });
});

const BODY = { setting: 'automatic-renewal', enabled: true } as const;
const PROCESS = { target: 'process', interceptEnabled: true, interceptedProcesses: ['/bin/nc'] };

describe('an encrypted configuration version', () => {
  const PLACE: PayloadPlace = {
    tenantId: 'tn_0123456789abcdef',
    generation: 1,
    location: 'mongodb:configuration.whitelists',
    versionId: 'cv_0123456789abcdef',
    settingId: 'setting',
    changedAt: CHANGED,
  };
  it.each([
    ['tenant', { tenantId: 'tn_0123456789abcdee' }],
    ['generation', { generation: 2 }],
    ['location', { location: 'mongodb:configuration.detection_settings' }],
    ['version', { versionId: 'cv_0123456789abcdee' }],
    ['setting', { settingId: 'setting-2' }],
    ['instant', { changedAt: '2027-03-31T16:00:00.000002Z' }],
  ] as const)('is bound to its %s even where the key is the same', (_, change) => {
    const key = randomBytes(32);
    const payload = sealPayload('{}', PLACE, key);
    expect(openPayload(payload, PLACE, key)).toBe('{}');
    expect(() => openPayload(payload, { ...PLACE, ...change }, key)).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }) as Error,
    );
    expect(() => openPayload(payload, PLACE, randomBytes(32))).toThrow(
      expect.objectContaining({ code: 'DIGEST_MISMATCH' }) as Error,
    );
  });

  it('has a digest that needs the key and differs between versions of the same content', () => {
    const key = randomBytes(32);
    const digest = payloadDigest('{}', PLACE, key);
    expect(payloadDigest('{}', PLACE, key)).toBe(digest);
    expect(payloadDigest('{}', { ...PLACE, versionId: 'cv_other' }, key)).not.toBe(digest);
    expect(payloadDigest('{}', PLACE, randomBytes(32))).not.toBe(digest);
    expect(payloadDigest('[]', PLACE, key)).not.toBe(digest);
  });

  const payloadOf = async (tenantId: string): Promise<Buffer> => {
    const rows = await root.query('SELECT payload FROM console_settings WHERE tenant_id = ?', [
      tenantId,
    ]);
    return rows[0]?.['payload'] as Buffer;
  };
  const put = (tenantId: string, payload: Buffer) =>
    root.execute('UPDATE console_settings SET payload = ? WHERE tenant_id = ?', [
      payload,
      tenantId,
    ]);

  it('does not open after a byte of it was changed', async () => {
    const change = await harness.changeOf('console-setting', BODY);
    await harness.write(change);
    const payload = await payloadOf(change.tenantId);
    for (const index of [0, 1, 20, payload.length - 1]) {
      const altered = Buffer.from(payload);
      altered[index] = (altered[index] ?? 0) ^ 1;
      await put(change.tenantId, altered);
      await expect(readConfiguration(harness.ports, change)).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
    }
    await put(change.tenantId, payload.subarray(0, 20));
    await expect(readConfiguration(harness.ports, change)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await put(change.tenantId, payload);
    expect(await readConfiguration(harness.ports, change)).toHaveLength(1);
  });

  it('does not open under another tenant, version, setting or instant', async () => {
    const [one, two] = [
      await harness.changeOf('console-setting', BODY),
      await harness.changeOf('console-setting', BODY),
    ];
    const newer = {
      ...one,
      ...(await harness.changeOf(
        'console-setting',
        { ...BODY, enabled: false },
        { tenantId: one.tenantId },
      )),
      settingId: one.settingId,
      changedAt: '2027-04-01T00:00:00Z',
    };
    const versionId = await harness.write(one);
    const newerId = await harness.write(newer);
    await harness.write(two);
    const read = (change: Change) =>
      readConfiguration(harness.ports, { tenantId: change.tenantId });
    const refused = { code: 'DIGEST_MISMATCH' };

    const stolen = await root.query('SELECT payload FROM console_settings WHERE version_id = ?', [
      versionId,
    ]);
    await put(two.tenantId, stolen[0]?.['payload'] as Buffer);
    await expect(read(two)).rejects.toMatchObject(refused);

    expect(await read(one)).toMatchObject([{ versionId: newerId, body: { enabled: false } }]);
    // The older version's payload in the place of the newer one's.
    const [kept] = await root.query('SELECT payload FROM console_settings WHERE version_id = ?', [
      newerId,
    ]);
    const putVersion = (payload: unknown) =>
      root.execute(
        'UPDATE console_settings SET payload = ? WHERE tenant_id = ? AND version_id = ?',
        [payload as Buffer, one.tenantId, newerId],
      );
    await putVersion(stolen[0]?.['payload']);
    await expect(read(one)).rejects.toMatchObject(refused);
    await putVersion(kept?.['payload']);
    expect(await read(one)).toMatchObject([{ versionId: newerId }]);
    // An older version that is made to look like the newest one.
    await root.execute(
      `UPDATE configuration_changes SET changed_at = '2028-01-01' WHERE tenant_id = ? AND version_id = ?`,
      [one.tenantId, versionId],
    );
    await expect(read(one)).rejects.toMatchObject(refused);
    await root.execute(
      `UPDATE configuration_changes SET changed_at = '2027-03-31 16:00:00.000001', setting_id = 'another' WHERE tenant_id = ? AND version_id = ?`,
      [one.tenantId, versionId],
    );
    await expect(read(one)).rejects.toMatchObject(refused);
  });

  it('does not open in another collection or generation', async () => {
    const body = WHITELISTS[0]?.[1] ?? {};
    const tenantId = harness.newTenant();
    const change = await harness.changeOf('whitelist', body, { tenantId });
    const versionId = await harness.write(change);
    await harness.write(await harness.changeOf('whitelist', body, { tenantId, generation: 2 }));
    const whitelists = harness.collection('whitelists');
    const document = await whitelists.findOne({ tenantId, assetId: 'generation-1' });
    await harness.collection('detection_settings').insertOne({ ...document });
    const moved = { ...document, _id: `${versionId}x`, assetId: 'generation-2' };
    await whitelists.insertOne(moved as never);
    await root.execute(
      `INSERT INTO configuration_changes VALUES (?, 'generation-2', ?, 'whitelist', ?, 'mongodb:configuration.whitelists', '2029-01-01')`,
      [tenantId, `${versionId}x`, change.settingId],
    );
    await expect(readConfiguration(harness.ports, change)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await root.execute(
      `DELETE FROM configuration_changes WHERE tenant_id = ? AND asset_id = 'generation-2' AND version_id = ?`,
      [tenantId, `${versionId}x`],
    );
    await root.execute(
      `UPDATE configuration_changes SET configuration_kind = 'detection-setting' WHERE tenant_id = ? AND version_id = ?`,
      [tenantId, versionId],
    );
    await expect(readConfiguration(harness.ports, change)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('the generations of a configuration', () => {
  const enabled = (value: boolean) => ({ setting: 'automatic-renewal', enabled: value });

  it('have different keys, and the newest version of a setting is read [CC-2]', async () => {
    const tenantId = harness.newTenant();
    const settingId = 'renewal';
    await harness.write(
      await harness.changeOf('console-setting', enabled(true), { tenantId, settingId }),
    );
    const later = { tenantId, settingId, generation: 2, changedAt: '2027-05-01T00:00:00Z' };
    await harness.write(await harness.changeOf('console-setting', enabled(false), later));
    const [one, two] = await Promise.all(
      [1, 2].map((generation) =>
        harness.ports.keys.read({ keyRef: configurationKeyRef(tenantId, generation), tenantId }),
      ),
    );
    expect(one).not.toEqual(two);
    expect(await readConfiguration(harness.ports, { tenantId, settingId })).toMatchObject([
      { generation: 2, body: { enabled: false } },
    ]);
    const groups = await root.query(
      `SELECT CONVERT(asset_id USING ascii) AS name FROM console_settings WHERE tenant_id = ? ORDER BY asset_id`,
      [tenantId],
    );
    expect(groups).toEqual([{ name: 'generation-1' }, { name: 'generation-2' }]);
  });

  it('end with their key: what it encrypted is not readable, and nothing is written under it again', async () => {
    const tenantId = harness.newTenant();
    const kept = { tenantId, generation: 2 };
    const ended = await harness.changeOf('console-setting', enabled(true), { tenantId });
    await harness.write(ended);
    await harness.write(await harness.changeOf('detection-setting', PROCESS, kept));
    await harness.destroyKey(tenantId, configurationKeyRef(tenantId, 1));
    expect(await readConfiguration(harness.ports, { tenantId })).toMatchObject([
      { generation: 2, body: PROCESS },
    ]);
    await expect(
      harness.writer.write(await harness.changeOf('console-setting', enabled(true), { tenantId })),
    ).rejects.toMatchObject({ code: 'KEY_DESTROYED' });
  });

  it('keep the instant of their first change as the earliest end of their key', async () => {
    const change = await harness.changeOf('console-setting', enabled(true));
    await harness.write(change);
    const rows = await harness
      .pool('root', 'keys')
      .query('SELECT not_before FROM data_keys WHERE tenant_id = ?', [change.tenantId]);
    expect(rows).toEqual([{ not_before: '2027-03-31 16:00:00.000001' }]);
  });

  it('are not mixed with those of another tenant', async () => {
    const change = await harness.changeOf('console-setting', enabled(true));
    await harness.write(change);
    expect(await readConfiguration(harness.ports, { tenantId: harness.newTenant() })).toEqual([]);
    await expect(readConfiguration(harness.ports, { tenantId: '' })).rejects.toMatchObject({
      code: 'INVALID_TENANT_ID',
    });
  });
});
