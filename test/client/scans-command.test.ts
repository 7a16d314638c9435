import { createCommandLine, ENGINE_AWAY, type CommandLine } from '../support/command-line';

let cli: CommandLine;
let tenantId: string;
beforeAll(async () => {
  cli = await createCommandLine();
  tenantId = await cli.control.subscribed('CVM');
  await cli.control.send(tenantId, 'grantSharing', {
    ...(await cli.control.stage(tenantId, {
      ...{ registry: 'registry.test', repositories: ['*'] },
      validUntil: '2099-01-01T00:00:00Z',
    })),
    authorizationId: 'all',
  });
});
afterAll(() => cli.remove());

async function ordered(repository: string): Promise<string> {
  const order = { registry: 'https://registry.test', repository };
  const { receipt } = await cli.control.send(tenantId, 'requestScan', {
    ...(await cli.control.stage(tenantId, order)),
    source: 'registry',
  });
  return String(receipt.result['scanId']);
}

const ended = (scanId: string, outcome: string, counts: object): Promise<unknown> =>
  cli.sql.pool('collector').execute(
    `INSERT INTO scan_results (tenant_id, scan_id, outcome, counts, redacted, finished_at)
     VALUES (?, ?, ?, ?, 0, lethe_now())`,
    [tenantId, scanId, outcome, JSON.stringify(counts)],
  );

const lethe = async (line: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await cli.lethe(
    `scans ${line} --tenant ${tenantId}`,
    ENGINE_AWAY,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
};
const rowOf = (table: string, scanId: string): string =>
  table.split('\n').find((line) => line.includes(scanId)) ?? '';

describe('lethe scans, while the engine is away', () => {
  it('lists what came of scans: of many repositories how many, and how many were not read [DC-2]', async () => {
    const [one, many, partly] = [await ordered('a'), await ordered('*'), await ordered('shop/*')];
    await ended(one, 'complete', { assets: 1 });
    await ended(many, 'complete', { repositories: 12, assets: 12 });
    const counts = { repositories: 5, failed: 2, 'failed:ACCESS_DENIED': 2, refused: 1 };
    await ended(partly, 'complete', counts);
    const waiting = await ordered('other/*');
    const table = await lethe('list');
    expect(rowOf(table, one)).toMatch(/ complete +\d/);
    expect(rowOf(table, many)).toMatch(/ complete: 12 repositories +\d/);
    expect(rowOf(table, partly)).toMatch(/ complete: 5 repositories, 3 not read +\d/);
    expect(rowOf(table, waiting)).toMatch(/ waits or runs/);
    expect(table).not.toMatch(/shop|registry\.test/);
    const listed = JSON.parse(await lethe('list --json')) as { scanId: string }[];
    expect(listed.find(({ scanId }) => scanId === partly)).toMatchObject({ result: { counts } });
  });

  it('cancels one that waits, once', async () => {
    const scanId = await ordered('shop/front');
    expect(await lethe(`cancel --scan ${scanId}`)).toBe('cancelled\n');
    expect(rowOf(await lethe('list'), scanId)).toContain('cancelled');
    expect(await lethe(`cancel --scan ${scanId}`)).toContain('nothing was changed');
  });

  it('sets, shows and ends the schedule', async () => {
    expect(await lethe('show')).toContain('not on schedule');
    expect(await lethe('schedule --every-hours 24')).toMatch(/every +24 hours/);
    expect(await lethe('show')).toMatch(/set by +ops-1/);
    expect(await lethe('schedule --every-hours none')).toContain('not on schedule');
  });

  it.each([
    ['schedule --every-hours soon', 'everyHours'],
    ['schedule --every-hours 0', 'everyHours'],
    ['cancel --scan sc_x', 'scanId'],
  ])('refuses %s by its field', async (...[line, field]) => {
    const { exitCode, stderr } = await cli.lethe(`scans ${line} --tenant ${tenantId}`, ENGINE_AWAY);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(field);
  });
});
