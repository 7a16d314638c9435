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
  isMark(directory: string, entry: Entry): boolean;
  isPackage(directory: string, name: string): boolean;
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
  let level = ['/'];
  while (level.length > 0) {
    const below: string[] = [];
    for (const directory of level) {
      if (found.isTooMuch) {
        found.note('too-many', directory, 'everything');
        return found.tree();
      }
      found.enter(directory, below);
    }
    level = below;
  }
  return found.tree();
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

  /** Looks at the names in a directory and adds the directories among them that are to be searched. */
  enter(directory: string, below: string[]): void {
    const place = join(this.root.directory, directory);
    const listed = listDirectory(this.root.directory, place, DIRECTORY_MAX);
    if (!listed.ok) {
      if (listed.reason !== 'missing') this.note(listed.reason, directory, 'everything');
      return;
    }
    this.names += listed.value.length;
    for (const entry of listed.value) {
      const path = this.visit(directory, entry);
      if (entry.type !== 'directory' || this.skip.has(path)) continue;
      if (!path.endsWith(ROOTLESS_LAYERS)) below.push(path);
    }
  }

  note(reason: UnreadReason, place: string, of: Trouble['of']): void {
    this.troubles.push({ reason, place, of });
  }

  /** Looks at one name and returns its path. */
  private visit(directory: string, entry: Entry): string {
    const { name, type } = entry;
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    const isArchive = ARCHIVE.test(name);
    // A name that is not UTF-8 cannot be opened again under the text that was made of it.
    if (name.includes('\uFFFD')) this.noteUnreadable(path, type, isArchive);
    if (this.search.isMark(directory, entry)) this.add('marks', path, MARKS_MAX);
    if (isArchive) this.addArchive(path, entry);
    if (type !== 'directory' && this.search.isPackage(directory, name)) {
      if (type === 'other') this.note('not-regular', path, 'packages');
      else this.add('packages', path, PACKAGES_MAX);
    }
    return path;
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
