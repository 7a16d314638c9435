import {
  PACKAGES_MAX,
  UNREAD_MAX,
  VULNERABILITIES_MAX,
  type ImagePackagesBody,
  type VulnerabilityBody,
} from '../../contracts/schemas/image-contents';
import {
  withOneRpmDatabase,
  type Distribution,
  type ImageFiles,
  type ImagePackage,
} from '../../image-layers';
import type { KeyedHash } from './keyed-hash';
import { shownPath } from './layer-findings';
import type { LayerState } from './layer-state';

/** A known vulnerability of a package, as the operator's directory has it. */
export type FoundVulnerability = Pick<
  VulnerabilityBody,
  'advisoryId' | 'aliases' | 'fixedVersion' | 'severity'
>;

/** Says which vulnerabilities of a package are known. */
export interface Advisories {
  find(installed: ImagePackage, distribution: Distribution | null): readonly FoundVulnerability[];
}

/** What an image's layers hold, before it is said which image. */
export interface DescribedContent {
  readonly body: Omit<ImagePackagesBody, 'imageDigest' | 'platform'>;
  readonly vulnerabilities: readonly Omit<VulnerabilityBody, 'imageDigest' | 'platform'>[];
}

/** Bytes of the list of packages of one image as JSON; a body may have twice as many. */
const LIST_BYTES_MAX = 1024 * 1024;

interface Placed {
  readonly installed: ImagePackage;
  readonly place: string;
}

/** Turns what was read of an image's layers into what is kept of it. */
export function describeContent(
  state: LayerState,
  hash: KeyedHash,
  { advisories, viruses }: { readonly advisories?: Advisories; readonly viruses?: object },
): DescribedContent {
  const files = withOneRpmDatabase(state.files);
  const distribution = distributionOf(files);
  const placed = packagesOf(files, hash);
  const unread = [...files.values()].flatMap((file) => file.unread);
  const vulnerabilities =
    advisories === undefined ? [] : vulnerabilitiesOf(placed, distribution, advisories);
  return {
    body: {
      distribution,
      packages: listOf(placed),
      packageCount: placed.length,
      unread: unread
        .slice(0, UNREAD_MAX)
        .map(({ place, reason }) => ({ place: shownPath(place, hash), reason })),
      unreadCount: unread.length,
      unpackedBytes: state.unpackedBytes,
      entriesOutside: state.outside,
      omittedVulnerabilities: Math.max(0, vulnerabilities.length - VULNERABILITIES_MAX),
      ...(viruses !== undefined && { notScannedByClamd: state.unscanned }),
    },
    vulnerabilities: vulnerabilities.slice(0, VULNERABILITIES_MAX),
  };
}

/** A file in its usual place says more than the one it is usually a link to. */
const distributionOf = (files: ImageFiles): Distribution | null =>
  files.get('etc/os-release')?.distribution ??
  files.get('usr/lib/os-release')?.distribution ??
  null;

/** Sorted and each once per place, so that the order in the archives says nothing. */
function packagesOf(files: ImageFiles, hash: KeyedHash): readonly Placed[] {
  const placed = new Map<string, Placed>();
  for (const [path, { packages }] of files) {
    const place = packages.length === 0 ? '' : shownPath(path, hash);
    for (const installed of packages) {
      const { type, name, version, architecture } = installed;
      const key = JSON.stringify([type, name, version, architecture, place]);
      if (!placed.has(key)) placed.set(key, { installed, place });
    }
  }
  return [...placed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function listOf(placed: readonly Placed[]): ImagePackagesBody['packages'] {
  const list: ImagePackagesBody['packages'] = [];
  let bytes = 0;
  for (const { installed, place } of placed.slice(0, PACKAGES_MAX)) {
    const { type, name, version, source, architecture } = installed;
    const entry = { type, name, version, source, architecture, place };
    bytes += Buffer.byteLength(JSON.stringify(entry));
    if (bytes > LIST_BYTES_MAX) break;
    list.push(entry);
  }
  return list;
}

function vulnerabilitiesOf(
  placed: readonly Placed[],
  distribution: Distribution | null,
  advisories: Advisories,
): DescribedContent['vulnerabilities'] {
  const found = placed.flatMap(({ installed, place }) =>
    advisories.find(installed, distribution).map((known) => ({
      ...known,
      packageType: installed.type,
      packageName: installed.name,
      packageVersion: installed.version,
      place,
    })),
  );
  // A package that is there for two architectures has each of its vulnerabilities once.
  return [...new Map(found.map((one) => [vulnerabilityIdentity(one), one])).values()];
}

/** What makes a vulnerability of an image the same one in the next scan. */
export const vulnerabilityIdentity = (found: DescribedContent['vulnerabilities'][number]): string =>
  JSON.stringify([
    found.advisoryId,
    found.packageType,
    found.packageName,
    found.packageVersion,
    found.place,
  ]);
