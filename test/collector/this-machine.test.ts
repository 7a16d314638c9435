import { observationOf, parseHostReport } from '../../src/collector';
import { prepareObservation } from '../../src/activities/ingest/prepare';
import { FINGERPRINT_KINDS } from '../../src/contracts/observations';
import type { HostReport } from '../../src/contracts/schemas/host-report';
import { collect } from './machine';

const kindsOf = ({ fingerprints }: HostReport): readonly string[] => {
  const seen = new Set<string>(fingerprints.map(({ kind }) => kind));
  return FINGERPRINT_KINDS.filter((kind) => seen.has(kind));
};

/** What a process without any rights sees; the call is synchronous, so nothing else runs meanwhile. */
function withoutRights<Result>(work: () => Result): Result {
  const before = process.geteuid?.() ?? 0;
  if (before !== 0 || process.seteuid === undefined) return work();
  process.seteuid(65_534);
  try {
    return work();
  } finally {
    process.seteuid(before);
  }
}

describe('the machine that the tests run on', () => {
  const report = collect('/', '/proc');

  it('has at least nine of the 15 kinds [DC-1]', () => {
    expect(kindsOf(report).length).toBeGreaterThanOrEqual(9);
    expect(kindsOf(report)).toEqual(
      expect.arrayContaining(['resource-monitoring', 'account', 'process', 'software-application']),
    );
  });

  it('gives a report that is accepted and can be stored', () => {
    expect(parseHostReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const scan = { tenantId: 'tn_0123456789abcdef', scanId: 'sc_0123456789abcdef' };
    expect(() => prepareObservation(observationOf(report, scan))).not.toThrow();
  });

  it('gives no value of an environment and no argument of a process [SD-1]', () => {
    const text = JSON.stringify(report);
    const own = Object.values(process.env).filter((value) =>
      /^(?=.*[:=]).{40,}$/.test(value ?? ''),
    );
    for (const value of own) expect(text).not.toContain(value);
    expect(report.redactions.environmentValues).toBeGreaterThan(0);
  });

  it('is read without rights too, and says what could not be seen', () => {
    const limited = withoutRights(() => collect('/', '/proc'));
    expect(kindsOf(limited)).toEqual(
      expect.arrayContaining(['account', 'process', 'software-application']),
    );
    const denied = limited.unread
      .filter(({ reason }) => reason === 'denied')
      .map(({ kind }) => kind);
    expect(denied).toEqual(expect.arrayContaining(['account', 'process', 'environment-variable']));
    expect(parseHostReport(JSON.parse(JSON.stringify(limited)))).toEqual(limited);
    const passwords = limited.fingerprints.flatMap((record) =>
      record.kind === 'account' && record.item === 'user' ? [record.passwordState] : [],
    );
    expect(new Set(passwords)).toContain('unknown');
  });
});
