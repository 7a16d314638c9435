import { HOLD_FACTS } from '../support/holds';
import { WorkflowClient } from '@temporalio/client';
import { buildImage, pushArtifact, removeArtifacts } from '../../demo/inputs/oci-images';
import { collectHost } from '../../src/collector';
import { parseId } from '../../src/domain/identifiers';
import { removeFolders, rootWith } from '../collector/machine';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import {
  containing,
  exportHistories,
  textsOf,
  type ExportedHistory,
} from '../support/exported-histories';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';
import { newAsset } from '../support/observations';

/** What the tenant has: each of these must be taken in, and none may be in a history. */
const MARKERS = Object.freeze({
  configuration: '/marker-configuration-51c0',
  configuredImage: 'marker-image-name-9d2e',
  host: 'marker-host-7f3a',
  account: 'marker-account-5e11',
  repository: 'marker-repository-4b8e/shop',
  tag: 'marker-tag-0c3d',
  label: 'marker.label-6a52',
  ground: 'marker-ground-of-hold-77b1',
});
/** What stands in orders that are refused, or whose registry is away. */
const REFUSED = Object.freeze({
  unshared: 'marker-unshared-2b90/shop',
  unknownField: 'marker-field-8e41',
  away: 'marker-away-1d7c.invalid',
});

const registryUrl = (process.env['LETHE_REGISTRY_URL'] ?? '').replace(/\/$/, '');
const authority = registryUrl.replace(/^https?:\/\//, '');
const artifact = buildImage({ labels: { [MARKERS.label]: 'shop' } });
const target = { url: registryUrl, repository: MARKERS.repository };

let live: LiveEngine;
let tenantId: string;
let keys = 0;
const header = () => ({
  ...{ tenantId, requestedBy: 'console' },
  idempotencyKey: `marked-${(keys += 1)}`,
});

beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
  await pushArtifact(target, artifact, [MARKERS.tag]);
  tenantId = newTenantId();
  await live.subscribe(tenantId, subscribeTo('CVM'));
});
afterAll(async () => {
  removeFolders();
  await removeArtifacts(target, [artifact]);
  await live.remove();
});

const exported = (): Promise<readonly ExportedHistory[]> =>
  exportHistories(live.connection, live.namespace);

async function changeConfiguration(): Promise<void> {
  await live.client.changeConfiguration(header(), {
    configurationKind: 'whitelist',
    settingId: 'marked',
    body: {
      feature: 'reverse-shell',
      conditions: [{ field: 'process-path', operator: 'equals', value: MARKERS.configuration }],
      effectiveImages: { range: 'some', images: [MARKERS.configuredImage] },
    },
  });
}

async function scanHost(): Promise<void> {
  const assetId = newAsset();
  await live.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  const root = rootWith({
    'etc/hostname': `${MARKERS.host}\n`,
    'etc/passwd': `${MARKERS.account}:x:1000:1000::/srv:/bin/sh\n`,
  });
  const collectedAt = await live.engine.now();
  const report = collectHost({
    ...{ root, proc: null, collectedAt },
    assetId: parseId('AssetId', assetId, 'assetId'),
  });
  await live.client.requestHostScan(header(), report);
  await live.settled(tenantId);
}

async function share(registry: string, repository: string): Promise<void> {
  await live.client.grantSharing(header(), {
    ...{ authorizationId: `au-${keys}`, registry, repositories: [repository] },
    validUntil: '2031-01-01T00:00:00Z',
  });
}

async function scanRepository(): Promise<void> {
  await share(authority, MARKERS.repository);
  await live.client.requestRepositoryScan(header(), {
    registry: registryUrl,
    repository: MARKERS.repository,
  });
  await live.settled(tenantId);
}

async function holdAndRelease(): Promise<void> {
  const holdId = `hd_${tenantId.slice(3)}`;
  await live.client.placeHoldWithGround({
    ...{ holdId, scopes: [{ tenantId }], ...HOLD_FACTS },
    ground: { matter: MARKERS.ground },
  });
  await live.client.requestHoldRelease(holdId, { requestedBy: 'dpo-1' });
  await live.client.approveHoldRelease(holdId, { approvedBy: 'dpo-2' });
}

/** Orders that the engine refuses although somebody staged them past the facade. */
async function sendRefused(): Promise<void> {
  const unshared = { registry: registryUrl, repository: REFUSED.unshared };
  await expect(live.client.requestRepositoryScan(header(), unshared)).rejects.toMatchObject({
    code: 'AUTHORIZATION_REQUIRED',
  });
  const stage = (body: object) =>
    live.engine.stage(tenantId, { ...body, [REFUSED.unknownField]: 1 });
  const share = { registry: authority, repositories: ['shop'], validUntil: '2031-01-01T00:00:00Z' };
  const grant = { ...(await stage(share)), authorizationId: 'au-refused' };
  const scan = { ...(await stage(unshared)), source: 'registry' } as const;
  const setting = await stage({ setting: 'automatic-renewal', enabled: true });
  const change = {
    ...{ ...setting, settingId: 'marked' },
    configurationKind: 'console-setting',
  } as const;
  for (const sending of [
    () => live.send(tenantId, 'grantSharing', grant),
    () => live.send(tenantId, 'requestScan', scan),
    () => live.send(tenantId, 'changeConfiguration', change),
  ]) {
    const refusal = await sending().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', field: 'body' });
  }
}

