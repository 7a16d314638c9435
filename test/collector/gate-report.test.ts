import { gateReport, observationOf, parseHostReport } from '../../src/collector';
import { withDigest } from '../../src/collector/report-digest';
import type { Fingerprint } from '../../src/contracts/schemas/fingerprints';
import type { HostReport } from '../../src/contracts/schemas/host-report';
import { plantedSecrets } from '../support/planted-secrets';
import { collectLive, removeFolders } from './machine';
import { WHOLE_FILES, wholeProc } from './whole-machine';

afterAll(removeFolders);

const report = collectLive(WHOLE_FILES, wholeProc(100));
const planted = plantedSecrets('delivered report');

/** The report as an older collector would have made it, sealed by that collector. */
function ofVersion1(): Record<string, unknown> {
  const fingerprints = report.fingerprints.map((record) => {
    const dropped = ['commandLine', 'command', 'value', 'valueState'];
    const entries = Object.entries(record).filter(([field]) => !dropped.includes(field));
    return Object.fromEntries(entries);
  });
  const old: unknown = { ...report, reportVersion: 1, fingerprints };
  return { ...withDigest(old as HostReport) };
}

/** A report by somebody who redacts nothing. */
function careless(change: (record: Fingerprint, index: number) => Fingerprint): HostReport {
  return withDigest({ ...report, fingerprints: report.fingerprints.map(change) });
}

describe('a report of version 1', () => {
  it('is still accepted, and what it does not say is not known [SD-1]', () => {
    const read = parseHostReport(ofVersion1());
    expect(read.reportVersion).toBe(2);
    const processes = read.fingerprints.filter(({ kind }) => kind === 'process');
    const variables = read.fingerprints.filter(({ kind }) => kind === 'environment-variable');
    expect(processes.length).toBeGreaterThan(0);
    expect(variables.length).toBeGreaterThan(0);
    for (const record of processes) expect(record).toMatchObject({ commandLine: null });
    for (const record of variables) {
      expect(record).toMatchObject({ value: null, valueState: 'unknown' });
    }
    expect(read.fingerprints).toHaveLength(report.fingerprints.length);
  });

  it('may not say what only version 2 has', () => {
    const mixed = withDigest({ ...report, reportVersion: 1 } as never);
    expect(() => parseHostReport(mixed)).toThrow(/not a known field/);
  });
});

describe('the gate for reports', () => {
  it('leaves a report in which nothing is found as it is, digest included', () => {
    expect(gateReport(report)).toBe(report);
  });

  it('redacts every planted value wherever a text may be, and the result is a valid report [SD-1]', () => {
    const leaky = planted.map(({ text, value }) => {
      const short = text.length <= 250 ? text : value.slice(0, 250);
      return careless((record) => {
        if (record.kind === 'process') return { ...record, commandLine: `/bin/run ${text}` };
        if (record.kind === 'scheduled-task') return { ...record, command: text };
        if (record.kind === 'account' && record.item === 'user') return { ...record, name: short };
        if (record.kind === 'web-site') return { ...record, serverNames: [short] };
        return record;
      });
    });
    for (const [index, { value }] of planted.entries()) {
      const passed = gateReport(parseHostReport(JSON.parse(JSON.stringify(leaky[index]))));
      expect(JSON.stringify(leaky[index])).toContain(JSON.stringify(value).slice(1, -1));
      expect(JSON.stringify(passed)).not.toContain(JSON.stringify(value).slice(1, -1));
      expect(parseHostReport(JSON.parse(JSON.stringify(passed)))).toEqual(passed);
      expect(gateReport(passed)).toBe(passed);
    }
  });

  it('leaves a value of a variable out that is not harmless by rule, whoever says that it is', () => {
    const passed = gateReport(
      careless((record) =>
        record.kind === 'environment-variable'
          ? { ...record, value: 'hunter22', valueState: 'kept' }
          : record,
      ),
    );
    expect(JSON.stringify(passed)).not.toContain('hunter22');
    expect(passed.fingerprints).toContainEqual(
      expect.objectContaining({ name: 'TOKEN', value: null, valueState: 'withheld' }),
    );
  });

  it('does not make one thing of two that only a secret told apart', () => {
    const [first, second] = ['a', 'b'].flatMap((seed) =>
      plantedSecrets(seed).filter(({ detector }) => detector === 'email-address'),
    );
    const user = report.fingerprints.find(({ kind }) => kind === 'account');
    const users = [
      { ...user, name: first?.value, uid: 1001 },
      { ...user, name: second?.value, uid: 1002 },
    ] as Fingerprint[];
    const passed = gateReport(withDigest({ ...report, fingerprints: users }));
    const scan = { tenantId: 'tn_0123456789abcdef', scanId: 'sc_00000000000000000001' };
    const [host] = observationOf(passed, scan).assets;
    expect(host?.records.map(({ body }) => body['uid']).sort()).toEqual([1001, 1002]);
  });
});
