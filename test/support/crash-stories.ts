import { subscribeTo } from './control';
import type { Life, Point } from './crash-life';
import { newTenantId, type EngineHarness } from './engine';
import { hostReport, newAsset } from './observations';
import { orderDeletion } from './orders';
import type { Records } from './archive-reader';
import { Holding } from './crash-holding';
import { lostSplit } from './lost-split-story';
import { splitDay } from './split-story';
import { ended } from './tenant-life';
import type { Expected, Part } from './verdict';

/** A kind of life, begun in a year that is no leap year, with an end that is known from its input alone. */
export interface Story {
  readonly name: string;
  /** Calls at which a death is most dangerous: one that matches, whether it is carried out, and which one. */
  readonly dangers: readonly (readonly [RegExp, 'before' | 'after', 'last'?])[];
  /** In the long form a worker dies at every call around the last one of its kind, from one to another. */
  readonly every?: { readonly from: RegExp; readonly about: RegExp; readonly to: RegExp };
  readonly begin: (engine: EngineHarness, year: number) => Promise<Plot>;
}

/** What a story puts in, and what persons do in the middle of it. */
export interface Plot extends Pick<
  Expected,
  'tenantId' | 'parts' | 'keys' | 'comesBack' | 'split'
> {
  readonly holds?: Holding;
  readonly meanwhile?: (point: Point) => Promise<boolean>;
}

const HOUR_MS = 3_600_000;
/** A window opens two hours after the end of its due day in the zone; somebody tries a little later. */
const DAY_AND_GUARD_MS = 20 * HOUR_MS;
/** A life of a story, to be played by workers. */
export async function beginLife(
  engine: EngineHarness,
  { story, year }: { readonly story: Story; readonly year: number },
  around: Pick<Expected, 'neighbours'> & {
    readonly look: (life: Life) => Promise<void>;
    readonly recordsOf: (tenantId: string) => Promise<Records>;
  },
): Promise<Life> {
  const plot = await story.begin(engine, year);
  const { holds: holding, meanwhile, ...expected } = plot;
  if (plot.split !== undefined) plot.split.records = await around.recordsOf(plot.tenantId);
  const life: Life = {
    ...expected,
    holds: holding?.periods ?? [],
    neighbours: around.neighbours,
    history: [],
    meanwhile: async (point) => {
      const isHeard = (await holding?.meanwhile(point)) ?? false;
      return ((await meanwhile?.(point)) ?? false) || isHeard;
    },
    held: () => (holding?.isInForce === true ? temptation(plot.parts) : null),
    release: async () => {
      await holding?.release();
    },
    look: () => around.look(life),
  };
  return life;
}

/** When every window would be open. */
const temptation = (parts: readonly Part[]): string =>
  new Date(
    Math.max(...parts.map(({ notBefore }) => Date.parse(notBefore))) + DAY_AND_GUARD_MS,
  ).toISOString();

/** A host with one scan of a tenant that has just subscribed. */
export async function scannedHost(engine: EngineHarness, tenantId: string): Promise<string> {
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  const assetId = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, assetId, { observedAt: await engine.now() }));
  return assetId;
}

/** Two scans of a host whose service has ended. */
async function endedHost(
  engine: EngineHarness,
  year: number,
): Promise<Pick<Expected, 'tenantId' | 'parts'>> {
  const tenantId = newTenantId();
  await engine.setClock(`${year}-01-07T01:00:00Z`);
  const assetId = await scannedHost(engine, tenantId);
  await engine.setClock(`${year}-01-09T01:00:00Z`);
  await engine.observe(
    hostReport(tenantId, assetId, { observedAt: `${year}-01-09T01:00:00Z`, shell: '/bin/bash' }),
  );
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  engine.hosted = [ended('CVM')];
  // 180 times 24 hours after the newest observation. The second scan finds another shell, and the risk anew;
  // what else it sees again is due with it.
  const parts: readonly Part[] = [
    {
      notBefore: `${year}-07-06T01:00:00Z`,
      rows: {
        'mysql:assets.scans': 1,
        'mysql:assets.image_risks': 1,
        'mongodb:assets.fingerprints': 1,
      },
    },
    {
      notBefore: `${year}-07-08T01:00:00Z`,
      rows: {
        'mysql:assets.assets': 1,
        'mysql:assets.asset_links': 1,
        'mysql:assets.scans': 1,
        'mysql:assets.image_risks': 1,
        'mongodb:assets.fingerprints': 3,
      },
    },
  ];
  return { tenantId, parts };
}

