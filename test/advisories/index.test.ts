import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDigestList, readOsvDirectory } from '../../src/advisories';
import { AdvisoryIndex } from '../../src/advisories/advisory-index';
import { zip } from '../collector/zip-files';
import { createScratch } from '../support/scratch';

const affected = (
  ...[ecosystem, name, events, rest = {}]: [string, string, object[], object?]
) => ({
  package: { ecosystem, name },
  ranges: [{ type: 'ECOSYSTEM', events }],
  ...rest,
});
const record = (id: string, ...entries: object[]) => ({
  id,
  modified: '2026-01-01T00:00:00Z',
  affected: entries,
});
const indexOf = (...records: object[]): AdvisoryIndex => {
  const index = new AdvisoryIndex();
  for (const one of records) expect(index.add(one)).toBeNull();
  return index;
};
const installed = (
  ...[type, name, version, source = null]: [string, string, string, (string | null)?]
) => ({
  type,
  name,
  version,
  source,
  sourceVersion: null,
});
const DEBIAN = { id: 'debian', version: '12' };
const idsOf = (
  index: AdvisoryIndex,
  ...[one, where]: [ReturnType<typeof installed>, typeof DEBIAN | null]
) => index.find(one, where).map(({ advisoryId }) => advisoryId);

describe('a range', () => {
  const at = (events: object[], version: string, type = 'SEMVER') =>
    idsOf(
      indexOf(
        record('X', { package: { ecosystem: 'npm', name: 'a' }, ranges: [{ type, events }] }),
      ),
      installed('npm', 'a', version),
      null,
    ).length > 0;

  it.each([
    ['1.0.0', false],
    ['1.1.9', false],
    ['1.2.0', true],
    ['1.2.9', true],
    ['1.3.0', false],
    ['1.3.1', false],
    ['1.3.0-rc.1', true],
  ])('from where it was introduced to where it was fixed holds %s: %s', (version, holds) => {
    expect(at([{ introduced: '1.2.0' }, { fixed: '1.3.0' }], version)).toBe(holds);
    expect(at([{ fixed: '1.3.0' }, { introduced: '1.2.0' }], version)).toBe(holds);
  });

  it.each([
    ['1.3.0', true],
    ['1.3.1', false],
  ])('up to the last affected version holds %s: %s', (version, holds) => {
    expect(at([{ introduced: '0' }, { last_affected: '1.3.0' }], version)).toBe(holds);
  });

  it.each([
    ['0.0.1', true],
    ['1.0.0', false],
    ['1.5.0', false],
    ['2.0.0', true],
    ['2.0.9', true],
    ['2.1.0', false],
  ])('in two pieces holds %s: %s', (version, holds) => {
    const events = [
      { introduced: '0' },
      { fixed: '1.0.0' },
      { introduced: '2.0.0' },
      { fixed: '2.1.0' },
    ];
    expect(at(events, version)).toBe(holds);
    expect(at([...events].reverse(), version)).toBe(holds);
  });

  it('without an end holds everything later, and one with a limit nothing behind it', () => {
    expect(at([{ introduced: '0' }], '99.0.0')).toBe(true);
    expect(at([{ introduced: '0' }, { limit: '2.0.0' }], '1.0.0')).toBe(true);
    expect(at([{ introduced: '0' }, { limit: '2.0.0' }], '2.0.0')).toBe(false);
  });

  it.each([
    [[{ introduced: '1.5.0' }, { last_affected: '1.5.0' }], ['1.5.0']],
    [[{ last_affected: '1.5.0' }, { introduced: '1.5.0' }], ['1.5.0']],
    [[{ introduced: '1.5.0' }, { fixed: '1.5.0' }], []],
    [[{ introduced: '0' }, { fixed: '0' }], []],
    [
      [{ introduced: '1.4.0' }, { fixed: '1.5.0' }, { introduced: '1.5' }],
      ['1.5.0', '1.6.0'],
    ],
  ])('whose ends are one version holds what lies between them: %j holds %j', (events, held) => {
    const versions = ['1.3.0', '1.5.0-rc.1', '1.5.0', '1.6.0'].filter((one) => at(events, one));
    expect(versions.filter((one) => one !== '1.5.0-rc.1')).toEqual(held);
  });

  it('of commits holds no package, and what is no version lies in none', () => {
    expect(at([{ introduced: '0' }], '1.0.0', 'GIT')).toBe(false);
    expect(at([{ introduced: '0' }], 'git+ssh://somewhere')).toBe(false);
  });
});

