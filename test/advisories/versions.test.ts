import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { compareAlpine } from '../../src/advisories/versions/alpine';
import { compareDebian } from '../../src/advisories/versions/debian';
import { compareMaven } from '../../src/advisories/versions/maven';
import { comparePep440 } from '../../src/advisories/versions/pep440';
import { compareSemver, fromToolchain } from '../../src/advisories/versions/semver';
import { cpuMillisecondsOf } from '../support/cpu-time';

type Compare = (a: string, b: string) => number;

/** Every pair of a list in rising order, both ways, and each with itself. */
function expectRising(compare: Compare, versions: readonly string[]): void {
  const wrong: string[] = [];
  versions.forEach((a, left) => {
    versions.forEach((b, right) => {
      if (Math.sign(compare(a, b)) !== Math.sign(left - right)) wrong.push(`${a} ? ${b}`);
    });
  });
  expect(wrong).toEqual([]);
}

const textOf = (alphabet: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...alphabet.split(/(?:)/)), { minLength: 1, maxLength })
    .map((characters) => characters.join(''));

/** The same pairs every time, so that a failure can be looked at. */
const pairsOf = (version: fc.Arbitrary<string>, count: number) =>
  fc.sample(fc.tuple(version, version), { numRuns: count, seed: 20260501 });

/** The package manager itself. */
const TOOL = 'dpkg';

describe('versions of Debian', () => {
  it('are ordered as the system’s own tool orders them', () => {
    const version = fc
      .tuple(
        fc.constantFrom('', '', '1:', '0:'),
        fc.constantFrom('0', '1', '2', '10', '01'),
        textOf('01a~.+z', 5),
        fc.constantFrom('', '-1', '-1+b1', '-0ubuntu1', '-1~deb12u1', '-'),
      )
      .map(
        ([epoch, first, rest, revision]) =>
          `${epoch}${first}${rest}${revision === '-' ? '-0' : revision}`,
      );
    const wrong = pairsOf(version, 120).filter(([a, b]) => {
      const says = (relation: string): boolean =>
        spawnSync(TOOL, ['--compare-versions', a, relation, b]).status === 0;
      const sign = Math.sign(compareDebian(a, b));
      return sign === 0 ? !says('eq') : sign < 0 ? !says('lt') : !says('gt');
    });
    expect(wrong).toEqual([]);
  });

  it('are ordered as the policy manual has it', () => {
    expectRising(compareDebian, ['1~~', '1~~a', '1~', '1', '1a', '1+', '1.1', '2', '10', '1:0']);
    expect(compareDebian('1.0', '1.0-0')).toBe(0);
    expect(compareDebian('1.00000000000000000000001', '1.2')).toBeLessThan(0);
  });
});

describe('versions of Alpine', () => {
  it('are ordered by numbers, letter, words and revision', () => {
    expectRising(compareAlpine, [
      '0.1.0_alpha',
      '0.1.0_alpha2',
      '0.1.0_beta',
      '0.1.0_pre1',
      '0.1.0_rc1',
      '0.1.0',
      '0.1.0-r1',
      '0.1.0_cvs2',
      '0.1.0_git20200101',
      '0.1.0_p1',
      '0.1.0_p1-r3',
      '0.1.0a',
      '0.1.0b',
      '0.1.0.1',
      '0.1.3_alpha',
      '0.7.0',
      '0.8_beta1',
      '0.8_beta2',
      '0.8',
      '1.0.4-r3',
      '1.0.4-r4',
      '1.06',
      '1.6',
      '1.16',
      '2.2.39-r1',
      '2.34',
    ]);
  });

  it('are ordered as the package manager orders what is rarely written', () => {
    expectRising(compareAlpine, [
      '1.0_alpha_pre2',
      '1.0_alpha',
      '1.0_alpha0',
      '1.0_alpha1',
      '1.0',
      '1.0-r0',
      '1.0~1234',
      '1.0~1234-r1',
      '1.0~2345-r0',
      '1.0_p1',
      '1.0a',
      '1.0.0',
      '1.1',
      '4_beta',
    ]);
  });

  it('are compared as far as they are versions, and not at all where they are none', () => {
    expectRising(compareAlpine, ['1.0_unknown', '1.0', '1.0b', '4_beta', '23_foo']);
    expect(compareAlpine('1.0', 'not-a-version')).toBeNaN();
  });
});