const ASSET_DANGERS: Story['dangers'] = [
  [/^archiver: INSERT INTO manifests/, 'before'],
  [/^archiver: INSERT INTO manifests/, 'after'],
  [/^documents: updateMany/, 'after'],
  [/^documents: deleteMany/, 'after'],
  [/CALL purge_scans/, 'before'],
  [/CALL issue_destroy_permit/, 'before'],
  [/CALL issue_key_permit/, 'before'],
  [/CALL destroy_key/, 'after'],
  [/INSERT INTO certificates/, 'before', 'last'],
];

const assets: Story = { name: 'asset data', dangers: ASSET_DANGERS, begin: endedHost };

const destroyedKeys = async (engine: EngineHarness, tenantId: string): Promise<number> => {
  const rows = await engine
    .root('keys')
    .query('SELECT COUNT(*) AS n FROM key_tombstones WHERE tenant_id = ?', [tenantId]);
  return Number(rows[0]?.['n']);
};

/** A story of asset data with a hold from a point on. */
const heldAt = (
  name: string,
  at: (engine: EngineHarness, tenantId: string, point: Point) => boolean | Promise<boolean>,
): Story => ({
  name: `asset data held ${name}`,
  dangers: [[/CALL destroy_key/, 'after']],
  begin: async (engine, year) => {
    const plot = await endedHost(engine, year);
    const { tenantId } = plot;
    const when = async (point: Point): Promise<boolean> => at(engine, tenantId, point);
    return { ...plot, holds: new Holding(engine, tenantId, { at: when }) };
  },
});

const CHANGES = [
  ['console-setting', 'renewal', { setting: 'automatic-renewal', enabled: true }],
  [
    'detection-setting',
    'processes',
    { target: 'process', interceptEnabled: true, interceptedProcesses: ['miner'] },
  ],
  [
    'whitelist',
    'escapes',
    {
      feature: 'container-escape',
      conditions: [{ field: 'process-path', operator: 'equals', value: '/opt/agent' }],
      effectiveImages: { range: 'all' },
    },
  ],
] as const;

async function configure(engine: EngineHarness, tenantId: string): Promise<void> {
  for (const [configurationKind, settingId, body] of CHANGES) {
    const staged = await engine.stage(tenantId, body);
    await engine.send(tenantId, 'changeConfiguration', { ...staged, configurationKind, settingId });
  }
}

const generation = (number: number): Part['rows'] => ({
  [`mysql:configuration.console_settings generation-${number}`]: 1,
  [`mysql:configuration.configuration_changes generation-${number}`]: 3,
  [`mongodb:configuration.detection_settings generation-${number}`]: 1,
  [`mongodb:configuration.whitelists generation-${number}`]: 1,
});

/** Two people order the deletion as soon as what was requested is sealed. */
function orderingOnce(
  engine: EngineHarness,
  tenantId: string,
  requestId: string,
): NonNullable<Plot['meanwhile']> {
  let isOrdered = false;
  return async (point) => {
    if (isOrdered || point !== 'wait') return false;
    isOrdered = true;
    await orderDeletion(engine, tenantId, [requestId]);
    return true;
  };
}

/** Configuration whose deletion was requested, and some that came after it and ends with the Feature. */
async function requestedSettings(engine: EngineHarness, year: number): Promise<Plot> {
  const tenantId = newTenantId();
  await engine.setClock(`${year}-01-07T01:00:00Z`);
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  await configure(engine, tenantId);
  await engine.setClock(`${year}-01-08T01:00:00Z`);
  const recordClass = 'console-configuration-data';
  const requestId = `rq_${tenantId.slice(3)}`;
  await engine.send(tenantId, 'requestDeletion', { requestId, recordClass });
  await configure(engine, tenantId);
  await engine.send(tenantId, 'endFeature', {});
  // Seven days of cooling-off; one month after the end in Shanghai, whose last day counts in full.
  const parts: readonly Part[] = [
    { notBefore: `${year}-01-15T01:00:00Z`, rows: generation(1) },
    { notBefore: `${year}-02-08T16:00:00Z`, rows: generation(2) },
  ];
  return { tenantId, parts, keys: 2, meanwhile: orderingOnce(engine, tenantId, requestId) };
}

