import { recordObservation } from '../../src/activities/ingest/record-observation';
import { planRuns } from '../../src/activities/disposition/plan-runs';
import type { IngestPorts } from '../../src/activities/ingest/ports';
import type { HostingService } from '../../src/domain/record-class';
import {
  account,
  assetId,
  createIngestHarness,
  host,
  hostLinkedTo,
  port,
  risk,
  seen,
  type IngestHarness,
} from '../support/ingest';

let harness: IngestHarness;

beforeAll(async () => {
  harness = await createIngestHarness({ simulation: true });
});
afterAll(() => harness.remove());

const tenantWithHost = (...services: HostingService[]): Promise<string> =>
  hostLinkedTo(harness, ...services);

/** One scan after another, a second apart. */
let scans = 0;
async function scanNow(
  tenantId: string,
  ...records: Parameters<typeof host>[0]
): ReturnType<typeof recordObservation> {
  scans += 1;
  const observed = seen(tenantId, { number: scans, at: await harness.now() }, host(records));
  await harness.advance(1);
  return recordObservation(harness.ports, observed);
}

const scanAt = (tenantId: string, at: string): ReturnType<typeof recordObservation> => {
  scans += 1;
  return recordObservation(
    harness.ports,
    seen(tenantId, { number: scans, at }, host([port(scans)])),
  );
};

const openAttempts = async (tenantId: string): Promise<number> => {
  const rows = await harness.ports.control.query(
    'SELECT COUNT(*) AS n FROM attempts WHERE tenant_id = ? AND ended_at IS NULL',
    [tenantId],
  );
  return Number(rows[0]?.['n']);
};

const eventOf = (accepted: { receipt: { result: Readonly<Record<string, unknown>> } }): string =>
  String(accepted.receipt.result['eventId']);

const plan = (tenantId: string, eventId: string): ReturnType<typeof planRuns> =>
  planRuns(
    {
      control: harness.environment.pool('control'),
      assets: harness.environment.pool('archiver', 'assets'),
    },
    { tenantId, eventId },
  );

