import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostReport } from '../src/contracts/schemas/host-report';
import {
  compare,
  whileLooking,
  type Comparison,
  type PeerList,
  type Rule,
  type Things,
} from './compare';
import { ask, insideRoot, onThisMachine, type Osquery, type OsqueryKind } from './osquery';
import { OWN, type ListedKind } from './own-lists';
import {
  dpkgPackages,
  getentGroups,
  getentUsers,
  listeningSockets,
  loadedModules,
  psProcesses,
  systemdUnits,
} from './system-lists';

/** Kinds that change from one moment to the next. */
const MOVING = ['ports', 'processes', 'environment'] as const;
const LASTING = [
  'users',
  'groups',
  'debs',
  'python',
  'npm',
  'crontab',
  'startScripts',
  'modules',
] as const;
const EMPTY: Things = new Map();

/** Where osquery looks for packages of languages: in some folders, and in none below those packages. */
const OSQUERY_LOOKS =
  /^(?:\/usr\/(?:local\/)?lib\/node_modules|\/usr\/(?:local\/)?lib\/python[^/]*\/(?:dist|site)-packages|\/root\/\.pyenv\/versions\/[^/]+\/lib\/python[^/]+\/site-packages)\/[^/]+$/;

const ELSEWHERE: Rule = {
  reason: 'in a folder that osquery does not look into',
  only: 'lethe',
  holds: (_, { paths = '' }) => !paths.split('\n').some((path) => OSQUERY_LOOKS.test(path)),
};

const listOf = (peer: PeerList): Things => ('missing' in peer ? EMPTY : peer);

/** Differences between lists that have a reason of their own, which is looked up in what the peer says. */
const RULES: Partial<Record<ListedKind, readonly Rule[]>> = {
  debs: [
    {
      reason: 'known to the package manager and not installed',
      only: 'peer',
      holds: (_, { status = '' }) => status !== '' && !status.endsWith(' installed'),
    },
  ],
  python: [ELSEWHERE],
  npm: [ELSEWHERE],
  startScripts: [
    {
      reason: 'starts with a desktop session and not with the machine',
      only: 'peer',
      holds: (_, { source = '' }) => source.includes('/autostart/'),
    },
  ],
  units: [
    {
      reason: 'another name of a unit',
      only: 'peer',
      holds: (_, { state }) => state === 'alias',
    },
    {
      reason: 'an instance of a template, which has no file',
      only: 'lethe',
      holds: (key) => /@.+\.service$/.test(key),
    },
  ],
  environment: [
    {
      reason: 'no name that a variable can have',
      only: 'peer',
      holds: (key) => !/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/.test(key),
    },
  ],
  ports: [
    {
      reason: 'in a container, which has a network of its own',
      only: 'lethe',
      holds: (_, { container = '' }) => container !== '',
    },
  ],
};

/** The product's command line, as people call it. */
export const LETHE = join(__dirname, '..', '..', 'bin', 'lethe');

/** What it is told to read a host. */
export const collectArguments = (...args: readonly string[]): readonly string[] => [
  ...['collect', '--asset-id', 'as_benchdiscovery0000'],
  ...args,
];

function collect(folder: string, ...args: readonly string[]): HostReport {
  const out = join(folder, 'report.json');
  execFileSync(LETHE, collectArguments('--out', out, ...args), { stdio: 'ignore' });
  return JSON.parse(readFileSync(out, 'utf8')) as HostReport;
}

/** This machine, as osquery and its own tools see it. */
export function compareMachine(folder: string, program: string | undefined): readonly Comparison[] {
  const osquery = program === undefined ? null : onThisMachine(program);
  const place = 'machine';
  const report = collect(folder);
  return [
    ...lasting(place, report, osquery),
    ...compareWith(place, report, {
      users: ['getent', getentUsers()],
      groups: ['getent', getentGroups()],
      debs: ['dpkg-query', dpkgPackages('/')],
      units: ['systemctl', systemdUnits('/')],
      modules: ['lsmod', loadedModules()],
    }),
    ...moving(folder, osquery),
  ];
}

/** A system that does not run. */
export function compareRoot(
  ...[folder, root, program]: [string, string, string | undefined]
): readonly Comparison[] {
  const osquery = program === undefined ? null : insideRoot(program, root);
  try {
    const report = collect(folder, '--root', root);
    return [
      ...lasting('root', report, osquery).filter(({ kind }) => kind !== 'modules'),
      ...compareWith('root', report, {
        debs: ['dpkg-query', dpkgPackages(root)],
        units: ['systemctl', systemdUnits(root)],
      }),
    ];
  } finally {
    osquery?.close();
  }
}

function lasting(...[place, report, osquery]: [string, HostReport, Osquery | null]): Comparison[] {
  return LASTING.map((kind) =>
    compare(
      { place, kind, peer: 'osquery' },
      { own: OWN[kind](report), peer: asked(osquery, kind), rules: RULES[kind] ?? [] },
    ),
  );
}

const asked = (osquery: Osquery | null, kind: OsqueryKind): PeerList =>
  osquery === null ? { missing: 'osquery is not here' } : ask(osquery, kind);

function compareWith(
  place: string,
  report: HostReport,
  peers: Partial<Record<ListedKind, readonly [string, PeerList]>>,
): Comparison[] {
  return Object.entries(peers).map(([kind, [name, peer]]) =>
    compare(
      { place, kind, peer: name },
      {
        own: OWN[kind as ListedKind](report),
        peer,
        rules: RULES[kind as ListedKind] ?? [],
      },
    ),
  );
}

/** Both sides look in turns, twice: what moved meanwhile is told from what one side overlooks. */
function moving(folder: string, osquery: Osquery | null): Comparison[] {
  const nothing = join(folder, 'no-files');
  mkdirSync(nothing, { recursive: true });
  const look = (): HostReport => collect(folder, '--root', nothing, '--proc', '/proc');
  const system: Partial<Record<ListedKind, readonly [string, () => PeerList]>> = {
    ports: ['ss', listeningSockets],
    processes: ['ps', psProcesses],
  };
  return MOVING.flatMap((kind) => {
    const peers = [
      ['osquery', () => asked(osquery, kind)] as const,
      ...(system[kind] === undefined ? [] : [system[kind]]),
    ];
    return peers.map(([peer, list]) => {
      const own = OWN[kind](look());
      const first = list();
      const after = OWN[kind](look());
      const looks = { before: own, after, peerAgain: listOf(list()) };
      const rules = [...(RULES[kind] ?? []), ...whileLooking(looks)];
      return compare({ place: 'machine', kind, peer }, { own, peer: first, rules });
    });
  });
}