const CONFIGURATION_DANGERS: Story['dangers'] = [
  [/CALL issue_destroy_permit/, 'before'],
  [/CALL destroy_key/, 'after'],
  [/^documents: updateMany/, 'after'],
  [/^documents: deleteMany/, 'after'],
  [/CALL purge_console_settings/, 'after'],
  [/INSERT INTO certificates/, 'before'],
];

const settings: Story = {
  name: 'configuration',
  dangers: CONFIGURATION_DANGERS,
  begin: requestedSettings,
};

const heldSettings: Story = {
  name: 'configuration held between its ends',
  dangers: [[/CALL destroy_key/, 'after']],
  begin: async (engine, year) => {
    const plot = await requestedSettings(engine, year);
    const when = async (point: Point): Promise<boolean> =>
      point === 'wait' && (await destroyedKeys(engine, plot.tenantId)) === 1;
    return { ...plot, holds: new Holding(engine, plot.tenantId, { at: when }) };
  },
};

/** The service is attached again at a point before the first window. */
const backAt = (name: string, at: Point): Story => ({
  name: `asset data that comes back ${name}`,
  dangers: [
    [/^documents: insertMany/, 'before'],
    [/^documents: insertMany/, 'after'],
    [/CALL issue_retire_permit/, 'before'],
    [/CALL destroy_key/, 'after'],
  ],
  begin: async (engine, year) => {
    const { tenantId, parts } = await endedHost(engine, year);
    let isBack = false;
    return {
      ...{ tenantId, comesBack: true },
      parts: parts.map(({ rows }) => ({ rows, notBefore: '9999-12-31T00:00:00Z' })),
      meanwhile: async (point) => {
        if (isBack || point !== at) return false;
        isBack = true;
        await engine.send(tenantId, 'attachService', { service: 'CVM' });
        return true;
      },
    };
  },
});

/** A row that a late writer puts between the copies and the move becomes a run of its own. */
const lateRow: Story = {
  name: 'asset data with a stray',
  dangers: [
    [/INSERT INTO events/, 'before'],
    [/INSERT INTO events/, 'after'],
  ],
  begin: async (engine, year) => {
    const plot = await endedHost(engine, year);
    const parts = [...plot.parts];
    let isThere = false;
    const meanwhile = async (point: Point): Promise<boolean> => {
      if (isThere || point !== 'moveRows') return false;
      isThere = true;
      await engine.root('assets').execute(
        `INSERT INTO scans (tenant_id, asset_id, version_id, scan_id, source, observed_at, completed_at,
           kinds, records)
         SELECT tenant_id, asset_id, '00000000000000000001', scan_id, source, observed_at, completed_at,
           '[]', 0 FROM scans WHERE tenant_id = ? ORDER BY observed_at DESC LIMIT 1`,
        [plot.tenantId],
      );
      parts.push({ notBefore: `${year}-07-08T01:00:00Z`, rows: { 'mysql:assets.scans': 1 } });
      return true;
    };
    return { ...plot, parts, meanwhile };
  },
};

/** Every kind of life that the matrix plays. */
export const STORIES: readonly Story[] = [
  assets,
  heldAt('before the seal', (_, __, point) => point === 'sealAndCopy'),
  heldAt('in the middle of the move', (_, __, point) => point === 'moveRows'),
  heldAt('when its window opens', (_, __, point) => point === 'destroyDue'),
  heldAt(
    'between its ends',
    async (engine, tenantId, point) =>
      point === 'wait' && (await destroyedKeys(engine, tenantId)) === 1,
  ),
  settings,
  heldSettings,
  backAt('before its window', 'wait'),
  backAt('in the middle of the move', 'verifyMoved'),
  lateRow,
  splitDay,
  lostSplit,
];
