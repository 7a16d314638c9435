import { isOnDisk } from '../formats/dpkg-status';
import { paragraphs } from '../formats/paragraphs';
import { parseRpmHeader } from '../formats/rpm-header';
import {
  readRpmBlobs,
  RPM_DATABASES,
  RPM_FOLDERS,
  type RpmDatabase,
} from '../formats/rpm-databases';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { nameOrNull, nameText } from '../text';

const DATABASE_MAX = 64 * 1024 * 1024;
const RPM_DATABASE_MAX = 512 * 1024 * 1024;

/**
 * Installed packages of Debian's, Alpine's and Red Hat's managers. A machine on which no database of
 * a known manager is found may still have software: then nothing is known. @source DC-1
 */
export function collectPackages(machine: Machine): void {
  const scope = filesFor(machine, 'software-application');
  const found = [
    collectDpkg(machine, scope),
    collectApk(machine, scope),
    collectRpm(machine, scope),
  ];
  if (!found.includes(true)) scope.trouble('missing', 'package database');
}

const DPKG_FIELDS = new Set(['Package', 'Status', 'Version', 'Architecture', 'Source']);

function collectDpkg(machine: Machine, scope: Scope): boolean {
  const main = '/var/lib/dpkg/status';
  addDpkg(machine, scope, { file: main, text: scope.text(main, DATABASE_MAX) ?? '' });
  // Images without a package manager keep one file for each package.
  const single = scope.files('/var/lib/dpkg/status.d', (name) => !name.endsWith('.md5sums'));
  for (const name of single) {
    const file = `/var/lib/dpkg/status.d/${name}`;
    addDpkg(machine, scope, { file, text: scope.text(file) ?? '', state: 'installed' });
  }
  return !scope.isMissing('/var/lib/dpkg/status') || single.length > 0;
}

/** A database of packages, or a part of one. */
interface Database {
  readonly file: string;
  readonly text: string;
  /** State of packages that name none. */
  readonly state?: string;
}

/** What says that it is a package and not which one is noted, and a text in which there is none. */
function addDpkg(machine: Machine, scope: Scope, { file, text, state = '' }: Database): void {
  let isUnderstood = text.trim() === '';
  for (const fields of paragraphs(text, DPKG_FIELDS)) {
    const name = nameOrNull(fields.get('Package'));
    const version = nameOrNull(fields.get('Version'));
    isUnderstood ||= name !== null;
    if (!isOnDisk(fields.get('Status') ?? state)) continue;
    if (name === null || version === null) {
      scope.trouble('malformed', file);
      continue;
    }
    machine.findings.add({
      kind: 'software-application',
      manager: 'dpkg',
      ...{ name, version },
      architecture: nameOrNull(fields.get('Architecture')),
      source: nameOrNull(fields.get('Source')?.split(' ')[0]),
    });
  }
  if (!isUnderstood) scope.trouble('malformed', file);
}

const APK_FIELDS = new Set(['P', 'V', 'A', 'o']);

function collectApk(machine: Machine, scope: Scope): boolean {
  const databases = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];
  for (const file of databases) {
    addApk(machine, scope, { file, text: scope.text(file, DATABASE_MAX) ?? '' });
  }
  return databases.some((file) => !scope.isMissing(file));
}

function addApk(machine: Machine, scope: Scope, { file, text }: Database): void {
  let isUnderstood = text.trim() === '';
  for (const fields of paragraphs(text, APK_FIELDS)) {
    const name = nameOrNull(fields.get('P'));
    const version = nameOrNull(fields.get('V'));
    isUnderstood = true;
    if (name === null || version === null) {
      scope.trouble('malformed', file);
      continue;
    }
    machine.findings.add({
      kind: 'software-application',
      manager: 'apk',
      ...{ name, version },
      architecture: nameOrNull(fields.get('A')),
      source: nameOrNull(fields.get('o')),
    });
  }
  if (!isUnderstood) scope.trouble('malformed', file);
}

/**
 * The database that rpm reads: the newest form in the newer place. One without packages hides no other;
 * those beside it may hold what is long gone, and are listed.
 */
function collectRpm(machine: Machine, scope: Scope): boolean {
  const databases = rpmDatabases(machine, scope);
  let isRead = false;
  for (const database of databases) {
    if (isRead) scope.trouble('unsupported', `${database.folder}/${database.name}`);
    else isRead = collectRpmDatabase(machine, scope, database);
  }
  return databases.length > 0;
}

interface RpmPlace {
  readonly folder: string;
  readonly name: RpmDatabase;
}

function rpmDatabases({ files }: Machine, scope: Scope): readonly RpmPlace[] {
  const seen = new Set<string>();
  return RPM_FOLDERS.flatMap((folder) => {
    const names = new Set(scope.list(folder).map(({ name }) => name));
    const found = files.resolve(folder);
    if (!found.ok || seen.has(found.value)) return [];
    seen.add(found.value);
    return RPM_DATABASES.filter((name) => names.has(name)).map((name) => ({ folder, name }));
  });
}

/** True when there are packages in it. */
function collectRpmDatabase(machine: Machine, scope: Scope, { folder, name }: RpmPlace): boolean {
  const file = `${folder}/${name}`;
  const wal = machine.files.stat(`${file}-wal`);
  // What was written last may stand in the log beside the database only.
  if (wal.ok && (wal.value.size > 0 || !wal.value.isFile()))
    scope.trouble('unsupported', `${file}-wal`);
  const opened = machine.files.open(file);
  if (!opened.ok) {
    scope.trouble(opened.reason, file);
    return false;
  }
  let packages = 0;
  try {
    if (opened.value.size > RPM_DATABASE_MAX) scope.trouble('too-large', file);
    else
      for (const blob of readRpmBlobs(name, opened.value))
        packages += addRpm(machine, scope, { file, blob }) ? 1 : 0;
  } catch {
    scope.trouble('malformed', file);
  } finally {
    opened.value.close();
  }
  return packages > 0;
}

function addRpm(
  machine: Machine,
  scope: Scope,
  { file, blob }: { readonly file: string; readonly blob: Buffer },
): boolean {
  const header = parseRpmHeader(blob);
  if (header === null) {
    scope.trouble('malformed', file);
    return false;
  }
  const { name, version, release, epoch, architecture, source } = header;
  // Keys that signatures are checked with are kept as packages and are none.
  if (name === 'gpg-pubkey') return false;
  const full = release === null ? version : `${version}-${release}`;
  machine.findings.add({
    kind: 'software-application',
    manager: 'rpm',
    name: nameText(name),
    version: nameText(epoch === null || epoch === 0 ? full : `${epoch}:${full}`),
    architecture: nameOrNull(architecture),
    source: nameOrNull(source?.replace(/-[^-]+-[^-]+\.src\.rpm$/, '')),
  });
  return true;
}
