import { createHash, createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { createSetDigest, type DigestItem } from '../../src/archive-format';
import { KEY, OTHER_KEY } from './samples';

const digestOf = (items: readonly DigestItem[], key = KEY): string => {
  const digest = createSetDigest(key);
  for (const item of items) digest.add(item);
  expect(digest.count).toBe(items.length);
  return digest.value();
};

const name = fc.string({ maxLength: 6 });
const item: fc.Arbitrary<DigestItem> = fc.record({
  location: name,
  assetId: name,
  versionId: name,
  content: fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
});
const ITEM: DigestItem = {
  location: 'mysql:assets.scans',
  assetId: 'as_1',
  versionId: 'v1',
  content: Buffer.from('x'),
};

describe('the canonical digest', () => {
  it('does not depend on the order of the records', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 12 }), fc.func(fc.integer()), (items, weight) => {
        const shuffled = [...items].sort((a, b) => weight(a) - weight(b));
        expect(digestOf(shuffled)).toBe(digestOf(items));
        expect(digestOf([...items].reverse())).toBe(digestOf(items));
      }),
    );
  });

  it('differs when any field of one record differs, is moved, or a record is missing or doubled', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 5 }), item, (items, extra) => {
        const whole = digestOf([...items, extra]);
        expect(digestOf(items)).not.toBe(whole);
        expect(digestOf([...items, extra, extra])).not.toBe(whole);
        for (const field of ['location', 'assetId', 'versionId'] as const) {
          expect(digestOf([...items, { ...extra, [field]: `${extra[field]}.` }])).not.toBe(whole);
        }
        const content = Buffer.concat([extra.content, Buffer.alloc(1)]);
        expect(digestOf([...items, { ...extra, content }])).not.toBe(whole);
      }),
    );
    const moved = { ...ITEM, assetId: 'as_', versionId: '1v1' };
    expect(digestOf([moved])).not.toBe(digestOf([ITEM]));
  });

  it('tells exchanged contents of two records', () => {
    const a = { ...ITEM, versionId: 'a', content: Buffer.from('A') };
    const b = { ...ITEM, versionId: 'b', content: Buffer.from('B') };
    const exchanged = [
      { ...a, content: b.content },
      { ...b, content: a.content },
    ];
    expect(digestOf(exchanged)).not.toBe(digestOf([a, b]));
  });

  it('says nothing without its key: another key gives another digest', () => {
    expect(digestOf([ITEM], OTHER_KEY)).not.toBe(digestOf([ITEM]));
  });

  it('is the documented sum', () => {
    const key = Buffer.from(
      hkdfSync('sha256', KEY, Buffer.alloc(0), 'lethe/archive/1/set-digest', 32),
    );
    const term = (versionId: string): bigint => {
      const message = Buffer.concat([
        ...[ITEM.location, ITEM.assetId, versionId].flatMap((text) => [
          Buffer.from([0, 0, 0, text.length]),
          Buffer.from(text),
        ]),
        createHash('sha256').update(ITEM.content).digest(),
      ]);
      return BigInt(`0x${createHmac('sha256', key).update(message).digest('hex')}`);
    };
    const versions = Array.from({ length: 9 }, (_, index) => `v${index}`);
    const sum = versions.reduce((total, version) => total + term(version), 0n) % 2n ** 256n;
    expect(digestOf(versions.map((versionId) => ({ ...ITEM, versionId })))).toBe(
      sum.toString(16).padStart(64, '0'),
    );
    expect(digestOf([])).toBe('0'.repeat(64));
  });
});
