import { join, sep } from 'node:path';
import { BOUNDS } from '../contracts/schemas/fingerprint-fields';
import {
  ASSET_SCHEMAS,
  type ClusterBasics,
  type ContainerBasics,
  type HostReport,
  type ReportedKind,
} from '../contracts/schemas/host-report';
import { parseId } from '../domain/identifiers';
import { formatInstant, parseInstant } from '../domain/instants';
import { readClusters } from './clusters';
import { readContainers } from './containers';
import { readRegister, type RegisteredMachine } from './containers/machined';
import { layerPlaces } from './containers/places';
import { openRoot, type Root } from './files/root';
import { searchTree, type Search, type SoughtThing, type Tree } from './files/tree';
import { createFindings, type Findings } from './findings';
import { isPackageMetadata } from './formats/language-package';
import { readHostBasics } from './host-basics';
import { collectAccounts } from './kinds/accounts';
import { collectEnvironment } from './kinds/environment';
import { collectJars } from './kinds/jars';
import { collectKernelModules } from './kinds/kernel-modules';
import { collectLanguagePackages } from './kinds/language-packages';
import { collectPackages } from './kinds/packages';
import { collectPorts } from './kinds/ports';
import { collectProcesses } from './kinds/processes';
import { collectResources } from './kinds/resources';
import { collectScheduledTasks } from './kinds/scheduled';
import { collectDatabases, collectWebServices } from './kinds/servers';
import { collectStartupServices } from './kinds/startup';
import { collectWebApplications } from './kinds/web-applications';
import { collectWebFrameworks } from './kinds/web-frameworks';
import { isWebMark } from './kinds/web-marks';
import { collectWebSites } from './kinds/web-sites';
import { gatherLanguagePackages } from './language-packages';
import { isNotSearched, readMounts } from './live/mounts';
import { readProcesses } from './live/processes';
import { readSockets } from './live/sockets';
import type { Live, Machine } from './machine';
import { withDigest } from './report-digest';
import { createScope } from './scope';

/** Version of the collector, for reading old reports. */
const COLLECTOR = Object.freeze({ name: 'lethe-collector', version: '2.3.0' });

/** What to read and how to label it. */
export interface CollectOptions {
  /** Root of the machine's files: `/`, or a directory that an image was unpacked to. */
  readonly root: string;
  /** Where the kernel shows its processes, or null when the machine does not run. */
  readonly proc: string | null;
  readonly assetId: string;
  /** RFC 3339 instant of the collection. */
  readonly collectedAt: string;
  /** False: directories are not searched for what may lie anywhere, and the report lists that as unread. */
  readonly search?: boolean;
}

/**
 * Reads a host and everything on it: 15 kinds of fingerprints, containers, clusters. It needs no
 * server, writes nothing and opens regular files only. What cannot be read is listed with its reason
 * and stops nothing else. Apart from what changes by itself, the same machine gives the same report;
 * running it again is safe. It blocks for the seconds it takes: run it in a process of its own.
 *
 * @throws LetheError INVALID_INPUT or INVALID_INSTANT naming `root`, `proc`, `assetId` or `collectedAt`.
 * @source DC-1, SD-1
 */
export function collectHost(options: CollectOptions): HostReport {
  const assetId = parseId('AssetId', options.assetId, 'assetId');
  const collectedAt = formatInstant(parseInstant(options.collectedAt, 'collectedAt'));
  const findings = createFindings();
  const machine = openMachine(options, findings, collectedAt.slice(0, 10));
  const { containers, environment } = readContainers(machine);
  collectFingerprints(machine, environment);
  const fit = {
    host: readHostBasics(machine),
    containers: fitAssets(machine, 'container', containers) as ContainerBasics[],
    clusters: fitAssets(machine, 'cluster', readClusters(machine)) as ClusterBasics[],
  };
  return withDigest({
    reportVersion: 2,
    assetId,
    collectedAt,
    collector: { ...COLLECTOR },
    scope: machine.live === null ? 'files' : 'live',
    ...fit,
    ...findings.finish(),
  });
}

