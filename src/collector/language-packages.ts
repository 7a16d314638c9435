import { dirname } from 'node:path';
import { BOUNDS } from '../contracts/schemas/fingerprint-fields';
import type { FingerprintOf } from '../contracts/schemas/fingerprints';
import type { UnreadReason } from '../contracts/schemas/host-report';
import { andThen, attempt, type Read } from './files/attempt';
import type { OpenFile, Root } from './files/root';
import {
  describedByNpm,
  describedByPython,
  languageOf,
  METADATA_BYTES,
  type Described,
} from './formats/language-package';
import { byText, listText, pathText } from './text';

type PackageRecord = Extract<FingerprintOf<'software-application'>, { paths: string[] }>;
type Manager = PackageRecord['manager'];

const READERS: Readonly<Record<Manager, (bytes: Buffer) => Described>> = {
  npm: describedByNpm,
  pypi: describedByPython,
};

/** One version of a package and where it is installed. */
interface Installed {
  readonly manager: Manager;
  readonly name: string;
  readonly version: string;
  copies: number;
  /** The first of its folders, and some that are not yet known not to be among them. */
  folders: string[];
}

/** What one file could not tell. */
interface Trouble {
  readonly reason: UnreadReason;
  readonly path: string;
}

/** Packages of languages, from the files that a search meets. */
export interface LanguagePackages {
  /** Reads a file of metadata that a search has just met. */
  readonly take: (path: string) => void;
  /** What was found so far: a version is one record, whatever the number of its copies. */
  readonly records: () => readonly PackageRecord[];
  readonly troubles: readonly Trouble[];
}

/** Starts with no package found. */
export function gatherLanguagePackages(files: Root): LanguagePackages {
  const found = new Map<string, Installed>();
  const troubles: Trouble[] = [];
  const describe = describer(files);
  const take = (path: string): void => {
    const manager = languageOf(path);
    if (manager === null) return;
    const read = describe(path, manager);
    if (!read.ok && read.reason !== 'missing') troubles.push({ reason: read.reason, path });
    const described = read.ok ? read.value : 'none';
    if (described === 'malformed') troubles.push({ reason: 'malformed', path });
    if (typeof described === 'string') return;
    const key = `${manager} ${described.version} ${described.name}`;
    const known = found.get(key) ?? { manager, ...described, copies: 0, folders: [] };
    addFolder(known, folderOf(path));
    found.set(key, known);
  };
  return { take, troubles, records: () => [...found.values()].map(recordOf) };
}

const recordOf = ({ folders, ...installed }: Installed): PackageRecord => ({
  kind: 'software-application',
  ...installed,
  paths: listText(firstOf(folders), pathText),
});

/** There may be thousands of copies: of their folders only those that are named are kept. */
function addFolder(installed: Installed, folder: string): void {
  installed.copies += 1;
  installed.folders.push(folder);
  if (installed.folders.length > 2 * BOUNDS.list) installed.folders = firstOf(installed.folders);
}

const firstOf = (folders: readonly string[]): string[] =>
  [...folders].sort(byText).slice(0, BOUNDS.list);

/** The folder of the package itself, or what Python keeps of it beside its modules. */
const folderOf = (path: string): string => (path.endsWith('.egg-info') ? path : dirname(path));

/** Package managers link one file into many folders: it is read once. */
function describer(files: Root): (path: string, manager: Manager) => Read<Described> {
  const known = new Map<string, Read<Described>>();
  return (path, manager) => {
    const found = files.found(path);
    if (!found.ok && found.reason === 'not-regular') {
      return described(files.open(path), manager);
    }
    if (!found.ok) return found;
    const { sharedId, open } = found.value;
    if (sharedId === null) return described(open(), manager);
    const key = `${manager} ${sharedId}`;
    const read = known.get(key) ?? described(open(), manager);
    known.set(key, read);
    return read;
  };
}

/** Of Python's metadata the beginning is enough; a cut document of JavaScript says nothing. */
function described(opened: Read<OpenFile>, manager: Manager): Read<Described> {
  if (!opened.ok) return opened;
  const max = METADATA_BYTES[manager];
  try {
    if (manager === 'npm' && opened.value.size > max) return { ok: false, reason: 'too-large' };
    const bytes = attempt(() => opened.value.read(0, max));
    return andThen(bytes, (content) => ({ ok: true, value: READERS[manager](content) }));
  } finally {
    opened.value.close();
  }
}
