import { AdvisoryIndex } from '../../src/advisories/advisory-index';
import { compareRpm } from '../../src/advisories/versions/rpm';

/** Every pair of a list in rising order, both ways, and each with itself. */
function expectRising(versions: readonly string[]): void {
  const wrong = versions.flatMap((a, left) =>
    versions.flatMap((b, right) =>
      Math.sign(compareRpm(a, b)) === Math.sign(left - right) ? [] : [`${a} ? ${b}`],
    ),
  );
  expect(wrong).toEqual([]);
}

const fixed = (ecosystem: string, name: string, version: string) => ({
  package: { ecosystem, name },
  ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: version }] }],
});
const indexOf = (...affected: object[]): AdvisoryIndex => {
  const index = new AdvisoryIndex();
  expect(index.add({ id: 'X', modified: '2026-01-01T00:00:00Z', affected })).toBeNull();
  return index;
};
const rpm = (name: string, version: string, source: string) => ({
  type: 'rpm',
  name,
  version,
  source,
  sourceVersion: null,
});
const inside = (id: string, version: string) => ({ id, version });
const idsOf = (
  index: AdvisoryIndex,
  ...[one, where]: [ReturnType<typeof rpm>, ReturnType<typeof inside> | null]
) => index.find(one, where).map(({ advisoryId }) => advisoryId);

describe('versions of Red Hat’s package manager', () => {
  it.each<readonly string[]>([
    ['1.0~rc1~git123', '1.0~rc1', '1.0~rc2', '1.0', '1.0^', '1.0^git1', '1.0^git2', '1.0.1', '2.0'],
    ['1.0~rc1', '1.0~rc1^git1', '1.0^git1~pre', '1.0^git1', '1.01', '2'],
    ['1.0^20160101', '1.0^20160102', '1.0.1^20160101', '1.0.1a'],
    ['2.0', '2.0.1', '2.0.1a', '5.5p1', '5.5p2', '5.5p10', '5.6p1', '6.5p1'],
    ['10xyz', '10.1xyz'],
    ['xyz.4', 'xyz10', 'xyz10.1', '2', '8'],
    ['6.0', '6.0.rc1'],
    ['10a1', '10a2', '10b2', '20101121', '20101122'],
    ['1.0', '1.0a', '1.0aa', '4.999.9', '5.0', '10.0001', '10.0039'],
    ['1b.fc17', '1g.fc17', '1.1'],
  ])('are ordered as its own tests have them: %s ...', (...versions) => {
    expectRising(versions);
  });

  it.each([
    ['10.0001', '10.1'],
    ['2_0', '2.0'],
    ['a+', 'a_'],
    ['+a', '_a'],
    ['+_', '_+'],
    ['+', '_'],
    ['1.0-1', '0:1.0-1'],
    ['1.0', '1.0-7.el9'],
  ])('takes %s and %s for equal', (a, b) => {
    expect([compareRpm(a, b), compareRpm(b, a)]).toEqual([0, 0]);
  });

  it('compare the epoch before the version and the version before the release', () => {
    expectRising(['9.9-9.el9', '1:1.0-1.el9', '1:1.0-1.el9_2.1', '1:1.0-2.el9', '2:0-1']);
    expect(compareRpm('1.00000000000000000000001-1', '1.2-1')).toBeLessThan(0);
  });
});

describe('a package of rpm', () => {
  const libs = (version: string) => rpm('openssl-libs', version, 'openssl');

  it.each([
    ['rocky', '9.4', 'Rocky Linux:9', 'openssl'],
    ['almalinux', '9.4', 'AlmaLinux:9', 'openssl-libs'],
    ['rhel', '9.4', 'Red Hat:enterprise_linux:9::baseos', 'openssl-libs'],
    ['rhel', '9.4', 'Red Hat:enterprise_linux:9', 'openssl-libs'],
    ['opensuse-leap', '15.6', 'openSUSE:Leap 15.6', 'openssl'],
    ['opensuse-tumbleweed', '20260101', 'openSUSE:Tumbleweed', 'openssl'],
  ])('of %s %s is looked up in %s as %s', (...[id, version, ecosystem, name]) => {
    const index = indexOf(fixed(ecosystem, name, '1:3.0.7-28.el9_4'));
    expect(idsOf(index, libs('1:3.0.7-27.el9'), inside(id, version))).toEqual(['X']);
    expect(idsOf(index, libs('1:3.0.7-28.el9_4'), inside(id, version))).toEqual([]);
    expect(idsOf(index, libs('1:3.0.7-27.el9'), inside(id, '8.9'))).toEqual(
      id === 'opensuse-tumbleweed' ? ['X'] : [],
    );
  });

  it('is not compared by the records of a distribution that it does not come from', () => {
    const index = indexOf(fixed('Rocky Linux:9', 'openssl', '1:3.0.7-28.el9_4'));
    expect(idsOf(index, libs('1:3.0.7-27.el9'), inside('fedora', '9'))).toEqual([]);
    expect(idsOf(index, libs('1:3.0.7-27.el9'), null)).toEqual([]);
  });

  it('is found by its epoch, which counts before everything else', () => {
    const index = indexOf(fixed('Rocky Linux:9', 'openssl', '1:1.0-1.el9'));
    const where = inside('rocky', '9.4');
    expect(idsOf(index, libs('9.0-1.el9'), where)).toEqual(['X']);
    expect(idsOf(index, libs('1:9.0-1.el9'), where)).toEqual([]);
  });

  it('outside a module is not compared with the fix of a module, and the other way round', () => {
    const where = inside('rocky', '8.9');
    const module = '2.7.0-10.module+el8.4.0+570+c2eaf144';
    const index = indexOf(fixed('Rocky Linux:8', 'babel', `0:${module}`));
    const babel = (version: string) => rpm('babel', version, 'babel');
    expect(idsOf(index, babel('2.5.1-5.el8'), where)).toEqual([]);
    expect(idsOf(index, babel('2.7.0-9.module+el8.4.0+570+c2eaf144'), where)).toEqual(['X']);
    expect(idsOf(index, babel(module), where)).toEqual([]);
  });
});
