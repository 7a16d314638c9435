import { join } from 'node:path';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import { listDirectory, type Entry } from './directory';
import type { Root } from './root';

/** What one search through all directories found, in the order of its depth. */
export interface Tree {
  /** Java archives. */
  readonly archives: readonly string[];
  /** Files and directories whose name tells of an application or a framework. */
  readonly marks: readonly string[];
  /** Metadata of packages of Python and JavaScript. */
  readonly packages: readonly string[];
  readonly troubles: readonly Trouble[];
}

/** What could not be searched, and for what. */
interface Trouble {
  readonly reason: UnreadReason;
  readonly place: string;
  readonly of: 'everything' | 'archives' | 'marks' | 'packages';
}

/** What to search for and where not to. */
export interface Search {
  readonly skip: ReadonlySet<string>;
  /** Both are given the folder's path, which is empty for the root. */
  isMark(folder: string, entry: Entry): boolean;
  isPackage(folder: string, name: string): boolean;
}

/** Names looked at; a full server has a few million. */
const NAMES_MAX = 3_000_000;
const DIRECTORY_MAX = 200_000;
const ARCHIVES_MAX = 20_000;
const MARKS_MAX = 50_000;
const PACKAGES_MAX = 100_000;

/** What the kernel makes up, and layers of containers, which belong to the containers. */
const NEVER = [
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/containers/storage',
  '/var/lib/kubelet',
  '/var/lib/rancher',
];

const ROOTLESS_LAYERS = '/.local/share/containers/storage';

/**
 * Searches all directories once, nearest first, so that one deep directory cannot use up what is
 * allowed before the others had their turn. Links are not followed: what they lead to is found where
 * it is.
 */
export function searchTree(root: Root, search: Search): Tree {
  const found = new Found(root, search);
  // Siblings share the path of their folder: a level may hold a hundred thousand of them.
  let level: Siblings[] = [{ folder: '', names: [''] }];
  while (level.length > 0) {
    const below: Siblings[] = [];
    for (const { folder, names } of level) {
      for (const name of names) {
        const directory = `${folder}/${name}`;
        if (found.isTooMuch) {
          found.note('too-many', directory, 'everything');
          return found.tree();
        }
        const inside = found.enter(directory);
        if (inside.length > 0) {
          below.push({ folder: directory === '/' ? '' : directory, names: inside });
        }
      }
    }
    level = below;
  }
  return found.tree();
}

/** Directories in one folder that are still to be searched. */
interface Siblings {
  readonly folder: string;
  readonly names: readonly string[];
}

/** What a search has found so far. */
class Found {
  private readonly archives: string[] = [];
  private readonly marks: string[] = [];
  private readonly packages: string[] = [];
  private readonly troubles: Trouble[] = [];
  private readonly skip: ReadonlySet<string>;
  private names = 0;

  constructor(
    private readonly root: Root,
    private readonly search: Search,
  ) {
    this.skip = new Set([...NEVER, ...search.skip]);
  }

  get isTooMuch(): boolean {
    return this.names > NAMES_MAX || this.archives.length > ARCHIVES_MAX;
  }

  tree(): Tree {
    const { archives, marks, packages, troubles } = this;
    return { archives: archives.slice(0, ARCHIVES_MAX), marks, packages, troubles };
  }

  /** Looks at the names in a directory; returns the directories among them that are to be searched. */
  enter(directory: string): readonly string[] {
    const place = join(this.root.directory, directory);
    const listed = listDirectory(this.root.directory, place, DIRECTORY_MAX);
    if (!listed.ok) {
      if (listed.reason !== 'missing') this.note(listed.reason, directory, 'everything');
      return [];
    }
    this.names += listed.value.length;
    const below: string[] = [];
    const folder = directory === '/' ? '' : directory;
    for (const entry of listed.value) {
      this.visit(folder, entry);
      if (entry.type !== 'directory') continue;
      const path = `${folder}/${entry.name}`;
      if (!this.skip.has(path) && !path.endsWith(ROOTLESS_LAYERS)) below.push(entry.name);
    }
    return below;
  }

  note(reason: UnreadReason, place: string, of: Trouble['of']): void {
    this.troubles.push({ reason, place, of });
  }

  private visit(folder: string, entry: Entry): void {
    const { name, type } = entry;
    const isArchive = ARCHIVE.test(name);
    // A name that is not UTF-8 cannot be opened again under the text that was made of it.
    if (name.includes('\uFFFD')) this.noteUnreadable(`${folder}/${name}`, type, isArchive);
    if (this.search.isMark(folder, entry)) this.add('marks', `${folder}/${name}`, MARKS_MAX);
    if (isArchive) this.addArchive(`${folder}/${name}`, entry);
    if (type !== 'directory' && this.search.isPackage(folder, name)) {
      if (type === 'other') this.note('not-regular', `${folder}/${name}`, 'packages');
      else this.add('packages', `${folder}/${name}`, PACKAGES_MAX);
    }
  }

  private add(what: 'marks' | 'packages', path: string, max: number): void {
    if (this[what].length < max) this[what].push(path);
    else this.note('too-many', path, what);
  }

  private addArchive(path: string, entry: Entry): void {
    const trouble = archiveTrouble(this.root, path, entry);
    if (trouble !== null) this.note(trouble, path, 'archives');
    else if (entry.type === 'file') this.archives.push(path);
  }

  /** Of other files nothing would be read anyway. */
  private noteUnreadable(path: string, type: Entry['type'], isArchive: boolean): void {
    if (type === 'directory') this.note('unresolvable', path, 'everything');
    else if (isArchive) this.note('unresolvable', path, 'archives');
  }
}

/** What keeps an archive from being found anywhere; a link leads to one that is found where it is. */
function archiveTrouble(root: Root, path: string, { type }: Entry): UnreadReason | null {
  if (type === 'other') return 'not-regular';
  const found = type === 'link' ? root.resolve(path) : null;
  return found?.ok === false && found.reason !== 'missing' ? found.reason : null;
}

const ARCHIVE = /\.(jar|war|ear)$/i;
