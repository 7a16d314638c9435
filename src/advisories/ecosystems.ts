import type { Comparator } from './affects';
import { compareAlpine } from './versions/alpine';
import { compareDebian } from './versions/debian';
import { compareMaven } from './versions/maven';
import { comparePep440 } from './versions/pep440';
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
  readonly name: string;
  readonly version: string;
  readonly compare: Comparator;
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
  name: source ?? name,
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
  npm: ({ name, version }) => ({ ecosystems: ['npm'], name, version, compare: compareSemver }),
  pypi: ({ name, version }) => ({
    ecosystems: ['PyPI'],
    name: pythonName(name),
    version,
    compare: comparePep440,
  }),
  golang: ({ name, version }) => ({
    ecosystems: ['Go'],
    name,
    version: name === 'stdlib' ? fromToolchain(version) : version,
    compare: compareSemver,
  }),
  maven: ({ name, version }) => ({ ecosystems: ['Maven'], name, version, compare: compareMaven }),
};

/** Python's names are the same whatever stands between their words. */
const pythonName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

/** Under which name a record's package is found. */
export function indexKey(ecosystem: string, name: string): string {
  const family = ecosystem.replace(/^(Ubuntu:\d+\.\d+):LTS$/, '$1');
  return JSON.stringify([family, family === 'PyPI' ? pythonName(name) : name]);
}
