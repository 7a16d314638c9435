import { isOnDisk } from '../../collector/formats/dpkg-status';
import { paragraphs } from '../../collector/formats/paragraphs';
import {
  readRpmBlobs,
  RPM_DATABASES,
  type RpmDatabase,
} from '../../collector/formats/rpm-databases';
import { parseRpmHeader } from '../../collector/formats/rpm-header';
import { nameOrNull, nameText } from '../../collector/text';
import { bufferSource } from '../../collector/zip/byte-source';
import { LAYER_LIMITS } from '../limits';
import { unreadFile, type Distribution, type FileContent, type ImagePackage } from './package';

const DPKG_FIELDS = new Set(['Package', 'Status', 'Version', 'Architecture', 'Source']);

/**
 * Packages of Debian's manager, at most one more than an image may have.
 *
 * @param single - the file describes one package of an image without a package manager.
 */
export function readDpkg(
  bytes: Buffer,
  { single, place }: { readonly single: boolean; readonly place: string },
): FileContent {
  const packages: ImagePackage[] = [];
  const text = bytes.toString('utf8');
  let isUnderstood = text.trim() === '';
  for (const fields of paragraphs(text, DPKG_FIELDS)) {
    isUnderstood ||= fields.has('Package');
    const state = fields.get('Status') ?? (single ? 'installed' : '');
    const found = isOnDisk(state) ? debianPackage(fields) : null;
    if (found !== null) packages.push(found);
    if (packages.length > LAYER_LIMITS.packages) break;
  }
  return isUnderstood ? { packages, unread: [] } : unreadFile(place, 'malformed');
}

function debianPackage(fields: ReadonlyMap<string, string>): ImagePackage | null {
  const name = fields.get('Package');
  const version = fields.get('Version');
  if (name === undefined || version === undefined) return null;
  // `Source: name (version)`; the version stands there only when it is another one.
  const [, source = name, sourceVersion = version] =
    /^(\S+)(?: \(([^)]*)\))?/.exec(fields.get('Source') ?? '') ?? [];
  return {
    type: 'deb',
    name: nameText(name),
    version: nameText(version),
    source: nameText(source),
    sourceVersion: nameText(sourceVersion),
    architecture: nameOrNull(fields.get('Architecture')),
  };
}

const APK_FIELDS = new Set(['P', 'V', 'A', 'o']);

/** Packages of Alpine's manager, at most one more than an image may have. */
export function readApk(bytes: Buffer, place: string): FileContent {
  const packages: ImagePackage[] = [];
  const text = bytes.toString('utf8');
  for (const fields of paragraphs(text, APK_FIELDS)) {
    const name = fields.get('P');
    const version = fields.get('V');
    if (name === undefined || version === undefined) continue;
    packages.push({
      type: 'apk',
      name: nameText(name),
      version: nameText(version),
      source: nameText(fields.get('o') ?? name),
      sourceVersion: nameText(version),
      architecture: nameOrNull(fields.get('A')),
    });
    if (packages.length > LAYER_LIMITS.packages) break;
  }
  const isUnderstood = packages.length > 0 || text.trim() === '';
  return isUnderstood ? { packages, unread: [] } : unreadFile(place, 'malformed');
}

/** Packages of Red Hat's manager from any form of its database. */
export function readRpm(bytes: Buffer, place: string): FileContent {
  const packages: ImagePackage[] = [];
  let damaged = 0;
  try {
    for (const blob of readRpmBlobs(databaseAt(place), bufferSource(bytes))) {
      const header = parseRpmHeader(blob);
      if (header === null) damaged += 1;
      // Keys that signatures are checked with are kept as packages and are none.
      else if (header.name !== 'gpg-pubkey') packages.push(rpmOf(header));
    }
  } catch {
    return { ...unreadFile(place, 'malformed'), packages };
  }
  return { packages, unread: damaged > 0 ? [{ place, reason: 'malformed' }] : [] };
}

const databaseAt = (place: string): RpmDatabase =>
  RPM_DATABASES.find((name) => place.endsWith(`/${name}`)) ?? 'rpmdb.sqlite';

function rpmOf(header: NonNullable<ReturnType<typeof parseRpmHeader>>): ImagePackage {
  const { name, version, release, epoch, architecture, source } = header;
  const full = release === null ? version : `${version}-${release}`;
  const dated = epoch === null || epoch === 0 ? full : `${epoch}:${full}`;
  return {
    type: 'rpm',
    name: nameText(name),
    version: nameText(dated),
    source: nameOrNull(source?.replace(/-[^-]+-[^-]+\.src\.rpm$/, '')),
    sourceVersion: nameText(dated),
    architecture: nameOrNull(architecture),
  };
}

/** What `os-release` says the distribution is. */
export function readOsRelease(bytes: Buffer): Distribution | undefined {
  const values = new Map<string, string>();
  for (const line of bytes.toString('utf8').split('\n', 500)) {
    const [, key, quoted, bare] =
      /^(ID|VERSION_ID)=(?:"([^"]*)"|'?([^'\s]*)'?)\s*$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, quoted ?? bare ?? '');
  }
  const id = nameOrNull(values.get('ID'));
  return id === null ? undefined : { id, version: nameOrNull(values.get('VERSION_ID')) };
}