/** A scan that fails, attempt after attempt, until it ends on record. */
async function scanWhatIsAway(): Promise<void> {
  await share(REFUSED.away, 'shop');
  const order = { registry: `https://${REFUSED.away}`, repository: 'shop' };
  await live.client.requestRepositoryScan(header(), order);
  // Companion: the failure of an attempt is in what is exported, so its text is searched too.
  await until(
    async () => containing(await exported(), 'the registry cannot be reached').length > 0,
  );
  const later = Date.parse(await live.engine.now()) + 901_000;
  await live.engine.setClock(new Date(later).toISOString());
  await live.settled(tenantId);
}

async function endEverything(): Promise<void> {
  await live.endHosting(tenantId, 'CVM');
  await live.send(tenantId, 'endService', { service: 'CVM' });
  await live.send(tenantId, 'endFeature', {});
  await live.settled(tenantId);
  await live.playToTheEnd(tenantId);
}

/** How often each marker is where its data lives: what was not taken in would prove nothing. */
async function takenIn(): Promise<Readonly<Record<string, number>>> {
  const count = async (database: string, from: string, ...values: string[]): Promise<number> => {
    const rows = await live.engine
      .root(database)
      .query(`SELECT COUNT(*) AS n FROM ${from} AND tenant_id = ?`, [...values, tenantId]);
    return Number(rows[0]?.['n']);
  };
  const documents = async (collection: string, marker: string): Promise<number> => {
    const db = live.engine.mongo.db(`${live.engine.environment.prefix}_assets`);
    const all = await db.collection(collection).find({ tenantId }).toArray();
    return all.filter((document) => JSON.stringify(document).includes(marker)).length;
  };
  return {
    configuration: await count('configuration', 'configuration_changes WHERE TRUE'),
    host: await count('assets', 'assets WHERE LOCATE(?, body) > 0', MARKERS.host),
    account: await documents('fingerprints', MARKERS.account),
    repository: await count('assets', 'assets WHERE LOCATE(?, body) > 0', MARKERS.repository),
    tag: await documents('images', MARKERS.tag),
    label: await documents('images', MARKERS.label),
    grounds: await count(
      'control',
      'hold_grounds g JOIN hold_scopes s USING (hold_id) WHERE LOCATE(?, g.ground) > 0',
      MARKERS.ground,
    ),
  };
}

describe('the histories of a whole life', () => {
  it('hold no content of the tenant: no planted marker is in any of them [PU-1] [SH-1]', async () => {
    await changeConfiguration();
    await scanHost();
    await scanRepository();
    await holdAndRelease();
    const missing = Object.entries(await takenIn()).filter(([, things]) => things === 0);
    expect(missing).toEqual([]);
    await sendRefused();
    await scanWhatIsAway();
    const answers = [await live.client.status(tenantId), await live.client.deadlines(tenantId)];
    await endEverything();

    const histories = await exported();
    expect([...new Set(histories.map(({ type }) => type))].sort()).toEqual([
      ...['dispositionRun', 'holdPlacement', 'noticeDelivery', 'platformSweep', 'scanRun'],
      'tenantLifecycle',
    ]);
    const everywhere = [
      ...histories,
      { workflowId: 'answers', type: 'query', json: '', texts: [...textsOf(answers)] },
    ];
    expect(answers[0]).toMatchObject({ source: 'workflow' });
    expect(containing(everywhere, tenantId)).toContain('answers');
    for (const marker of [...Object.values(MARKERS), ...Object.values(REFUSED), authority]) {
      expect({ marker, in: containing(everywhere, marker) }).toEqual({ marker, in: [] });
    }
  }, 600_000);

  it('would show it: a marker that somebody puts into a payload or a memo is found', async () => {
    const client = new WorkflowClient({ connection: live.connection, namespace: live.namespace });
    const planted = 'marker-that-is-there-3c17';
    for (const [workflowId, start] of Object.entries({
      'control-payload': { args: [{ deep: [{ name: `a ${planted}` }] }] },
      'control-memo': { args: [], memo: { [planted]: 1 } },
    })) {
      await client.start('scanRun', { workflowId, taskQueue: 'nobody', ...start });
    }
    let histories: readonly ExportedHistory[] = [];
    await until(async () => {
      histories = await exported();
      return histories.filter(({ workflowId }) => workflowId.startsWith('control-')).length === 2;
    });
    expect([...containing(histories, planted)].sort()).toEqual(['control-memo', 'control-payload']);
    const payload = histories.find(({ workflowId }) => workflowId === 'control-payload');
    // Only the decoded payload shows it.
    expect(payload?.json).not.toContain(planted);
  });
});