describe('the fence', () => {
  it('keeps everything out once no service is in use, and stores nothing [AB-2]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await harness.control.send(tenantId, 'endService', { service: 'Lighthouse' });
    const before = await harness.count(tenantId);
    await expect(scanNow(tenantId, port(22))).rejects.toMatchObject({
      code: 'OBSERVATION_REFUSED',
    });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('keeps out what was seen after the last service of the asset ended, while another one goes on [AB-2]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await harness.advance(1);
    const before = await harness.count(tenantId);
    await expect(scanNow(tenantId, port(22))).rejects.toMatchObject({
      code: 'OBSERVATION_REFUSED',
    });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('lets in what is linked to a service that goes on [AB-2] [HS-1]', async () => {
    const tenantId = await tenantWithHost('CVM', 'Lighthouse');
    await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await harness.advance(1);
    expect((await scanNow(tenantId, port(22))).counts).toMatchObject({ assets: 1 });
  });

  it('lets in what was seen by the end until the disposition is planned, and nothing after', async () => {
    const tenantId = await tenantWithHost('CVM');
    const ended = await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    const endedAt = String(ended.receipt.result['endedAt']);
    const earlier = (seconds: number): string =>
      new Date(Date.parse(endedAt) - seconds * 1000).toISOString();
    expect((await scanAt(tenantId, earlier(20))).counts).toMatchObject({ assets: 1 });
    expect((await scanAt(tenantId, endedAt)).counts).toMatchObject({ assets: 1 });
    expect((await plan(tenantId, eventOf(ended))).runIds).toHaveLength(1);
    const before = await harness.count(tenantId);
    await expect(scanAt(tenantId, endedAt)).rejects.toMatchObject({ code: 'OBSERVATION_REFUSED' });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('stays down for an asset whose other service ends later than a planned one [HS-1]', async () => {
    const tenantId = await harness.control.subscribed('CVM', 'Lighthouse', 'ECM');
    const services = ['CVM', 'Lighthouse'] as const;
    await harness.control.links.link({
      tenantId,
      assetId: assetId(1),
      services,
      linkedAt: await harness.now(),
    });
    const first = await harness.control.send(tenantId, 'endService', { service: 'CVM' });
    await plan(tenantId, eventOf(first));
    await harness.advance(1);
    const last = await harness.control.send(tenantId, 'endService', { service: 'Lighthouse' });
    const endedAt = String(last.receipt.result['endedAt']);
    expect((await scanAt(tenantId, endedAt)).counts).toMatchObject({ assets: 1 });
    await plan(tenantId, eventOf(last));
    await expect(scanAt(tenantId, endedAt)).rejects.toMatchObject({ code: 'OBSERVATION_REFUSED' });
  });
});

describe('a deletion request for asset data', () => {
  let requests = 0;
  const request = (tenantId: string): ReturnType<typeof harness.control.send> => {
    requests += 1;
    return harness.control.send(tenantId, 'requestDeletion', {
      requestId: `rq_${String(requests).padStart(16, '0')}`,
      recordClass: 'asset-basic-data',
    });
  };

  it('makes the next scan write every record anew, and the one after that none [DR-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await scanNow(tenantId, port(22), account('root'), port(80));
    await scanNow(tenantId, port(22), account('root'));
    await harness.advance(1);
    await request(tenantId);
    await harness.advance(1);
    const anew = await scanNow(tenantId, port(22), account('root'));
    // Two records, the asset itself, and once more that port 80 is gone.
    expect(anew.counts).toMatchObject({ records: 3, versions: 4, vanished: 1 });
    expect((await scanNow(tenantId, port(22), account('root'))).counts).toMatchObject({
      versions: 0,
    });
  });

  it('makes the next scan write anew also when it was withdrawn meanwhile [DR-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await scanNow(tenantId, port(22));
    await harness.advance(1);
    const requestId = String((await request(tenantId)).receipt.result['requestId']);
    await harness.control.send(tenantId, 'withdrawDeletion', { requestId });
    await harness.advance(1);
    expect((await scanNow(tenantId, port(22))).counts).toMatchObject({ versions: 2 });
  });

  it('changes nothing for a scan that saw things before it was received', async () => {
    const tenantId = await tenantWithHost('CVM');
    await scanNow(tenantId, port(22));
    const observed = await harness.now();
    await harness.advance(1);
    await request(tenantId);
    scans += 1;
    const late = seen(tenantId, { number: scans, at: observed }, host([port(22)]));
    expect((await recordObservation(harness.ports, late)).counts).toMatchObject({ versions: 0 });
  });

  it('keeps out what was seen before it once its disposition is planned [DR-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await scanNow(tenantId, port(22));
    const observed = await harness.now();
    await harness.advance(1);
    await plan(tenantId, eventOf(await request(tenantId)));
    const before = await harness.live(tenantId);
    await expect(scanAt(tenantId, observed)).rejects.toMatchObject({ code: 'OBSERVATION_REFUSED' });
    expect(await harness.live(tenantId)).toEqual(before);
    expect((await scanNow(tenantId, port(22))).counts).toMatchObject({ assets: 1 });
  });
});

describe('a withdrawn deletion request', () => {
  it('no longer keeps out what was seen before it', async () => {
    const tenantId = await tenantWithHost('CVM');
    const observed = await harness.now();
    await harness.advance(1);
    const requestId = 'rq_withdrawn00000000';
    const recordClass = 'asset-basic-data';
    const made = await harness.control.send(tenantId, 'requestDeletion', {
      requestId,
      recordClass,
    });
    await plan(tenantId, eventOf(made));
    await expect(scanAt(tenantId, observed)).rejects.toMatchObject({ code: 'OBSERVATION_REFUSED' });
    await harness.control.send(tenantId, 'withdrawDeletion', { requestId });
    expect((await scanAt(tenantId, observed)).done).toBe(true);
  });
});

describe('a suspended use', () => {
  it('lets no observation in while an attestation is withdrawn, and does when it stands again [AT-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await harness.control.send(tenantId, 'withdrawAttestation', { jurisdiction: 'SG' });
    const before = await harness.count(tenantId);
    await expect(scanNow(tenantId, port(22))).rejects.toMatchObject({
      code: 'ATTESTATION_REQUIRED',
    });
    expect(await harness.count(tenantId)).toBe(before);
    await harness.control.send(tenantId, 'attestMinimumAge', {
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    });
    expect((await scanNow(tenantId, port(22))).done).toBe(true);
  });

  it('lets no observation in once the Feature has ended [PU-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    await harness.control.send(tenantId, 'endFeature', {});
    await expect(scanNow(tenantId, port(22))).rejects.toMatchObject({ code: 'FEATURE_NOT_ACTIVE' });
    expect(await openAttempts(tenantId)).toBe(0);
  });

  it('stops a scan in the middle: it never says that it is complete [AT-1]', async () => {
    const tenantId = await tenantWithHost('CVM');
    const execute: IngestPorts['assets']['execute'] = async (statement, params) => {
      const result = await harness.ports.assets.execute(statement, params);
      if (statement.includes('INTO image_risks')) {
        await harness.control.send(tenantId, 'withdrawAttestation', { jurisdiction: 'SG' });
      }
      return result;
    };
    const ports = { ...harness.ports, assets: { ...harness.ports.assets, execute } };
    scans += 1;
    const at = await harness.now();
    await harness.advance(1);
    await expect(
      recordObservation(ports, seen(tenantId, { number: scans, at }, host([risk('r')]))),
    ).rejects.toMatchObject({ code: 'ATTESTATION_REQUIRED' });
    const state = await harness.live(tenantId);
    expect(state['image_risks']).toHaveLength(1);
    expect(state['scans']).toEqual([]);
  });
});