describe('versions of npm and Go', () => {
  it('are ordered as the package manager’s own library orders them', () => {
    const number = fc.constantFrom('0', '1', '2', '10');
    const version = fc
      .tuple(
        number,
        number,
        number,
        fc.constantFrom('', '', '-'),
        textOf('0a1.-b', 5),
        fc.constantFrom('', '+x'),
      )
      .map(
        ([a, b, c, dash, pre, build]) => `${a}.${b}.${c}${dash === '' ? '' : `-${pre}`}${build}`,
      );
    const pairs = pairsOf(version, 2000);
    const script = `
      const semver = require('semver');
      const pairs = JSON.parse(require('fs').readFileSync(0, 'utf8'));
      console.log(JSON.stringify(pairs.map(([a, b]) => semver.valid(a) && semver.valid(b) ? semver.compare(a, b) : null)));`;
    const answers = JSON.parse(
      execFileSync(process.execPath, ['-e', script], {
        cwd: join(__dirname, '..', '..'),
        input: JSON.stringify(pairs),
        encoding: 'utf8',
      }),
    ) as (number | null)[];
    const valid = pairs.filter((_, index) => answers[index] !== null);
    expect(valid.length).toBeGreaterThan(500);
    const wrong = pairs.filter(
      ([a, b], index) =>
        answers[index] !== null && Math.sign(compareSemver(a, b)) !== answers[index],
    );
    expect(wrong).toEqual([]);
  });

  it('are ordered as the specification’s own example', () => {
    expectRising(compareSemver, [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
    ]);
  });

  it('of Go may be pseudo-versions, before the version that follows them', () => {
    expectRising(compareSemver, [
      'v0.0.0-20190101000000-abcdefabcdef',
      'v0.0.0-20200101000000-000000000000',
      'v1.2.3',
      'v1.2.4-0.20191109021931-daa7c04131f5',
      '1.2.4',
      'v2.0.0+incompatible',
      'v2.0.1',
    ]);
    expect(compareSemver('v2.0.0+incompatible', '2.0.0')).toBe(0);
    expect(compareSemver('(devel)', '1.0.0')).toBeNaN();
  });

  it('of Go’s tool chain are turned into semantic ones', () => {
    expectRising(
      (a, b) => compareSemver(fromToolchain(a), fromToolchain(b)),
      ['1.21.13', '1.22rc1', '1.22rc2', '1.22.0', '1.22.3'],
    );
    expect(fromToolchain('go1.22.3 X:boringcrypto')).toBe('go1.22.3');
  });
});

describe('versions of Python', () => {
  const RISING = [
    '1.dev0',
    '1.0.dev456',
    '1.0a1',
    '1.0a2.dev456',
    '1.0a12.dev456',
    '1.0a12',
    '1.0b1.dev456',
    '1.0b2',
    '1.0b2.post345.dev456',
    '1.0b2.post345',
    '1.0rc1.dev456',
    '1.0rc1',
    '1.0',
    '1.0+abc.5',
    '1.0+abc.7',
    '1.0+5',
    '1.0.post456.dev34',
    '1.0.post456',
    '1.0.15',
    '1.1.dev1',
    '1!0.1',
  ];

  it('are ordered as PEP 440 has it', () => {
    expectRising(comparePep440, RISING);
  });

  it.each([
    ['1.0', '1.0.0'],
    ['1.0alpha1', '1.0a1'],
    ['1.0-preview_2', '1.0rc2'],
    ['1.0-1', '1.0.post1'],
    ['v1.0.REV2', '1.0post2'],
    ['1.0.DEV', '1.0dev0'],
    ['1.0a', '1.0a0'],
  ])('%s is %s in another spelling', (a, b) => {
    expect(comparePep440(a, b)).toBe(0);
  });

  it('that are none compare with nothing', () => {
    expect(comparePep440('1.0', 'not a version')).toBeNaN();
  });

  it('are ordered as Python’s own library orders them, where there is one', () => {
    const version = fc
      .tuple(
        fc.constantFrom('', '', '1!'),
        fc.constantFrom('1', '1.0', '1.1', '1.0.1', '2', '10'),
        fc.constantFrom('', 'a1', 'b2', 'rc1', '-alpha', '.pre3'),
        fc.constantFrom('', '.post1', '-2', '.r3'),
        fc.constantFrom('', '.dev0', 'dev2'),
        fc.constantFrom('', '+a', '+1', '+a.1'),
      )
      .map((parts) => parts.join(''));
    const pairs = pairsOf(version, 1000);
    const program = [
      'import json, sys',
      'try:',
      '    from packaging.version import Version',
      'except ImportError:',
      '    try:',
      '        from pip._vendor.packaging.version import Version',
      '    except ImportError:',
      '        Version = None',
      'pairs = json.load(sys.stdin)',
      'sign = lambda a, b: (Version(a) > Version(b)) - (Version(a) < Version(b))',
      'print(json.dumps(None if Version is None else [sign(a, b) for a, b in pairs]))',
    ].join('\n');
    const answers = JSON.parse(
      execFileSync('python3', ['-c', program], { input: JSON.stringify(pairs), encoding: 'utf8' }),
    ) as readonly number[] | null;
    const known = answers ?? pairs.map(([a, b]) => Math.sign(comparePep440(a, b)));
    expect(known).toHaveLength(pairs.length);
    expect(
      pairs.filter(([a, b], index) => Math.sign(comparePep440(a, b)) !== known[index]),
    ).toEqual([]);
  });
});

