import { dirname } from 'node:path';
import { BOUNDS } from '../../contracts/schemas/fingerprint-fields';
import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { attempt, type Read } from '../files/attempt';
import {
  describedByNpm,
  describedByPython,
  languageOf,
  METADATA_BYTES,
  type Described,
} from '../formats/language-package';
import { filesFor, type Machine } from '../machine';
import { byText, listText, pathText } from '../text';

type Manager = Extract<FingerprintOf<'software-application'>, { paths: string[] }>['manager'];

const READERS: Readonly<Record<Manager, (bytes: Buffer) => Described>> = {
  npm: describedByNpm,
  pypi: describedByPython,
};

/** One version of a package and where it is installed. */
interface Installed {
  readonly manager: Manager;
  readonly name: string;
  readonly version: string;
  readonly folders: string[];
}

/**
 * Packages of Python and JavaScript wherever they are installed: for the system, in virtual environments,
 * below applications. A version is one record, whatever the number of its copies. @source DC-1
 */
export function collectLanguagePackages(machine: Machine): void {
  const scope = filesFor(machine, 'software-application');
  const found = new Map<string, Installed>();
  for (const path of machine.tree.packages) {
    const manager = languageOf(path);
    if (manager === null) continue;
    const read = readMetadata(machine, path, manager);
    const described = read.ok ? READERS[manager](read.value) : 'none';
    if (!read.ok && read.reason !== 'missing') scope.trouble(read.reason, path);
    if (described === 'malformed') scope.trouble('malformed', path);
    if (typeof described === 'string') continue;
    const key = `${manager} ${described.version} ${described.name}`;
    const known = found.get(key) ?? { manager, ...described, folders: [] };
    known.folders.push(folderOf(path));
    found.set(key, known);
  }
  for (const { folders, ...installed } of found.values()) {
    machine.findings.add({
      kind: 'software-application',
      ...installed,
      copies: folders.length,
      // Only those that are named are made fit: there may be thousands of copies.
      paths: listText(folders.sort(byText).slice(0, BOUNDS.list), pathText),
    });
  }
}

/** The folder of the package itself, or what Python keeps of it beside its modules. */
const folderOf = (path: string): string => (path.endsWith('.egg-info') ? path : dirname(path));

/** Of Python's metadata the beginning is enough; a cut document of JavaScript says nothing. */
function readMetadata({ files }: Machine, path: string, manager: Manager): Read<Buffer> {
  const max = METADATA_BYTES[manager];
  const found = files.openFound(path);
  const opened = found.ok || found.reason !== 'not-regular' ? found : files.open(path);
  if (!opened.ok) return opened;
  try {
    if (manager === 'npm' && opened.value.size > max) return { ok: false, reason: 'too-large' };
    return attempt(() => opened.value.read(0, max));
  } finally {
    opened.value.close();
  }
}
