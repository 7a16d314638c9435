import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkReport } from '../../demo/report';

const ROOT = join(__dirname, '..', '..');
const runFile = promisify(execFile);

describe('./dev demo', () => {
  it('plays three lives on servers of its own, ends with 0, and reports what the policy says [AB-2] [AB-3] [CC-2] [CC-3] [CC-4]', async () => {
    const { stdout } = await runFile(process.execPath, [join(ROOT, 'stack', 'main.mjs'), 'demo'], {
      maxBuffer: 1 << 26,
    });
    expect(stdout).toMatch(/^\d+ expectations, 0 differences$/m);
    const file = join(ROOT, '.cache', 'demo', 'report.json');
    const report = checkReport(JSON.parse(readFileSync(file, 'utf8')));
    expect(report.tenants.map(({ cohorts }) => cohorts.length)).toEqual([7, 2, 0]);
    for (const { tenantId, actions, cohorts } of report.tenants) {
      expect(actions).toBeGreaterThan(10);
      // What is printed for people and what is written for machines speak of the same tenants.
      expect(stdout).toContain(tenantId);
      for (const cohort of cohorts) {
        const destroyed = Date.parse(cohort.destroyedAt);
        expect(destroyed).toBeGreaterThanOrEqual(Date.parse(cohort.deleteNotBefore));
        expect(destroyed).toBeLessThan(Date.parse(cohort.latestAt));
        expect(cohort.archivedAt === null).toBe(cohort.recordClass !== 'asset-basic-data');
      }
    }
    // The first tenant's days, written down by hand from the agreement's rules.
    const days = report.tenants[0]?.cohorts.map(({ dueOn }) => dueOn);
    expect([...new Set(days)]).toEqual([
      '2030-09-19',
      '2030-10-10',
      '2030-11-06',
      '2031-02-15',
      '2031-03-08',
    ]);
    expect(Object.keys(report.residue).length).toBeGreaterThan(10);
    expect(Object.values(report.residue).filter((left) => left !== 0)).toEqual([]);
  }, 900_000);
});
