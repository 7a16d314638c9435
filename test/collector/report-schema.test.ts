import { parseHostReport } from '../../src/collector';
import { withDigest } from '../../src/collector/report-digest';
import { FINGERPRINT_KINDS } from '../../src/contracts/observations';
import { BOUNDS } from '../../src/contracts/schemas/fingerprint-fields';
import type { HostReport } from '../../src/contracts/schemas/host-report';
import { isLetheError } from '../../src/domain/errors';
import { collectLive, removeFolders } from './machine';
import { WHOLE_FILES, wholeProc } from './whole-machine';

afterAll(removeFolders);

const report = collectLive(WHOLE_FILES, wholeProc(100));
type Loose = Record<string, unknown>;

/** A copy as it would come over the network. */
const copy = (): Omit<HostReport, 'fingerprints'> & { fingerprints: Loose[] } =>
  JSON.parse(JSON.stringify(report)) as HostReport & { fingerprints: Loose[] };

const sealed = (value: unknown): unknown => withDigest(value as HostReport);

/** Code, field and message of the refusal. */
function refusalOf(value: unknown): { code: string; field: string | undefined; message: string } {
  try {
    parseHostReport(value);
  } catch (error) {
    if (!isLetheError(error)) throw error;
    const { code, field, message } = error;
    return { code, field, message };
  }
  return { code: 'accepted', field: undefined, message: '' };
}

describe('a report', () => {
  it('holds every one of the 15 kinds where there is something of it [DC-1]', () => {
    const kinds = new Set(report.fingerprints.map(({ kind }) => kind));
    expect(FINGERPRINT_KINDS.filter((kind) => !kinds.has(kind))).toEqual([]);
    expect(FINGERPRINT_KINDS).toHaveLength(15);
  });

  it('is accepted as it was made, in whatever order its fields come', () => {
    expect(parseHostReport(copy())).toEqual(report);
    const turned = Object.fromEntries(Object.entries(copy()).reverse());
    expect(parseHostReport(turned)).toEqual(report);
  });

  it('is refused when anything in it was changed after it was closed', () => {
    for (const change of [
      (value: Loose) => (value['collectedAt'] = '2026-03-01T08:00:01Z'),
      (value: Loose) => (value['fingerprints'] = []),
      (value: Loose) => (value['digest'] = '0'.repeat(64)),
    ]) {
      const changed = copy() as unknown as Loose;
      change(changed);
      expect(refusalOf(changed)).toMatchObject({ code: 'DIGEST_MISMATCH', field: 'digest' });
    }
  });

  it.each([null, undefined, 7, 'x', [], {}])('is refused when it is %p', (value) => {
    expect(refusalOf(value).code).toBe('INVALID_INPUT');
  });

  it('is refused with another version, another id, or an instant without offset', () => {
    expect(refusalOf({ ...copy(), reportVersion: 3 })).toMatchObject({ field: 'reportVersion' });
    expect(refusalOf({ ...copy(), assetId: 'tn_0123456789abcdef' })).toMatchObject({
      field: 'assetId',
    });
    expect(refusalOf({ ...copy(), collectedAt: '2026-03-01' })).toMatchObject({
      field: 'collectedAt',
    });
  });

  it('is refused when it names a container or a cluster twice', () => {
    const twice = copy();
    const [container] = twice.containers;
    if (container !== undefined) twice.containers.push(container);
    expect(refusalOf(sealed(twice))).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'containers[1].containerId',
    });
  });

  it('is refused when it has more records than any machine', () => {
    const large = copy();
    const [record = {}] = large.fingerprints;
    large.fingerprints = Array.from({ length: BOUNDS.records + 1 }, () => record);
    expect(refusalOf(large)).toMatchObject({ code: 'INVALID_INPUT', field: 'fingerprints' });
  });

  it('is refused when it is longer than what can be delivered', () => {
    const long = copy();
    const record = long.fingerprints.find(({ kind }) => kind === 'port') ?? {};
    const group = { ...record, address: 'x'.repeat(256), exe: `/${'y'.repeat(1000)}` };
    long.fingerprints = Array.from({ length: 30_000 }, () => group);
    expect(refusalOf(sealed(long))).toMatchObject({ code: 'INVALID_INPUT', field: 'report' });
  });
});

describe.each(FINGERPRINT_KINDS)('a record of kind %s', (kind) => {
  const index = report.fingerprints.findIndex((record) => record.kind === kind);
  const at = `fingerprints[${index}]`;
  const changed = (change: (record: Loose) => void): unknown => {
    const value = copy();
    change(value.fingerprints[index] ?? {});
    return value;
  };

  it('is refused as another kind than the 15', () => {
    expect(refusalOf(changed((record) => (record['kind'] = 'hunter2')))).toEqual({
      code: 'UNKNOWN_KIND',
      field: `${at}.kind`,
      message: expect.not.stringContaining('hunter2') as string,
    });
  });

  it('is refused with an unknown field', () => {
    expect(refusalOf(changed((record) => (record['argv'] = 'hunter2')))).toEqual({
      code: 'INVALID_INPUT',
      field: `${at}.argv`,
      message: expect.not.stringContaining('hunter2') as string,
    });
  });

  const fields = Object.keys(report.fingerprints[index] ?? {}).filter((field) => field !== 'kind');

  it.each(fields)('is refused without %s', (field) => {
    const refusal = refusalOf(changed((record) => Reflect.deleteProperty(record, field)));
    expect(refusal).toMatchObject({ code: 'INVALID_INPUT', field: `${at}.${field}` });
  });

  it.each(fields)('is refused with far too much in %s', (field) => {
    const huge = (value: unknown): unknown => {
      if (Array.isArray(value))
        return Array.from({ length: 1000 }, () => (value as unknown[])[0] ?? 'hunter2');
      return typeof value === 'number' ? Number.MAX_VALUE : 'hunter2'.repeat(1000);
    };
    const refusal = refusalOf(changed((record) => (record[field] = huge(record[field]))));
    expect(refusal.code).toBe('INVALID_INPUT');
    expect(refusal.field?.startsWith(`${at}.${field}`)).toBe(true);
    expect(refusal.message).not.toContain('hunter2');
  });
});

describe('a text in a report', () => {
  it.each([
    ['a control character', 'a\u001b[2J'],
    ['a line end', 'a\nb'],
    ['a turn of direction', 'a\u202eb'],
    ['a zero width', 'a\u200bb'],
    ['half a pair', 'a\ud800'],
  ])('is refused with %s', (_, text) => {
    const value = copy();
    value.host.hostname = text;
    expect(refusalOf(value)).toMatchObject({ code: 'INVALID_INPUT', field: 'host.hostname' });
  });

  it('shows no unknown name as it is', () => {
    const refusal = refusalOf({ ...copy(), 'x\u001b[2J\n': 1 });
    expect(refusal.message).toMatch(/^[\x20-\x7e]+$/);
  });
});
