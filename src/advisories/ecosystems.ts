import type { Affected, Comparator } from './affects';
import { compareAlpine } from './versions/alpine';
import { compareDebian } from './versions/debian';
import { compareMaven } from './versions/maven';
import { comparePep440Meant } from './versions/pep440';
import { compareRpm, isOfModule } from './versions/rpm';
import { compareSemver, fromToolchain } from './versions/semver';

/** A package as it is looked up: the same for whoever read it. */
export interface InstalledPackage {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly source: string | null;
  readonly sourceVersion: string | null;
}

/** The distribution a package is installed in. */
export interface InstalledIn {
  readonly id: string;
  readonly version: string | null;
}

/** How a package is called and ordered where advisories speak of it. */
export interface Subject {
  /** Ecosystems in which it is known, e.g. `Debian:12` and `Debian`. */
  readonly ecosystems: readonly string[];
  /** Names under which it may stand there. */
  readonly names: readonly string[];
  readonly version: string;
  readonly compare: Comparator;
  /** Whether a range speaks of builds like this one; without it every range does. */
  readonly concerns?: (range: Affected['ranges'][number]) => boolean;
}

/**
 * How advisories name a package; null when no supported ecosystem has it. Advisories of distributions
 * speak of the source that a package was built from.
 */
export function subjectOf(
  installed: InstalledPackage,
  distribution: InstalledIn | null,
): Subject | null {
  const make = Object.hasOwn(SUBJECTS, installed.type) ? SUBJECTS[installed.type] : undefined;
  return make?.(installed, distribution) ?? null;
}

type Make = (installed: InstalledPackage, distribution: InstalledIn | null) => Subject | null;

const ofSource = (
  { name, version, source, sourceVersion }: InstalledPackage,
  ...[family, release, compare]: [string, string | null, Comparator]
): Subject => ({
  ecosystems: release === null ? [family] : [`${family}:${release}`, family],
  names: [source ?? name],
  version: sourceVersion ?? version,
  compare,
});

const SUBJECTS: Readonly<Record<string, Make>> = {
  deb: (installed, distribution) => {
    if (distribution?.id === 'ubuntu') {
      return ofSource(installed, 'Ubuntu', distribution.version, compareDebian);
    }
    if (distribution?.id !== 'debian') return null;
    const major = distribution.version?.split('.', 1)[0] ?? null;
    return ofSource(installed, 'Debian', major, compareDebian);
  },
  apk: (installed, distribution) => {
    if (distribution?.id !== 'alpine') return null;
    const [, branch] = /^(\d+\.\d+)/.exec(distribution.version ?? '') ?? [];
    return ofSource(installed, 'Alpine', branch === undefined ? null : `v${branch}`, compareAlpine);
  },
  npm: ({ name, version }) => ({
    ecosystems: ['npm'],
    names: [name],
    version,
    compare: compareSemver,
  }),
  pypi: ({ name, version }) => ({
    ecosystems: ['PyPI'],
    names: [pythonName(name)],
    version,
    compare: comparePep440Meant,
  }),
  golang: ({ name, version }) => ({
    ecosystems: ['Go'],
    names: [name],
    version: name === 'stdlib' ? fromToolchain(version) : version,
    compare: compareSemver,
  }),
  maven: ({ name, version }) => ({
    ecosystems: ['Maven'],
    names: [name],
    version,
    compare: compareMaven,
  }),
  rpm: rpmSubject,
};

/** How advisories call the releases of a distribution; null where its `os-release` names none. */
const RPM_ECOSYSTEMS: Readonly<Record<string, (version: string) => readonly string[]>> = {
  rocky: (version) => [`Rocky Linux:${majorOf(version)}`, 'Rocky Linux'],
  almalinux: (version) => [`AlmaLinux:${majorOf(version)}`, 'AlmaLinux'],
  rhel: (version) => [`${RED_HAT}:${majorOf(version)}`],
  'opensuse-leap': (version) => [`openSUSE:Leap ${version}`, `openSUSE:Leap ${version} NonFree`],
  'opensuse-tumbleweed': () => ['openSUSE:Tumbleweed'],
};

const majorOf = (version: string): string => version.split('.', 1)[0] ?? '';

/** Some of these distributions speak of the source, some of what was built from it. */
function rpmSubject(
  { name, source, version }: InstalledPackage,
  distribution: InstalledIn | null,
): Subject | null {
  const id = distribution?.id ?? '';
  const ecosystems = Object.hasOwn(RPM_ECOSYSTEMS, id) ? RPM_ECOSYSTEMS[id] : undefined;
  if (ecosystems === undefined) return null;
  return {
    ecosystems: ecosystems(distribution?.version ?? ''),
    names: [...new Set([source ?? name, name])],
    version,
    compare: compareRpm,
    concerns: (range) =>
      range.every(({ fixed, last_affected: last }) => {
        const other = fixed ?? last;
        return other === undefined || isOfModule(other) === isOfModule(version);
      }),
  };
}

/** Python's names are the same whatever stands between their words. */
const pythonName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

const RED_HAT = 'Red Hat:enterprise_linux';
const LTS = /^(Ubuntu:\d+\.\d+):LTS$/;
/** Which of the vendor's repositories a package comes from, nobody can tell from the package. */
const PARTS_OF_RED_HAT = /^(Red Hat:enterprise_linux:\d+)(?::.*)?$/;

/** Under which name a record's package is found. */
export function indexKey(ecosystem: string, name: string): string {
  const family = ecosystem.replace(LTS, '$1').replace(PARTS_OF_RED_HAT, '$1');
  return JSON.stringify([family, family === 'PyPI' ? pythonName(name) : name]);
}
