import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  compare,
  type Comparison,
  type Facts,
  type PeerList,
  type Rule,
  type Things,
} from './compare';
import type { FoundPackage, LayerFigures } from './layer-side';
import { ask, insideRoot } from './osquery';
import { pythonName } from './own-lists';

interface TrivyComponent {
  readonly name: string;
  readonly group?: string;
  readonly version?: string;
  readonly purl?: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

const keyOf = (type: string, name: string, version: string): string =>
  `${type} ${type === 'pypi' ? pythonName(name) : name} ${version}`;

const ownPackages = ({ packages }: LayerFigures, type: string): Things =>
  new Map(
    packages
      .filter((found) => found.type === type)
      .map((found: FoundPackage) => [keyOf(type, found.name, found.version), { path: found.path }]),
  );

/** What Trivy wrote down, by the type of the package's address. */
function trivyPackages(file: string, type: string): PeerList {
  const { components = [] } = JSON.parse(readFileSync(file, 'utf8')) as {
    components?: readonly TrivyComponent[];
  };
  const found = new Map<string, Facts>();
  for (const { name, group, version = '', purl = '' } of components) {
    if (!purl.startsWith(`pkg:${type}/`)) continue;
    const full = type === 'npm' && group !== undefined ? `${group}/${name}` : name;
    const epoch = /[?&]epoch=(\d+)/.exec(purl)?.[1];
    const whole = epoch === undefined ? version : `${epoch}:${version}`;
    found.set(keyOf(type, full, whole), { purl });
  }
  return found;
}

/** Files that the system's package manager says it brought. */
function ownedFiles(root: string): ReadonlySet<string> {
  const folder = join(root, 'var/lib/dpkg/info');
  return new Set(
    readdirSync(folder)
      .filter((name) => name.endsWith('.list'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n')),
  );
}

/** Packages of an image, beside Trivy on its root and osquery inside it. */
export function compareImage(
  root: string,
  figures: LayerFigures,
  peers: { readonly osquery?: string; readonly trivyFile?: string },
): readonly Comparison[] {
  const owned = ownedFiles(root);
  const ofManager: Rule = {
    reason: "Trivy leaves out what the system's packages brought",
    only: 'lethe',
    holds: (_, { path = '' }) => owned.has(`/${path}`),
  };
  const elsewhere: Rule = {
    reason: 'osquery looks into /usr/lib and /usr/local/lib only, and not below packages',
    only: 'lethe',
    holds: (_, { path = '' }) => !/^usr\/(local\/)?lib\/node_modules\/[^/]+\/package/.test(path),
  };
  const place = 'image';
  const besideTrivy = (['deb', 'pypi', 'npm'] as const).map((kind) =>
    compare(
      { place, kind, peer: 'Trivy' },
      {
        own: ownPackages(figures, kind),
        peer:
          peers.trivyFile === undefined
            ? { missing: 'Trivy is not here' }
            : trivyPackages(peers.trivyFile, kind),
        rules: [ofManager],
      },
    ),
  );
  return [...besideTrivy, ...besideOsquery(root, figures, { peers, elsewhere })];
}

function besideOsquery(
  root: string,
  figures: LayerFigures,
  { peers, elsewhere }: { readonly peers: { readonly osquery?: string }; readonly elsewhere: Rule },
): readonly Comparison[] {
  const osquery = peers.osquery === undefined ? null : insideRoot(peers.osquery, root);
  try {
    return (['python', 'npm'] as const).map((kind) => {
      const type = kind === 'python' ? 'pypi' : 'npm';
      return compare(
        { place: 'image', kind: type, peer: 'osquery' },
        {
          own: ownPackages(figures, type),
          peer: osquery === null ? { missing: 'osquery is not here' } : ask(osquery, kind),
          rules: type === 'npm' ? [elsewhere] : [],
        },
      );
    });
  } finally {
    osquery?.close();
  }
}

/** Lists what Trivy finds on a root. */
export function trivyRoot(program: string, root: string, folder: string): string {
  const file = join(folder, 'trivy-root.json');
  execFileSync(program, trivyArguments('rootfs', file, folder, root), { stdio: 'ignore' });
  return file;
}

/** Nothing is downloaded, nothing is remembered from an earlier run. */
export const trivyArguments = (
  ...[what, file, folder, target]: [what: string, file: string, folder: string, target: string]
): readonly string[] => [
  what,
  ...['--quiet', '--skip-db-update', '--skip-java-db-update', '--offline-scan'],
  ...['--cache-dir', join(folder, 'trivy-cache'), '--format', 'cyclonedx', '--output', file],
  ...(what === 'image' ? ['--input', target] : [target]),
];
