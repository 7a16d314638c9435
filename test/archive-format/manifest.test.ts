import { createHash } from 'node:crypto';
import {
  manifestDigest,
  openManifest,
  sealManifest,
  type CohortIdentity,
  type ManifestContent,
} from '../../src/archive-format';
import { macsFor } from '../../src/archive-format/derived-keys';
import { COHORT, document, KEY, OTHER_KEY, row, sealCohort } from './samples';

const sample = sealCohort({ rows: [[row(1), row(2)], [row(3)]], documents: [[document(4)]] });
const open = (bytes: Buffer, expect: CohortIdentity = COHORT, dataKey = KEY): ManifestContent =>
  openManifest(bytes, { dataKey, expect });
const refusal = (code = 'ARCHIVE_INVALID'): Error => expect.objectContaining({ code }) as Error;

/** A manifest with a right code around any text. */
function signed(text: string): Buffer {
  const body = Buffer.from(`LETHE-MANIFEST 1\n${text}\n`);
  const mac = macsFor('manifest', KEY)().update(body).digest('hex');
  return Buffer.concat([body, Buffer.from(`${mac}\n`)]);
}

describe('a manifest', () => {
  it('gives back what was sealed, and is the same bytes for the same content', () => {
    expect(open(sample.manifest)).toEqual(sample.content);
    const other = { ...sample.content, parts: [...sample.content.parts] };
    expect(sealManifest(other, KEY).equals(sample.manifest)).toBe(true);
    expect(manifestDigest(sample.manifest)).toBe(
      createHash('sha256').update(sample.manifest).digest('hex'),
    );
  });

  it('is three lines that a person can read', () => {
    const [first, second = '', third = '', rest] = sample.manifest.toString().split('\n');
    expect(first).toBe('LETHE-MANIFEST 1');
    expect(JSON.parse(second)).toEqual(sample.content);
    expect(third).toMatch(/^[0-9a-f]{64}$/);
    expect(rest).toBe('');
  });

  it('is refused with any byte altered, cut off or added [F25]', () => {
    const { manifest } = sample;
    for (let at = 0; at < manifest.length; at += 1) {
      const altered = Buffer.from(manifest);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      expect(() => open(altered)).toThrow(refusal());
      expect(() => open(manifest.subarray(0, at))).toThrow(refusal());
    }
    expect(() => open(Buffer.concat([manifest, Buffer.from('\n')]))).toThrow(refusal());
    expect(() => open(Buffer.concat([manifest, manifest]))).toThrow(refusal());
    expect(() => open(sample.manifest, COHORT, OTHER_KEY)).toThrow(refusal());
  });

  it.each([
    ['tenantId', 'tn_0000000000000002'],
    ['runId', 'rn_0000000000000002'],
    ['dueOn', '2027-04-01'],
    ['attempt', 'attempt02'],
  ])('is refused when its %s is not the expected one', (field, other) => {
    expect(() => open(sample.manifest, { ...COHORT, [field]: other })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(field) as string }) as Error,
    );
  });

  it('is opened only for an identity that an archive can have', () => {
    expect(() => open(sample.manifest, { ...COHORT, tenantId: '' })).toThrow(
      refusal('INVALID_TENANT_ID'),
    );
    const configuration = { ...COHORT, recordClass: 'console-configuration-data' as const };
    expect(() => open(sample.manifest, configuration)).toThrow(refusal('INVALID_INPUT'));
  });

  it('with a right code is refused when it is not what is ever written', () => {
    const text = sample.manifest.toString().split('\n')[1] ?? '';
    expect(open(signed(text))).toEqual(sample.content);
    const wrong = [
      '',
      'null',
      '[]',
      '{}',
      `${text} `,
      text.replace(':', ' :'),
      text.replace('{', '{"generation":1,'),
      text.replace('{', '{"more":1,'),
      '['.repeat(100_000),
    ];
    for (const other of wrong) expect(() => open(signed(other))).toThrow(refusal());
  });

  it('may be of a cohort without records', () => {
    const { manifest, content } = sealCohort({ rows: [] });
    expect(content).toMatchObject({ parts: [], locations: [{ records: 0 }] });
    expect(open(manifest)).toEqual(content);
  });

  it('may say nothing of its sources', () => {
    const content = { ...sample.content };
    delete content.source;
    expect(open(sealManifest(content, KEY))).not.toHaveProperty('source');
  });
});

