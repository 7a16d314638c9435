import { randomBytes } from 'node:crypto';
import { unwrapKey, wrapKey, wrappingKeyIdOf } from '../../src/archive-format';
import { cohortKeyRef, configurationKeyRef } from '../../src/contracts/keys';
import { COHORT, KEY } from './samples';

const BY = { kekId: 'kek-2026-1', kek: randomBytes(32) };
const CONTEXT = { keyRef: cohortKeyRef(COHORT.runId, COHORT.dueOn), tenantId: COHORT.tenantId };
const INVALID = expect.objectContaining({ code: 'ARCHIVE_INVALID' }) as Error;

describe('a wrapped key', () => {
  const wrapped = wrapKey(BY, KEY, CONTEXT);

  it('gives back the key, names its wrapping key and fits its column', () => {
    expect(unwrapKey(BY, wrapped, CONTEXT)).toEqual(KEY);
    expect(wrappingKeyIdOf(wrapped)).toBe('kek-2026-1');
    expect(wrapped.length).toBe(2 + 10 + 12 + 32 + 16);
    const longest = wrapKey({ ...BY, kekId: 'k'.repeat(64) }, KEY, CONTEXT);
    expect(longest.length).toBeLessThanOrEqual(512);
  });

  it('may be of a generation of configuration', () => {
    const context = { ...CONTEXT, keyRef: configurationKeyRef(COHORT.tenantId, 3) };
    expect(unwrapKey(BY, wrapKey(BY, KEY, context), context)).toEqual(KEY);
  });

  it('is never the same bytes twice', () => {
    expect(wrapKey(BY, KEY, CONTEXT).equals(wrapped)).toBe(false);
  });

  it.each([
    ['another tenant', { ...CONTEXT, tenantId: 'tn_0000000000000002' }],
    ['another due day', { ...CONTEXT, keyRef: cohortKeyRef(COHORT.runId, '2027-04-01') }],
    ['another run', { ...CONTEXT, keyRef: cohortKeyRef('rn_0000000000000002', COHORT.dueOn) }],
  ])('does not open for %s', (_, context) => {
    expect(() => unwrapKey(BY, wrapped, context)).toThrow(INVALID);
  });

  it('does not open with another wrapping key, or under another name of it', () => {
    expect(() => unwrapKey({ ...BY, kek: randomBytes(32) }, wrapped, CONTEXT)).toThrow(INVALID);
    expect(() => unwrapKey({ ...BY, kekId: 'kek-2026-2' }, wrapped, CONTEXT)).toThrow(INVALID);
  });

  it('does not open with any byte altered, cut off or added', () => {
    for (let at = 0; at < wrapped.length; at += 1) {
      const altered = Buffer.from(wrapped);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      expect(() => unwrapKey(BY, altered, CONTEXT)).toThrow(INVALID);
      expect(() => unwrapKey(BY, wrapped.subarray(0, at), CONTEXT)).toThrow(INVALID);
    }
    expect(() => unwrapKey(BY, Buffer.concat([wrapped, Buffer.alloc(1)]), CONTEXT)).toThrow(
      INVALID,
    );
  });

  it.each([
    ['kek', { ...BY, kek: Buffer.alloc(32) }, KEY, CONTEXT],
    ['kek', { ...BY, kek: Buffer.alloc(16, 1) }, KEY, CONTEXT],
    ['kekId', { ...BY, kekId: '' }, KEY, CONTEXT],
    ['kekId', { ...BY, kekId: 'k'.repeat(65) }, KEY, CONTEXT],
    ['dataKey', BY, Buffer.alloc(32), CONTEXT],
    ['keyRef', BY, KEY, { ...CONTEXT, keyRef: '' }],
    ['tenantId', BY, KEY, { ...CONTEXT, tenantId: undefined as unknown as string }],
  ])('is not made with a malformed %s', (field, ...[by, key, context]) => {
    expect(() => wrapKey(by, key, context)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field }) as Error,
    );
  });
});
