import { languageOf } from '../collector/formats/language-package';
import { HELD_BYTES } from './limits';

/** What a file tells by its place: which packages there are, or which distribution. */
export type Interest =
  'dpkg' | 'dpkg-single' | 'apk' | 'rpm' | 'rpm-unread' | 'npm' | 'python' | 'java' | 'os';

const RPM_FOLDER = /^(?:var\/lib|usr\/lib\/sysimage)\/rpm\/([^/]+)$/;
const RPM_FILES: Readonly<Record<string, Interest>> = {
  'rpmdb.sqlite': 'rpm',
  // What was written last may stand in the log beside the database only.
  'rpmdb.sqlite-wal': 'rpm-unread',
  Packages: 'rpm',
  'Packages.db': 'rpm',
};
const JAVA = /\.(?:jar|war|ear)$/i;

const EXACT: Readonly<Record<string, Interest>> = {
  'var/lib/dpkg/status': 'dpkg',
  'usr/lib/apk/db/installed': 'apk',
  'etc/os-release': 'os',
  'usr/lib/os-release': 'os',
};
const DPKG_SINGLE = 'var/lib/dpkg/status.d/';

/** What a path inside the image tells; null for the many that tell nothing. */
export function interestOf(path: string): Interest | null {
  return exactly(EXACT, path) ?? databaseAt(path) ?? languageAt(path);
}

const exactly = (table: Readonly<Record<string, Interest>>, name: string): Interest | null =>
  Object.hasOwn(table, name) ? (table[name] ?? null) : null;

function databaseAt(path: string): Interest | null {
  if (path.startsWith(DPKG_SINGLE)) return path.endsWith('.md5sums') ? null : 'dpkg-single';
  const rpm = RPM_FOLDER.exec(path)?.[1];
  return rpm === undefined ? null : exactly(RPM_FILES, rpm);
}

function languageAt(path: string): Interest | null {
  const language = languageOf(path);
  if (language !== null) return language === 'npm' ? 'npm' : 'python';
  return JAVA.test(path) ? 'java' : null;
}

/**
 * One name for places that two generations of a distribution reach by two paths, because the first of
 * them became a link to the second.
 */
export const canonicalPath = (path: string): string =>
  path === 'lib/apk' || path.startsWith('lib/apk/') ? `usr/${path}` : path;

const HELD: Readonly<Record<Interest, number>> = {
  dpkg: HELD_BYTES.dpkg,
  'dpkg-single': HELD_BYTES.npm,
  apk: HELD_BYTES.apk,
  rpm: HELD_BYTES.rpm,
  'rpm-unread': 0,
  npm: HELD_BYTES.npm,
  python: HELD_BYTES.python,
  java: HELD_BYTES.java,
  os: HELD_BYTES.os,
};

/** Bytes of a file that are held in memory to be read. */
export const heldBytes = (interest: Interest): number => HELD[interest];

/** The beginning of these files is enough. */
export const isReadInPart = (interest: Interest): boolean => interest === 'python';

/** Files in whose place a link or anything else would hide a database of packages. */
export const isDatabase = (interest: Interest): boolean =>
  ['dpkg', 'dpkg-single', 'apk', 'rpm', 'rpm-unread'].includes(interest);

const DATABASE_FOLDERS: ReadonlySet<string> = new Set([
  ...['var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/status.d', 'var/lib/rpm'],
  ...[
    'usr',
    'usr/lib',
    'usr/lib/apk',
    'usr/lib/apk/db',
    'usr/lib/sysimage',
    'usr/lib/sysimage/rpm',
  ],
]);

/** Places of one database, each of which may be a link to the other. */
const RPM_FOLDERS: readonly string[] = ['var/lib/rpm', 'usr/lib/sysimage/rpm'];

/** True for a link behind which databases would be looked for in vain, because it leads elsewhere. */
export const hidesDatabases = (path: string, target: string | null): boolean =>
  DATABASE_FOLDERS.has(path) &&
  !(RPM_FOLDERS.includes(path) && target !== null && RPM_FOLDERS.includes(target));

/** Settings and keys, where people leave secrets; documentation and translations hold examples only. */
const TEXT =
  /(?:^|\/)(?:\.env(?:\.[\w.-]+)?|\.(?:npmrc|netrc|pgpass|pypirc|git-credentials|dockercfg|htpasswd|my\.cnf|bash_history)|id_(?:rsa|dsa|ecdsa|ed25519)|credentials|config|Dockerfile|[^/]+\.(?:env|pem|key|json|ya?ml|properties|conf|cfg|cnf|ini|toml|xml|sh|tfvars|tfstate))$/;
const NO_TEXT =
  /^usr\/(?:share\/(?:doc|man|locale|i18n|zoneinfo|perl|mime|icons|X11|misc)|include)\/|\/node_modules\/(?:[^/]+\/)+(?:package|tsconfig)\.json$/;

/** True for files that are looked through for secrets. */
export const mayHoldSecrets = (path: string): boolean => TEXT.test(path) && !NO_TEXT.test(path);
