import type { RegistryReading, ScanPorts } from '../../src/activities/ingest/ports';
import type { Observation } from '../../src/contracts/observations';
import { LetheError } from '../../src/domain/errors';
import { host, image, type IngestHarness } from '../support/ingest';
import { createScanBench, type Scan, type ScanBench } from '../support/scans';

let bench: ScanBench;
let harness: IngestHarness;

beforeAll(async () => {
  bench = await createScanBench();
  ({ harness } = bench);
});
afterAll(() => bench.remove());

const run: ScanBench['run'] = (...given) => bench.run(...given);
const tenantWithHost: ScanBench['tenantWithHost'] = (...given) => bench.tenantWithHost(...given);
const order: ScanBench['order'] = (...given) => bench.order(...given);
const resultOf: ScanBench['resultOf'] = (...given) => bench.resultOf(...given);
const refusalsOf: ScanBench['refusalsOf'] = (...given) => bench.refusalsOf(...given);

describe('the scan of a registry', () => {
  const REPOSITORY = { registry: 'https://registry.test:5000', repository: 'team/app' };

  async function sharing(): Promise<string> {
    const tenantId = await tenantWithHost();
    const validUntil = new Date(Date.parse(await harness.now()) + 86_400_000).toISOString();
    const grant = { registry: 'registry.test:5000', repositories: ['team/*'], validUntil };
    await harness.control.send(tenantId, 'grantSharing', {
      ...(await harness.control.stage(tenantId, grant)),
      authorizationId: `grant-${tenantId}`,
    });
    return tenantId;
  }

  const revoke = (tenantId: string) =>
    harness.control.send(tenantId, 'revokeSharing', { authorizationId: `grant-${tenantId}` });
  const orderRepository = async (tenantId: string): Promise<Scan> =>
    order(tenantId, { ...(await harness.control.stage(tenantId, REPOSITORY)), source: 'registry' });

  const observed = ({ tenantId, scanId, observedAt }: RegistryReading): Observation => ({
    tenantId,
    scanId,
    source: 'registry',
    observedAt,
    assets: [host([image('sha256:1')], { assetKind: 'image-repository', links: { to: 'all' } })],
  });

  it('stores what was read, as seen when the reading began by the database [DC-2]', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    let reading: RegistryReading | undefined;
    const observeRegistry: ScanPorts['observeRegistry'] = async (given) => {
      reading = given;
      expect(await given.stillAuthorized()).toBe(true);
      return observed(given);
    };
    expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
    expect(reading).toMatchObject({ ...scan, ...REPOSITORY });
    expect((await harness.live(tenantId))['images']).toMatchObject([
      { observedAt: reading?.observedAt },
    ]);
    expect((await resultOf(scan))?.outcome).toBe('complete');
  });

  it('reads nothing without a valid authorization [SH-1]', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    await revoke(tenantId);
    // The port of this suite fails when it is called.
    expect(await run(scan)).toMatchObject({ done: true, counts: { refused: 1 } });
    expect(await refusalsOf(tenantId)).toEqual(['AUTHORIZATION_REQUIRED']);
  });

  it('stops reading when the authorization is revoked, and stores nothing of it [SH-1]', async () => {
    const tenantId = await sharing();
    const before = await harness.count(tenantId);
    const scan = await orderRepository(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading, signal) => {
      await revoke(tenantId);
      for (let poll = 0; poll < 1000 && !signal.aborted; poll += 1) await reading.stillAuthorized();
      expect(signal.aborted).toBe(true);
      return observed(reading);
    };
    expect(await run(scan, { observeRegistry, pause: () => Promise.resolve() })).toMatchObject({
      counts: { refused: 1 },
    });
    expect(await resultOf(scan)).toMatchObject({ counts: { code: 'AUTHORIZATION_REQUIRED' } });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('stores nothing when the authorization ended at the last moment [SH-1]', async () => {
    const tenantId = await sharing();
    const before = await harness.count(tenantId);
    const scan = await orderRepository(tenantId);
    const observeRegistry: ScanPorts['observeRegistry'] = async (reading) => {
      await harness.advance(86_401);
      return observed(reading);
    };
    expect(await run(scan, { observeRegistry })).toMatchObject({ counts: { refused: 1 } });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('tries a registry that is away again for a while, and then ends on record', async () => {
    const tenantId = await sharing();
    const scan = await orderRepository(tenantId);
    const observeRegistry = () =>
      Promise.reject(new LetheError('STORE_UNAVAILABLE', 'the registry is away'));
    await expect(run(scan, { observeRegistry })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await resultOf(scan)).toBeNull();
    await harness.advance(901);
    expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
    expect(await resultOf(scan)).toEqual({
      outcome: 'failed',
      counts: { code: 'STORE_UNAVAILABLE' },
    });
  });

  it.each(['STORE_REFUSED', 'ACCESS_DENIED', 'DIGEST_MISMATCH'] as const)(
    'ends on record when the registry cannot be used: %s',
    async (code) => {
      const scan = await orderRepository(await sharing());
      const observeRegistry = () => Promise.reject(new LetheError(code, 'no'));
      expect(await run(scan, { observeRegistry })).toMatchObject({ done: true });
      expect(await resultOf(scan)).toEqual({ outcome: 'failed', counts: { code } });
    },
  );
});
