import { heldTable } from '../../src/cli/held-table';
import type { DueDay } from '../../src/contracts/snapshot';

const HOLD = 'hd_0000000000000001';
const PARENT = 'rn_0000000000000001';
const DAY: DueDay = {
  runId: 'rn_0000000000000002',
  recordClass: 'asset-basic-data',
  dueOn: '2030-07-06',
  earliestAt: null,
  deleteNotBefore: null,
  latestAt: null,
  records: 7,
  state: 'moved',
  because: 'AB-3',
  provisional: false,
};
const splitFrom = { runId: PARENT, holdId: HOLD, splitAt: '2030-07-06T18:00:01.000000Z' };
const heldBy = [{ holdId: HOLD, whole: true }];

describe('what holds keep', () => {
  it('names of what is withheld the run, the hold, the records and what its release leads to [CC-4]', () => {
    const text = heldTable([{ ...DAY, splitFrom, heldBy }], [{ holdId: HOLD }]);
    expect(text).toMatch(/^HELD RUN +DUE ON +RECORDS +WHAT IS HELD +UNDER +THEN\n/);
    expect(text).toContain(`${DAY.runId}  2030-07-06  7 `);
    expect(text).toContain(`withheld of ${PARENT} under ${HOLD} since ${splitFrom.splitAt}`);
    expect(text).toContain('released, it goes with a certificate of its own');
    const releasesAt = '2031-01-01T00:00:00.000000Z';
    expect(heldTable([{ ...DAY, splitFrom, heldBy }], [{ holdId: HOLD, releasesAt }])).toContain(
      `released from ${releasesAt} on; goes after that with a certificate of its own`,
    );
    const free = { ...DAY, splitFrom, deleteNotBefore: releasesAt };
    expect(heldTable([free])).toContain(`goes from ${releasesAt} on`);
  });

  it('tells what is kept as a whole from what is kept in part [CC-4]', () => {
    expect(heldTable([{ ...DAY, heldBy }])).toContain('all of it');
    const part = { ...DAY, heldBy: [{ holdId: HOLD, whole: false }], divisibleFrom: '2030-08-01' };
    expect(heldTable([part])).toContain('a part; the rest goes from 2030-08-01 on');
    const both = { ...part, heldBy: [...part.heldBy, { holdId: 'hd_2', whole: true }] };
    expect(heldTable([both])).toContain('all of it');
    expect(heldTable([both])).toContain(`${HOLD}, hd_2`);
  });

  it('is empty when no hold keeps anything, and has the tenant where there are several', () => {
    expect(heldTable([DAY])).toBe('');
    expect(heldTable([{ ...DAY, heldBy, tenantId: 'tn_1' }])).toMatch(/^TENANT[\s\S]*tn_1/);
  });
});