type Change = (content: ManifestContent) => unknown;
const [first, second] = sample.content.parts;
const inPart =
  (change: object): Change =>
  ({ parts }) => ({ parts: [{ ...first, ...change }, ...parts.slice(1)] });
const inLocation =
  (change: object): Change =>
  ({ locations }) => ({ locations: [{ ...locations[0], ...change }, ...locations.slice(1)] });

describe('content that contradicts itself', () => {
  const cases: readonly (readonly [string, Change])[] = [
    ['keyRef', () => ({ keyRef: 'asset:rn_0000000000000002:2027-03-31' })],
    ['generation', () => ({ generation: 0 })],
    ['generation', () => ({ generation: '1' })],
    ['event.kind', () => ({ event: { kind: 'whim', at: '2026-09-01T00:00:00Z' } })],
    ['event.at', () => ({ event: { kind: 'request', at: '2026-09-31T00:00:00Z' } })],
    ['createdAt', () => ({ createdAt: '2026-10-01T08:00:00+08:00' })],
    ['newestObservedAt', () => ({ newestObservedAt: null })],
    ['newestObservedAt', () => ({ newestObservedAt: '' })],
    ['recordClass', () => ({ recordClass: 'console-configuration-data' })],
    ['tenantId', () => ({ tenantId: 'tn_short' })],
    ['attempt', () => ({ attempt: 'UPPER-CASE' })],
    ['source', () => ({ source: { 'Bad Name': 'x' } })],
    ['source.a', () => ({ source: { a: 'line\nend' } })],
    ['parts', () => ({ parts: undefined })],
    ['parts[0].part', inPart({ part: 2 })],
    ['parts[1].part', ({ parts }) => ({ parts: [...parts.slice(0, 1), ...parts.slice(2)] })],
    ['parts', () => ({ parts: [first, first] })],
    ['parts[0].objectName', inPart({ objectName: second?.objectName })],
    ['parts[0].objectName', inPart({ objectName: '../../etc/passwd' })],
    ['parts[0].records', inPart({ records: -1 })],
    ['parts[0].records', inPart({ records: Number.NaN })],
    ['parts[0].sha256', inPart({ sha256: 'A'.repeat(64) })],
    ['parts[0].location', inPart({ location: 'mysql:assets.unknown' })],
    ['parts[0].more', inPart({ more: 1 })],
    ['locations[0].records', inPart({ records: 1 })],
    ['locations[0].records', inLocation({ records: 4 })],
    ['locations[0].setDigest', inLocation({ setDigest: '0' })],
    ['schema.kind', inLocation({ schema: { kind: 'bson' } })],
    ['locations[0].schema', inLocation({ schema: 'bson' })],
    ['schema', inLocation({ schema: null })],
    ['locations', ({ locations }) => ({ locations: locations.slice(1) })],
    [
      'locations[1]',
      ({ locations }) => ({
        locations: [locations[0], { ...locations[0], setDigest: '1'.repeat(64) }],
      }),
    ],
    ['location', inLocation({ location: 'mysql:configuration.console_settings' })],
  ];

  it.each(cases)('is not sealed: %s', (field, change) => {
    const content = { ...sample.content, ...(change(sample.content) as object) };
    expect(() => sealManifest(content, KEY)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^INVALID_(INPUT|TENANT_ID|INSTANT)$/) as string,
        field: expect.stringContaining(field) as string,
      }) as Error,
    );
  });

  it('is not opened either', () => {
    for (const [, change] of cases) {
      const content = { ...sample.content, ...(change(sample.content) as object) };
      expect(() => open(signed(JSON.stringify(content)))).toThrow(refusal());
    }
  });
});