describe('a record', () => {
  it('may list versions, in whatever spelling', () => {
    const index = indexOf(
      record('X', {
        package: { ecosystem: 'PyPI', name: 'My.Package' },
        versions: ['1.0', '2.0rc1'],
      }),
    );
    expect(idsOf(index, installed('pypi', 'my_package', '1.0.0'), null)).toEqual(['X']);
    expect(idsOf(index, installed('pypi', 'MY-PACKAGE', '2.0.pre1'), null)).toEqual(['X']);
    expect(idsOf(index, installed('pypi', 'my_package', '2.0'), null)).toEqual([]);
  });

  it.each([
    ['1.0+cu118', true],
    ['1.0', true],
    ['1.0.1+cu118', false],
    ['0.9+cu118', false],
  ])('that means a version of Python means every build of it: %s: %s', (version, holds) => {
    const where = { ecosystem: 'PyPI', name: 'a' };
    const events = [{ introduced: '1.0' }, { last_affected: '1.0' }];
    for (const entry of [
      { package: where, versions: ['1.0'] },
      { package: where, ranges: [{ type: 'ECOSYSTEM', events }] },
    ]) {
      const found = idsOf(indexOf(record('X', entry)), installed('pypi', 'a', version), null);
      expect(found).toEqual(holds ? ['X'] : []);
    }
    const labelled = indexOf(record('X', { package: where, versions: ['1.0+cu117'] }));
    expect(idsOf(labelled, installed('pypi', 'a', '1.0+cu118'), null)).toEqual([]);
    const fixed = indexOf(
      record('X', affected('PyPI', 'a', [{ introduced: '0' }, { fixed: '1.0' }])),
    );
    expect(idsOf(fixed, installed('pypi', 'a', '1.0+cu118'), null)).toEqual([]);
  });

  it.each(['1.22rc1', '1.22rc1-builder', '1.22.0-fips', '1.22.0+auto', '1.22.0 X:none'])(
    'of the library of Go %s holds it',
    (version) => {
      const events = [{ introduced: '1.22.0-0' }, { fixed: '1.22.1' }];
      const index = indexOf(record('X', affected('Go', 'stdlib', events)));
      expect(idsOf(index, installed('golang', 'stdlib', version), null)).toEqual(['X']);
      expect(idsOf(index, installed('golang', 'stdlib', '1.22.1-fips'), null)).toEqual([]);
    },
  );

  it('that was withdrawn is none, and one without packages says nothing', () => {
    const index = indexOf(
      {
        ...record('X', affected('npm', 'a', [{ introduced: '0' }])),
        withdrawn: '2026-01-01T00:00:00Z',
      },
      { id: 'Y' },
    );
    expect(idsOf(index, installed('npm', 'a', '1.0.0'), null)).toEqual([]);
  });

  it('gives the first version without it, and its severity as it stands there', () => {
    const events = [
      { introduced: '0' },
      { fixed: '2.0.0' },
      { introduced: '3.0.0' },
      { fixed: '3.1.0' },
    ];
    const vector = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';
    const one = (rest: object, own: object = {}) =>
      indexOf({
        ...record('X', affected('npm', 'a', events, own)),
        aliases: ['CVE-2026-1'],
        ...rest,
      }).find(installed('npm', 'a', '1.0.0'), null)[0];
    expect(one({})).toEqual({
      advisoryId: 'X',
      aliases: ['CVE-2026-1'],
      fixedVersion: '2.0.0',
      severity: null,
    });
    expect(one({ severity: [{ type: 'CVSS_V3', score: vector }] })?.severity).toBe(vector);
    expect(
      one({
        database_specific: { severity: 'MODERATE' },
        severity: [{ type: 'CVSS_V3', score: vector }],
      })?.severity,
    ).toBe('MODERATE');
    expect(one({}, { ecosystem_specific: { urgency: 'low' } })?.severity).toBe('low');
  });

  it('that is not in the format is refused', () => {
    for (const bad of [
      null,
      [],
      {},
      { id: 7 },
      { id: 'X', affected: [{ package: { name: 'a' } }] },
      { id: 'X', affected: [{ ranges: [{ events: [] }] }] },
    ]) {
      expect(new AdvisoryIndex().add(bad)).toBe('malformed');
    }
  });
});

describe('a package', () => {
  const events = [{ introduced: '0' }, { fixed: '9' }];
  const everywhere = indexOf(
    ...[
      'Debian:12',
      'Debian:11',
      'Debian',
      'Ubuntu:22.04:LTS',
      'Alpine:v3.19',
      'npm',
      'PyPI',
      'Go',
      'Maven',
    ].map((ecosystem) =>
      record(
        ecosystem,
        affected(ecosystem, 'a', events),
        affected(ecosystem, 'g:a', events),
        affected(ecosystem, 'stdlib', [{ introduced: '1.22.0-0' }, { fixed: '1.22.1' }]),
      ),
    ),
  );
  it.each<
    [string, ReturnType<typeof installed>, { id: string; version: string | null } | null, string[]]
  >([
    [
      'of Debian, by its source',
      installed('deb', 'a-bin', '1', 'a'),
      DEBIAN,
      ['Debian', 'Debian:12'],
    ],
    [
      'of a Debian point release',
      installed('deb', 'a', '1'),
      { id: 'debian', version: '11.7' },
      ['Debian', 'Debian:11'],
    ],
    [
      'of a Debian that is no release',
      installed('deb', 'a', '1'),
      { id: 'debian', version: null },
      ['Debian'],
    ],
    [
      'of Ubuntu',
      installed('deb', 'a', '1'),
      { id: 'ubuntu', version: '22.04' },
      ['Ubuntu:22.04:LTS'],
    ],
    ['of an unknown distribution', installed('deb', 'a', '1'), { id: 'other', version: '12' }, []],
    ['of no distribution', installed('deb', 'a', '1'), null, []],
    [
      'of Alpine',
      installed('apk', 'a-libs', '1', 'a'),
      { id: 'alpine', version: '3.19.1' },
      ['Alpine:v3.19'],
    ],
    ['of npm', installed('npm', 'a', '1.0.0'), DEBIAN, ['npm']],
    ['of Python', installed('pypi', 'A', '1'), DEBIAN, ['PyPI']],
    ['of Go', installed('golang', 'a', 'v1.0.0'), DEBIAN, ['Go']],
    ['of Go’s own library', installed('golang', 'stdlib', '1.22rc1'), DEBIAN, ['Go']],
    ['of Maven', installed('maven', 'g:a', '1'), DEBIAN, ['Maven']],
    ['of rpm without a distribution', installed('rpm', 'a', '1'), { id: 'rhel', version: '9' }, []],
    ['of another name', installed('npm', 'b', '1.0.0'), DEBIAN, []],
  ])('%s is found where its ecosystem speaks of it', (...[, one, where, ids]) => {
    expect(everywhere.find(one, where).map(({ advisoryId }) => advisoryId)).toEqual(ids);
  });
});

