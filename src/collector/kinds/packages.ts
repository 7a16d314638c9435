import { paragraphs } from '../formats/paragraphs';
import { parseRpmHeader } from '../formats/rpm-header';
import { readSqliteBlobs } from '../formats/sqlite';
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
  const main = scope.text('/var/lib/dpkg/status', DATABASE_MAX);
  if (main !== undefined && !addDpkg(machine, main)) {
    scope.trouble('malformed', '/var/lib/dpkg/status');
  }
  // Images without a package manager keep one file for each package.
  const single = scope.files('/var/lib/dpkg/status.d', (name) => !name.endsWith('.md5sums'));
  for (const name of single) {
    const file = `/var/lib/dpkg/status.d/${name}`;
    if (!addDpkg(machine, scope.text(file) ?? '', true)) scope.trouble('malformed', file);
  }
  return !scope.isMissing('/var/lib/dpkg/status') || single.length > 0;
}

/** False when there is something and none of it is a package. */
function addDpkg(machine: Machine, text: string, installed = false): boolean {
  let isUnderstood = text.trim() === '';
  for (const fields of paragraphs(text, DPKG_FIELDS)) {
    const name = fields.get('Package');
    isUnderstood ||= name !== undefined;
    const version = fields.get('Version');
    const state = fields.get('Status') ?? (installed ? 'installed' : '');
    if (name === undefined || version === undefined || !/(^| )installed$/.test(state)) continue;
    machine.findings.add({
      kind: 'software-application',
      manager: 'dpkg',
      name: nameText(name),
      version: nameText(version),
      architecture: nameOrNull(fields.get('Architecture')),
      source: nameOrNull(fields.get('Source')?.split(' ')[0]),
    });
  }
  return isUnderstood;
}

const APK_FIELDS = new Set(['P', 'V', 'A', 'o']);

function collectApk(machine: Machine, scope: Scope): boolean {
  const databases = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];
  for (const file of databases) {
    if (!addApk(machine, scope.text(file, DATABASE_MAX) ?? '')) scope.trouble('malformed', file);
  }
  return databases.some((file) => !scope.isMissing(file));
}

/** False when there is something and none of it is a package. */
function addApk(machine: Machine, text: string): boolean {
  let isUnderstood = text.trim() === '';
  for (const fields of paragraphs(text, APK_FIELDS)) {
    const name = fields.get('P');
    const version = fields.get('V');
    if (name === undefined || version === undefined) continue;
    isUnderstood = true;
    machine.findings.add({
      kind: 'software-application',
      manager: 'apk',
      name: nameText(name),
      version: nameText(version),
      architecture: nameOrNull(fields.get('A')),
      source: nameOrNull(fields.get('o')),
    });
  }
  return isUnderstood;
}

const RPM_FOLDERS = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'];
/** Databases before SQLite; beside a newer one, too, they may hold what that one does not. */
const RPM_UNREAD = ['Packages', 'Packages.db'];

function collectRpm(machine: Machine, scope: Scope): boolean {
  return RPM_FOLDERS.map((folder) => {
    const names = new Set(scope.list(folder).map(({ name }) => name));
    const others = RPM_UNREAD.filter((name) => names.has(name));
    for (const other of others) scope.trouble('unsupported', `${folder}/${other}`);
    if (names.has('rpmdb.sqlite')) return collectRpmSqlite(machine, scope, folder);
    return others.length > 0;
  }).includes(true);
}

function collectRpmSqlite(machine: Machine, scope: Scope, folder: string): boolean {
  const file = `${folder}/rpmdb.sqlite`;
  const wal = machine.files.stat(`${file}-wal`);
  // What was written last may stand in the log beside the database only.
  if (wal.ok && (wal.value.size > 0 || !wal.value.isFile()))
    scope.trouble('unsupported', `${file}-wal`);
  const opened = machine.files.open(file);
  if (!opened.ok) {
    scope.trouble(opened.reason, file);
    return true;
  }
  try {
    if (opened.value.size > RPM_DATABASE_MAX) scope.trouble('too-large', file);
    else {
      for (const blob of readSqliteBlobs(opened.value, 'Packages')) addRpm(machine, scope, blob);
    }
  } catch {
    scope.trouble('malformed', file);
  } finally {
    opened.value.close();
  }
  return true;
}

function addRpm(machine: Machine, scope: Scope, blob: Buffer): void {
  const header = parseRpmHeader(blob);
  if (header === null) {
    scope.trouble('malformed', 'Packages');
    return;
  }
  const { name, version, release, epoch, architecture, source } = header;
  // Keys that signatures are checked with are kept as packages and are none.
  if (name === 'gpg-pubkey') return;
  const full = release === null ? version : `${version}-${release}`;
  machine.findings.add({
    kind: 'software-application',
    manager: 'rpm',
    name: nameText(name),
    version: nameText(epoch === null || epoch === 0 ? full : `${epoch}:${full}`),
    architecture: nameOrNull(architecture),
    source: nameOrNull(source?.replace(/-[^-]+-[^-]+\.src\.rpm$/, '')),
  });
}
