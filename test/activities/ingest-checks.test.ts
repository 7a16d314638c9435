import { versionIdOf } from '../../src/activities/ingest/content';
import { recordObservation } from '../../src/activities/ingest/record-observation';
import type { ObservedRecord } from '../../src/contracts/observations';
import {
  account,
  createIngestHarness,
  hostLinkedTo,
  host,
  port,
  seen,
  type IngestHarness,
} from '../support/ingest';

let harness: IngestHarness;

beforeAll(async () => {
  harness = await createIngestHarness();
});
afterAll(() => harness.remove());

const tenantWithHost = (): Promise<string> => hostLinkedTo(harness, 'CVM');

describe('what cannot be stored and read back as it is', () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  it.each<[string, unknown]>([
    ['a name with a dot', { 'a.b': 1 }],
    ['a name that is an operator', { $set: 1 }],
    ['an empty name', { '': 1 }],
    ['text with NUL', { a: 'x\u0000' }],
    ['half a character', { a: 'x\ud800' }],
    ['a number that is none', { a: Number.NaN }],
    ['nothing where a value belongs', { a: undefined }],
    ['a date', { a: new Date(0) }],
    ['a list directly in a list', { a: [[1]] }],
    ['too many levels', deep(40)],
    ['a list', []],
    ['too much', { a: 'x'.repeat(2_200_000) }],
  ])('is refused as a whole: %s', async (_, body) => {
    const tenantId = await tenantWithHost();
    const before = await harness.count(tenantId);
    const bad = { ...port(22), body: body as ObservedRecord['body'] };
    await expect(
      recordObservation(harness.ports, seen(tenantId, { number: 2 }, host([account('a'), bad]))),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'assets[0].records[1].body' });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it.each<[string, object]>([
    ['another kind of fingerprint', { kind: 'keylogger' }],
    ['a fingerprint among the images', { location: 'mongodb:assets.images' }],
    ['a place that is none', { location: 'mysql:control.holds' }],
    ['no identity', { identity: '' }],
    [
      'a kind that stands for the asset itself',
      { location: 'mongodb:assets.images', kind: 'asset' },
    ],
  ])('is refused as a whole: %s', async (_, given) => {
    const tenantId = await tenantWithHost();
    const before = await harness.count(tenantId);
    const bad = { ...port(22), ...given };
    await expect(
      recordObservation(harness.ports, seen(tenantId, { number: 2 }, host([bad]))),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_INPUT|UNKNOWN_KIND/) as string,
    });
    expect(await harness.count(tenantId)).toBe(before);
  });

  it('is refused as a whole: the same thing seen in two ways', async () => {
    const tenantId = await tenantWithHost();
    const observed = seen(tenantId, { number: 2 }, host([port(22), port(22, 'telnetd')]));
    await expect(recordObservation(harness.ports, observed)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    const alike = seen(tenantId, { number: 2 }, host([port(22), port(22)]));
    expect((await recordObservation(harness.ports, alike)).counts).toMatchObject({ records: 2 });
  });
});

describe('the id of a version', () => {
  const version = {
    tenantId: 'tn_a',
    assetId: 'as_a',
    recordId: 'rc_a',
    vanished: false,
    contentDigest: 'x',
    scanId: 'sc_a',
    observedAt: 'now',
  };

  it('follows from tenant, asset, record, content, scan and instant, and from nothing else [AB-1]', () => {
    const own = versionIdOf(version);
    expect(versionIdOf({ ...version })).toBe(own);
    for (const field of Object.keys(version)) {
      const other = field === 'vanished' ? true : 'other';
      expect(versionIdOf({ ...version, [field]: other })).not.toBe(own);
    }
    // What the guard of the document store and the key columns accept.
    expect(own).toMatch(/^vr_[0-9a-f]{32}$/);
  });
});