/** Names looked at in a search; a full server has a few million. */
const NAMES_MAX = 3_000_000;

function openMachine(options: CollectOptions, findings: Findings, collectedOn: string): Machine {
  const files = openRoot(options.root, 'root');
  // What cannot be read of containers is noted when they are.
  const unnoted = createScope(createFindings(), files, 'container');
  const live =
    options.proc === null ? null : readLive(openRoot(options.proc, 'proc'), readRegister(unnoted));
  const languagePackages = gatherLanguagePackages(files);
  const trouble: Search['trouble'] = (reason, place, of) => {
    for (const kind of SEARCHED[of]) findings.unread(kind, reason, place);
  };
  const search: Search = {
    namesMax: NAMES_MAX,
    skip: new Set([
      ...placesNotSearched(live),
      ...placeOfProc(files, live),
      ...layerPlaces(files, unnoted),
    ]),
    ...{ isMark: isWebMark, isPackage: isPackageMetadata, takePackage: languagePackages.take },
    trouble,
  };
  if (options.search === false) trouble('not-searched', '/', 'everything');
  const tree = options.search === false ? NOTHING_FOUND : searchTree(files, search);
  return { files, live, tree, languagePackages, findings, collectedOn };
}

const NOTHING_FOUND: Tree = { archives: [], marks: [] };

/** Kinds that the search through all directories serves, by what could not be searched for. */
const SEARCHED: Readonly<Record<SoughtThing, readonly ReportedKind[]>> = {
  everything: ['jar-package', 'web-application', 'web-framework', 'software-application'],
  archives: ['jar-package', 'web-application', 'web-framework'],
  marks: ['web-application', 'web-framework'],
  packages: ['software-application'],
};

const placesNotSearched = (live: Live | null): readonly string[] =>
  live?.mounts.filter(isNotSearched).map(({ mountPoint }) => mountPoint) ?? [];

/** What the kernel shows may be mounted inside the root under any name; it holds no archives. */
function placeOfProc(files: Root, live: Live | null): readonly string[] {
  const inside = live?.proc.directory.startsWith(join(files.directory, sep)) ?? false;
  if (live === null || !inside) return [];
  return [join(sep, live.proc.directory.slice(files.directory.length))];
}

function readLive(proc: Root, machines: readonly RegisteredMachine[]): Live {
  const processes = readProcesses(proc, machines);
  return {
    proc,
    processes,
    sockets: readSockets(proc, processes.processes),
    mounts: readMounts(proc),
  };
}

/** Packages come before what asks for their versions, archives before what is recognised by them. */
function collectFingerprints(
  machine: Machine,
  environment: ReadonlyMap<string, readonly string[]>,
): void {
  collectResources(machine);
  collectAccounts(machine);
  collectPackages(machine);
  collectProcesses(machine);
  collectPorts(machine);
  collectDatabases(machine);
  collectWebServices(machine);
  collectWebSites(machine);
  collectJars(machine);
  collectWebApplications(machine);
  collectWebFrameworks(machine);
  collectStartupServices(machine);
  collectScheduledTasks(machine);
  collectEnvironment(machine, environment);
  collectKernelModules(machine);
  // Last: the system's packages and no others tell the versions of servers and applications.
  collectLanguagePackages(machine);
}

/** Assets within bounds and of their shape; what is not is counted as unread. */
function fitAssets(
  { findings }: Machine,
  kind: 'container' | 'cluster',
  assets: readonly (ContainerBasics | ClusterBasics)[],
): readonly (ContainerBasics | ClusterBasics)[] {
  const max = kind === 'container' ? BOUNDS.containers : BOUNDS.clusters;
  if (assets.length > max) findings.unread(kind, 'too-many', '/');
  return assets.slice(0, max).filter((asset) => {
    const fits = ASSET_SCHEMAS[kind].safeParse(asset).success;
    if (!fits) findings.unread(kind, 'malformed', '/');
    return fits;
  });
}
