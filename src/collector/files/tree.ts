import { join } from 'node:path';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import { byText } from '../text';
import { readNames, typeOf, type Entry } from './directory';
import type { Root } from './root';

/** What one search through all directories found, sorted. */
export interface Tree {
  /** Java archives. */
  readonly archives: readonly string[];
  /** Files and directories whose name tells of an application or a framework. */
  readonly marks: readonly string[];
}

/** What could not be searched for. */
export type SoughtThing = 'everything' | 'archives' | 'marks' | 'packages';

/** What to search for and where not to. */
export interface Search {
  /** Names looked at in all. */
  readonly namesMax: number;
  readonly skip: ReadonlySet<string>;
  /** Both are given the folder's path, which is empty for the root. */
  isMark(folder: string, entry: Entry): boolean;
  isPackage(folder: string, name: string): boolean;
  /** Given the metadata of packages as they are met: there are too many to keep them for later. */
  takePackage(path: string): void;
  /** Told at once what could not be searched, and for what. */
  trouble(reason: UnreadReason, place: string, of: SoughtThing): void;
}

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

/** The same of people who run them for themselves. */
const ROOTLESS_LAYERS = /\/\.local\/share\/(?:containers\/storage|docker)$/;

/** Names that a directory may hold in any case before it has to wait for its turn. */
const SHARE_MIN = 2_000;

/**
 * Searches all directories once, each to its ground before the next: what lies together on disk is then
 * read together, and no level of a hundred thousand directories is held in memory. What may be looked at
 * is shared among siblings, so that one deep directory cannot use up what the others have not had yet: what
 * exceeds its share waits until all have had theirs. Links are not followed: what they lead to is found
 * where it is.
 */
export function searchTree(root: Root, search: Search): Tree {
  const found = new Found(root, search);
  let waiting: readonly string[] = ['/'];
  while (waiting.length > 0) {
    const later: string[] = [];
    shareAmong(waiting, search.namesMax - found.names, (directory, share) =>
      searchBelow(found, later, { directory, share }),
    );
    const [first] = later;
    if (first !== undefined && found.isTooMuch) {
      search.trouble('too-many', first, 'everything');
      break;
    }
    waiting = later;
  }
  return found.tree();
}

/** A directory and the names that may be looked at in it and below. */
interface Portion {
  readonly directory: string;
  readonly share: number;
}

/** Lets each take its part of what the ones before it have left. */
function shareAmong(
  directories: readonly string[],
  names: number,
  take: (directory: string, share: number) => number,
): number {
  let used = 0;
  directories.forEach((directory, at) => {
    const left = names - used;
    const fair = Math.floor(left / (directories.length - at));
    used += take(directory, left <= 0 ? 0 : Math.max(SHARE_MIN, fair));
  });
  return used;
}

/** Searches a directory with what is below it; returns how many names it took. */
function searchBelow(found: Found, later: string[], { directory, share }: Portion): number {
  if (share <= 0 || found.isTooMuch) {
    later.push(directory);
    return 0;
  }
  const before = found.names;
  const below = found.enter(directory);
  const own = found.names - before;
  return (
    own +
    shareAmong(below, share - own, (path, part) =>
      searchBelow(found, later, { directory: path, share: part }),
    )
  );
}

/** What a search has found so far. */
class Found {
  private readonly archives: string[] = [];
  private readonly marks: string[] = [];
  private packages = 0;
  private readonly skip: ReadonlySet<string>;
  /** Names looked at so far. */
  names = 0;

  constructor(
    private readonly root: Root,
    private readonly search: Search,
  ) {
    this.skip = new Set([...NEVER, ...search.skip]);
  }

  get isTooMuch(): boolean {
    return this.names >= this.search.namesMax;
  }

  tree(): Tree {
    return { archives: this.archives.sort(byText), marks: this.marks.sort(byText) };
  }

  /** Looks at the names in a directory; returns the directories among them that are to be searched. */
  enter(directory: string): readonly string[] {
    const base = this.root.directory;
    const place = base === '/' ? directory : join(base, directory);
    const listed = readNames(base, place, DIRECTORY_MAX);
    if (!listed.ok) {
      if (listed.reason !== 'missing') this.search.trouble(listed.reason, directory, 'everything');
      return [];
    }
    this.names += listed.value.length;
    const below: string[] = [];
    const folder = directory === '/' ? '' : directory;
    for (const named of listed.value) {
      const type = typeOf(named);
      this.visit(folder, { name: named.name, type });
      if (type !== 'directory') continue;
      const path = `${folder}/${named.name}`;
      if (!this.skip.has(path) && !ROOTLESS_LAYERS.test(path)) below.push(path);
    }
    return below.sort(byText);
  }

  private visit(folder: string, entry: Entry): void {
    const { name, type } = entry;
    const isArchive = ARCHIVE.test(name);
    // A name that is not UTF-8 cannot be opened again under the text that was made of it.
    if (name.includes('\uFFFD')) this.noteUnreadable(`${folder}/${name}`, type, isArchive);
    if (this.search.isMark(folder, entry)) this.addMark(`${folder}/${name}`);
    if (isArchive) this.addArchive(`${folder}/${name}`, entry);
    if (type !== 'directory' && this.search.isPackage(folder, name)) {
      this.addPackage(`${folder}/${name}`, type);
    }
  }

  private addMark(path: string): void {
    if (this.marks.length < MARKS_MAX) this.marks.push(path);
    else this.search.trouble('too-many', path, 'marks');
  }

  private addPackage(path: string, type: Entry['type']): void {
    if (type === 'other') {
      this.search.trouble('not-regular', path, 'packages');
      return;
    }
    this.packages += 1;
    if (this.packages <= PACKAGES_MAX) this.search.takePackage(path);
    else this.search.trouble('too-many', path, 'packages');
  }

  private addArchive(path: string, entry: Entry): void {
    const trouble = archiveTrouble(this.root, path, entry);
    if (trouble !== null) this.search.trouble(trouble, path, 'archives');
    else if (entry.type !== 'file') return;
    else if (this.archives.length < ARCHIVES_MAX) this.archives.push(path);
    else this.search.trouble('too-many', path, 'archives');
  }

  /** Of other files nothing would be read anyway. */
  private noteUnreadable(path: string, type: Entry['type'], isArchive: boolean): void {
    if (type === 'directory') this.search.trouble('unresolvable', path, 'everything');
    else if (isArchive) this.search.trouble('unresolvable', path, 'archives');
  }
}

/** What keeps an archive from being found anywhere; a link leads to one that is found where it is. */
function archiveTrouble(root: Root, path: string, { type }: Entry): UnreadReason | null {
  if (type === 'other') return 'not-regular';
  const found = type === 'link' ? root.resolve(path) : null;
  return found?.ok === false && found.reason !== 'missing' ? found.reason : null;
}

const ARCHIVE = /\.(jar|war|ear)$/i;
