import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { runExplain, type CommandOutcome } from '../../src/cli/commands/explain';
import examples from '../domain/examples.json';
import { asset, CALENDARS_DIR, configuration, link } from '../domain/windows/context';

const run = (text: string, json = true): CommandOutcome =>
  runExplain({ file: '-', json, calendarsDir: CALENDARS_DIR, read: () => text });
const explain = (facts: unknown): CommandOutcome => run(JSON.stringify(facts));

const expectRefusal = (outcome: CommandOutcome, code: string, field: string): void => {
  expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
  expect(outcome.stderr.trimEnd()).not.toContain('\n');
  const { error } = JSON.parse(outcome.stderr) as { error: Record<string, unknown> };
  expect(Object.keys(error)).toEqual(['code', 'field', 'message']);
  expect(error['code']).toBe(code);
  expect([`${field} `, `${field}:`]).toContain(String(error['message']).slice(0, field.length + 1));
};

describe('explain', () => {
  it('answers an object with an object of exactly the published fields', () => {
    const { exitCode, stdout, stderr } = explain(asset());
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual([
      'earliestAt',
      'deleteNotBefore',
      'latestAt',
      'lastDay',
      'provisional',
      'breaches',
      'steps',
      'policyVersion',
      'calendarVersions',
      'tzdata',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      policyVersion: expect.stringMatching(/^container-security@1\+[0-9a-f]{12}$/) as string,
      calendarVersions: [expect.stringMatching(/^CN@[0-9a-f]{12}$/) as string],
      tzdata: process.versions['tz'],
    });
  });

  it('answers an array with an array in the same order', () => {
    const { stdout } = explain(examples.map(({ facts }) => facts));
    expect(JSON.parse(stdout)).toMatchObject(examples.map(({ expect: figures }) => figures));
    expect(explain([]).stdout).toBe('[]\n');
  });

  it('says what is wrong as one line for people, and as data with --json', () => {
    const text = JSON.stringify(asset({ zone: '+08:00' }));
    expectRefusal(run(text, true), 'INVALID_ZONE', 'zone');
    expect(run(text, false)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(/^INVALID_ZONE: zone [^\n]+\n$/) as string,
    });
  });

  it.each([
    'recordClass',
    'zone',
    'collectedAt',
    'links',
    'links[0].service',
    'links[0].startedAt',
  ])('says that %s is missing when it is', (field) => {
    const facts = asset() as { links: Record<string, unknown>[] } & Record<string, unknown>;
    // What is undefined is not in the JSON.
    const [, ofLink] = field.split('links[0].');
    if (ofLink === undefined) facts[field] = undefined;
    else facts.links = [{ ...facts.links[0], [ofLink]: undefined }];
    const outcome = explain(facts);
    const problem = field === 'links' ? 'must have at least one link' : 'is missing';
    expectRefusal(outcome, 'INVALID_INPUT', field);
    expect(outcome.stderr).toContain(`${field} ${problem}`);
  });

  it('reads a file, with or without a byte order mark', () => {
    const folder = mkdtempSync(join(tmpdir(), 'explain-'));
    try {
      const file = join(folder, 'facts.json');
      writeFileSync(file, `\uFEFF${JSON.stringify(asset())}`);
      const outcome = runExplain({ file, json: true, calendarsDir: CALENDARS_DIR });
      expect(outcome).toEqual(explain(asset()));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('takes absent lists as empty, absent instants as null, and an absent flag as false', () => {
    const short = {
      recordClass: 'asset-basic-data',
      zone: 'Asia/Shanghai',
      collectedAt: '2026-01-10T08:00:00+08:00',
      links: [{ service: 'ECM', startedAt: '2023-01-01T00:00:00Z' }],
    };
    const long = {
      ...short,
      calendars: [],
      statutoryLog: false,
      links: [{ ...short.links[0], endedAt: null }],
      featurePeriods: [],
      deletionRequests: [],
      holds: [],
    };
    expect(explain(short)).toEqual(explain(long));
    expect(explain(short).exitCode).toBe(0);
  });

  it('explains every figure in words without --json', () => {
    const facts = configuration({
      deletionRequests: [{ receivedAt: '2025-09-15T10:00:00+08:00' }],
    });
    const { exitCode, stdout } = run(JSON.stringify([facts]), false);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('latest             2025-10-31T16:00:00Z');
    expect(stdout).toContain('30 working days in calendar CN');
    expect(stdout).toContain('skipped 2025-10-01');
    expect(stdout).toContain('worked 2025-09-28, 2025-10-11');
  });
});

describe('explain on bad input', () => {
  const span = { startedAt: '2026-03-01T00:00:00Z', endedAt: '2026-02-01T00:00:00Z' };
  const received = '2026-03-02T09:00:00+08:00';
  const cases: readonly (readonly [string, string, string, unknown])[] = [
    ['an unknown field', 'INVALID_INPUT', 'colour', asset({ colour: 1 })],
    [
      'an unknown field of a link',
      'INVALID_INPUT',
      'links[0].x',
      asset({ links: [{ ...link(received, null), x: 1 }] }),
    ],
    ['an unknown zone', 'INVALID_ZONE', 'zone', asset({ zone: 'Asia/Atlantis' })],
    ['an offset for a zone', 'INVALID_ZONE', 'zone', asset({ zone: '+08:00' })],
    ['no zone', 'INVALID_INPUT', 'zone', asset({ zone: undefined })],
    ['an unknown calendar', 'INVALID_CALENDAR', 'calendars[1]', asset({ calendars: ['CN', 'FR'] })],
    ['a calendar twice', 'INVALID_CALENDAR', 'calendars[1]', asset({ calendars: ['CN', 'CN'] })],
    [
      'a request without calendars',
      'INVALID_CALENDAR',
      'calendars',
      configuration({ calendars: [], deletionRequests: [{ receivedAt: received }] }),
    ],
    [
      'a request before all data',
      'INVALID_CALENDAR',
      'calendars',
      configuration({ deletionRequests: [{ receivedAt: '2010-01-01T00:00:00Z' }] }),
    ],
    [
      'an unknown service',
      'INVALID_INPUT',
      'links[0].service',
      asset({ links: [{ ...link(received, null), service: 'cvm' }] }),
    ],
    ['an unknown record class', 'INVALID_INPUT', 'recordClass', asset({ recordClass: 'asset' })],
    ['no record class', 'INVALID_INPUT', 'recordClass', asset({ recordClass: undefined })],
    ['no observation', 'INVALID_INPUT', 'collectedAt', asset({ collectedAt: undefined })],
    ['no link', 'INVALID_INPUT', 'links', asset({ links: [] })],
    [
      'an instant without offset',
      'INVALID_INSTANT',
      'collectedAt',
      asset({ collectedAt: '2026-01-10T08:00:00' }),
    ],
    [
      'a day that does not exist',
      'INVALID_INSTANT',
      'links[0].startedAt',
      asset({ links: [link('2026-02-30T00:00:00Z', null)] }),
    ],
    [
      'a leap second',
      'INVALID_INSTANT',
      'holds[0].placedAt',
      asset({ holds: [{ placedAt: '2026-12-31T23:59:60Z' }] }),
    ],
    ['a number for an instant', 'INVALID_INPUT', 'collectedAt', asset({ collectedAt: 1 })],
    [
      'an end before the start',
      'INVALID_INPUT',
      'links[0].endedAt',
      asset({ links: [{ service: 'CVM', ...span }] }),
    ],
    [
      'a Feature that ends before it starts',
      'INVALID_INPUT',
      'featurePeriods[0].endedAt',
      configuration({ featurePeriods: [span] }),
    ],
    [
      'a release before the placement',
      'INVALID_INPUT',
      'holds[1].releasedAt',
      asset({
        holds: [{ placedAt: received }, { placedAt: received, releasedAt: '2026-03-01T00:00:00Z' }],
      }),
    ],
    [
      'a withdrawal before the receipt',
      'INVALID_INPUT',
      'deletionRequests[0].withdrawnAt',
      asset({ deletionRequests: [{ receivedAt: received, withdrawnAt: '2026-03-01T00:00:00Z' }] }),
    ],
    [
      'an observation after the use',
      'INVALID_INPUT',
      'collectedAt',
      asset({ collectedAt: '2026-03-01T15:00:00.001+08:00' }),
    ],
    [
      'links of configuration data',
      'INVALID_INPUT',
      'links',
      configuration({ links: [link(received, null)] }),
    ],
    [
      'an observation of configuration data',
      'INVALID_INPUT',
      'collectedAt',
      configuration({ collectedAt: received }),
    ],
    [
      'a statutory log of configuration data',
      'INVALID_INPUT',
      'statutoryLog',
      configuration({ statutoryLog: true }),
    ],
    [
      'Feature periods of asset data',
      'INVALID_INPUT',
      'featurePeriods',
      asset({ featurePeriods: [{ startedAt: received }] }),
    ],
    ['a text for a flag', 'INVALID_INPUT', 'statutoryLog', asset({ statutoryLog: 'false' })],
    ['null for a list', 'INVALID_INPUT', 'holds', asset({ holds: null })],
    ['an object for a list', 'INVALID_INPUT', 'links', asset({ links: {} })],
    ['a text for an object', 'INVALID_INPUT', 'holds[0]', asset({ holds: ['2026'] })],
    ['null for the facts', 'INVALID_INPUT', 'facts', null],
    ['a number for the facts', 'INVALID_INPUT', 'facts', 7],
    ['a list in a list', 'INVALID_INPUT', '[0]', [[]]],
    [
      'a bad element',
      'INVALID_INSTANT',
      '[1].links[0].startedAt',
      [asset(), asset({ links: [link('soon', null)] })],
    ],
    [
      'a bad element found late',
      'INVALID_INPUT',
      '[1].collectedAt',
      [asset(), asset({ collectedAt: '2027-01-01T00:00:00Z' })],
    ],
    [
      'a bad element without data',
      'INVALID_CALENDAR',
      '[0].calendars',
      [
        configuration({
          calendars: ['HK'],
          deletionRequests: [{ receivedAt: '2020-01-01T00:00:00Z' }],
        }),
      ],
    ],
  ];

  it.each(cases)('names the field for %s and prints nothing else', (...row) => {
    const [, code, field, facts] = row;
    expectRefusal(explain(facts), code, field);
  });

  it('refuses a prototype in place of a field', () => {
    expectRefusal(run('{"__proto__":{"zone":"UTC"}}'), 'INVALID_INPUT', 'recordClass');
    const smuggled = JSON.stringify(asset()).replace('{', '{"__proto__":{},');
    expectRefusal(run(smuggled), 'INVALID_INPUT', '__proto__');
  });

  it('refuses a field that is stated twice', () => {
    const twice = JSON.stringify(asset()).replace('{', '{"zone":"UTC",');
    expectRefusal(run(twice), 'INVALID_INPUT', 'zone');
    const holds = '[{"placedAt":"2026-03-01T00:00:00Z","placed\\u0041t":"2026-03-02T00:00:00Z"}]';
    const nested = JSON.stringify([asset(), asset({ holds: 1 })]).replace(
      '"holds":1',
      `"holds":${holds}`,
    );
    expectRefusal(run(nested), 'INVALID_INPUT', '[1].holds[0].placedAt');
  });

  it('takes the same field in two objects, and braces in a text, for what they are', () => {
    const hold = { placedAt: '2026-03-20T00:00:00Z', releasedAt: '2026-03-21T00:00:00Z' };
    expect(explain(asset({ holds: [hold, hold] })).exitCode).toBe(0);
    expectRefusal(explain(asset({ zone: '{"a":1,"a":2}' })), 'INVALID_ZONE', 'zone');
  });

  it.each(['', '{', 'nope', '{"a":1}}'])('refuses what is not JSON: %p', (text) => {
    expectRefusal(run(text), 'INVALID_INPUT', 'FILE');
  });

  it('refuses a file that cannot be read, and names FILE', () => {
    const outcome = runExplain({ file: '/nowhere/facts', json: true, calendarsDir: CALENDARS_DIR });
    expectRefusal(outcome, 'INVALID_INPUT', 'FILE');
  });

  it('shows no control character of an unknown field', () => {
    const { stderr } = explain(asset({ '\u001b[2J\n': 1 }));
    expect(stderr).toMatch(/^[\x20-\x7e]+\n$/);
  });

  it('ends with 0 or 2 whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { exitCode, stdout, stderr } = run(text);
        expect([0, 2]).toContain(exitCode);
        expect(stdout === '').toBe(stderr !== '');
      }),
      { numRuns: 300 },
    );
  });

  it('fails when the calendars are gone, without an answer', () => {
    const outcome = runExplain({
      file: '-',
      json: true,
      calendarsDir: '/nowhere',
      read: () => JSON.stringify(asset()),
    });
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain('CONFIGURATION_INVALID');
  });
});