describe('versions of Maven', () => {
  it('are ordered by qualifiers as its specification has it', () => {
    expectRising(compareMaven, [
      '1-alpha2snapshot',
      '1-alpha2',
      '1-alpha-123',
      '1-beta-2',
      '1-beta123',
      '1-m2',
      '1-m11',
      '1-rc',
      '1-cr2',
      '1-rc123',
      '1-SNAPSHOT',
      '1',
      '1-sp',
      '1-sp2',
      '1-sp123',
      '1-abc',
      '1-def',
      '1-pom-1',
      '1-1-snapshot',
      '1-1',
      '1-2',
      '1-123',
    ]);
  });

  it('are ordered by numbers, whatever their length', () => {
    expectRising(compareMaven, [
      '2.0',
      '2.0.2',
      '2.0.123',
      '2.1.0',
      '2.1-a',
      '2.1b',
      '2.1-c',
      '2.1-1',
      '2.1.0.1',
      '2.2',
      '2.123',
      '11',
      '20190126.230843',
      '20190126230843',
      '12345678901234567890123',
    ]);
  });

  it.each([
    ['1', '1.0'],
    ['1', '1.0.0'],
    ['1', '1-0'],
    ['1.0', '1.0-0'],
    ['1', '1ga'],
    ['1', '1-ga'],
    ['1', '1.final'],
    ['1', '1.RELEASE'],
    ['1a1', '1-alpha-1'],
    ['1b2', '1-beta-2'],
    ['1m3', '1-milestone-3'],
    ['1x', '1.0.0-x'],
    ['1.0.0x', '1-x'],
    ['1X', '1x'],
    ['1cr', '1rc'],
    ['0.0.0', ''],
  ])('%s is the same as %s', (a, b) => {
    expect(compareMaven(a, b)).toBe(0);
  });

  it('take a word behind a dot for the same as one behind a hyphen', () => {
    expectRising(compareMaven, ['2.0', '2.0.a', '2-1', '2.0.2', '11.a2', '11.a11', '11', '11.a']);
    expectRising(compareMaven, ['5.0.0.RC1', '5.0.0-RC2', '5.0.0.RC3', '5.0.0']);
    expect(compareMaven('2-jre', '2.0.0.jre')).toBe(0);
  });

  it('of real libraries are ordered as they were published', () => {
    expectRising(compareMaven, [
      '4.3.30.RELEASE',
      '5.0.0.M1',
      '5.0.0.RC1',
      '5.0.0.RELEASE',
      '5.3.18',
      '5.3.18-jre',
      '5.3.20',
    ]);
  });
});

describe('every order', () => {
  it.each<[string, Compare]>([
    ['Debian', compareDebian],
    ['Alpine', compareAlpine],
    ['semantic', compareSemver],
    ['Python', comparePep440],
    ['Maven', compareMaven],
  ])('of %s versions is its own reverse and in time proportional to hostile text', (_, compare) => {
    fc.assert(
      fc.property(textOf('01a.-~+_rcv!', 12), textOf('01a.-~+_rcv!', 12), (a, b) => {
        const [there, back] = [compare(a, b), compare(b, a)];
        expect(Number.isNaN(there) ? back : Math.sign(there) + Math.sign(back)).toEqual(
          Number.isNaN(there) ? Number.NaN : 0,
        );
      }),
    );
    const texts = ['0', '.', '-', '1.', 'a1', '_p', '~', '1-'].map((part) => part.repeat(5000));
    const milliseconds = cpuMillisecondsOf(() => {
      for (const text of texts) compare(text, `${text}x`);
    });
    expect(milliseconds).toBeLessThan(30_000);
  });
});