describe('the directory of advisories', () => {
  const one = JSON.stringify(record('ONE', affected('npm', 'a', [{ introduced: '0' }])));
  const two = JSON.stringify(record('TWO', affected('npm', 'a', [{ introduced: '0' }])));

  it('is read with its folders and archives', async () => {
    const scratch = createScratch({ 'npm/one.json': one, 'readme.txt': 'not read' });
    writeFileSync(
      join(scratch.folder, 'all.zip'),
      zip([
        { name: 'two.json', content: two },
        { name: 'x.txt', content: '' },
      ]),
    );
    mkdirSync(join(scratch.folder, 'empty'));
    symlinkSync(scratch.folder, join(scratch.folder, 'empty', 'cycle'));
    const index = await readOsvDirectory(join(scratch.folder, 'npm'));
    expect(idsOf(index, installed('npm', 'a', '1.0.0'), null)).toEqual(['ONE']);
    expect(
      idsOf(await readOsvDirectory(scratch.folder), installed('npm', 'a', '1.0.0'), null),
    ).toEqual(['ONE', 'TWO']);
    scratch.remove();
  });

  it.each<[string, Record<string, string>, string]>([
    ['a record that is not JSON', { 'bad.json': '{' }, 'bad.json'],
    ['a record of another form', { 'x/bad.json': '{"id":1}' }, 'x/bad.json'],
    ['a damaged archive', { 'bad.zip': 'PK' }, 'bad.zip'],
    ['nothing', { 'readme.txt': '' }, 'holds no record'],
  ])(
    'with %s is refused by name, because an index with gaps calls clean what is not',
    async (_, files, named) => {
      const scratch = createScratch({ ...files });
      await expect(readOsvDirectory(scratch.folder)).rejects.toMatchObject({
        code: 'CONFIGURATION_INVALID',
        field: 'LETHE_OSV_DIRECTORY',
        message: expect.stringContaining(named) as string,
      });
      scratch.remove();
      await expect(readOsvDirectory(scratch.folder)).rejects.toMatchObject({
        code: 'CONFIGURATION_INVALID',
      });
    },
  );

  it('that is larger than the memory for it is refused', async () => {
    const scratch = createScratch({ 'one.json': one, 'two.json': two });
    await expect(readOsvDirectory(scratch.folder, { characters: 150 })).rejects.toMatchObject({
      message: expect.stringContaining('leave out ecosystems') as string,
    });
    await expect(readOsvDirectory(scratch.folder, { characters: 2000 })).resolves.toMatchObject({
      records: 2,
    });
    scratch.remove();
  });
});

describe('the list of digests', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
  const listed = async (text: string, max?: number) => {
    const scratch = createScratch({ list: text });
    try {
      return await readDigestList(join(scratch.folder, 'list'), max);
    } finally {
      scratch.remove();
    }
  };

  it('has what stands in it and nothing else', async () => {
    const list = await listed(`# known\n${b.toUpperCase()}  # named\r\n\n${a}\n`);
    expect(list.size).toBe(2);
    expect([a, b, c].map((digest) => list.has(digest))).toEqual([true, true, false]);
    const many = Array.from({ length: 300 }, (_, index) => index.toString(16).padStart(64, '0'));
    const long = await listed(many.join('\n'));
    expect(many.every((digest) => long.has(digest))).toBe(true);
    expect((await listed('')).has(a)).toBe(false);
  });

  it.each([
    ['a line that is no digest', `${a}\nabc\n`, 'line 2'],
    ['more than memory is set aside for', `${a}\n${b}\n${c}\n`, 'more than 2'],
  ])('with %s is refused', async (_, text, named) => {
    await expect(listed(text, 2)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      field: 'LETHE_MALWARE_DIGESTS',
      message: expect.stringContaining(named) as string,
    });
    await expect(readDigestList('/nowhere/at/all')).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});
