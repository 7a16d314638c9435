import { join } from 'node:path';
import type { UnreadReason } from '../../contracts/schemas/host-report';
import { listDirectory, type Entry } from './directory';
import type { Root } from './root';

/** What one search through all directories found. */
export interface Tree {
  /** Java archives, in the order of their depth. */
  readonly archives: readonly string[];
  /** Files and directories whose name tells of an application or a framework. */
  readonly marks: readonly string[];
  readonly troubles: readonly { readonly reason: UnreadReason; readonly place: string }[];
}

/** What to search for and where not to. */
export interface Search {
  readonly skip: ReadonlySet<string>;
  isMark(directory: string, entry: Entry): boolean;
}

/** Names looked at; a full server has a few million. */
const NAMES_MAX = 3_000_000;
const DIRECTORY_MAX = 200_000;
const ARCHIVES_MAX = 20_000;
const MARKS_MAX = 50_000;

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
  const archives: string[] = [];
  const marks: string[] = [];
  const troubles: { reason: UnreadReason; place: string }[] = [];
  const skip = new Set([...NEVER, ...search.skip]);
  let level = ['/'];
  let names = 0;
  const noteMark = (path: string): void => {
    if (marks.length < MARKS_MAX) marks.push(path);
    else troubles.push({ reason: 'too-many', place: path });
  };
  const noteArchive = (path: string, entry: Entry): void => {
    const trouble = archiveTrouble(root, path, entry);
    if (trouble !== null) troubles.push({ reason: trouble, place: path });
    else if (entry.type === 'file') archives.push(path);
  };
  const visit = (directory: string, entry: Entry): string | null => {
    const path = directory === '/' ? `/${entry.name}` : `${directory}/${entry.name}`;
    // A name that is not UTF-8 cannot be opened again under the text that was made of it.
    if (entry.name.includes('\uFFFD')) troubles.push({ reason: 'unresolvable', place: path });
    if (search.isMark(directory, entry)) noteMark(path);
    if (isArchive(entry.name)) noteArchive(path, entry);
    const enters = entry.type === 'directory' && !skip.has(path) && !path.endsWith(ROOTLESS_LAYERS);
    return enters ? path : null;
  };
  while (level.length > 0) {
    const next: string[] = [];
    for (const directory of level) {
      if (names > NAMES_MAX || archives.length > ARCHIVES_MAX) {
        troubles.push({ reason: 'too-many', place: directory });
        return { archives: archives.slice(0, ARCHIVES_MAX), marks, troubles };
      }
      const listed = listDirectory(root.directory, join(root.directory, directory), DIRECTORY_MAX);
      if (!listed.ok) {
        if (listed.reason !== 'missing') troubles.push({ reason: listed.reason, place: directory });
        continue;
      }
      names += listed.value.length;
      for (const entry of listed.value) {
        const below = visit(directory, entry);
        if (below !== null) next.push(below);
      }
    }
    level = next;
  }
  return { archives, marks, troubles };
}

/** What keeps an archive from being found anywhere; a link leads to one that is found where it is. */
function archiveTrouble(root: Root, path: string, { type }: Entry): UnreadReason | null {
  if (type === 'other') return 'not-regular';
  const found = type === 'link' ? root.resolve(path) : null;
  return found?.ok === false && found.reason !== 'missing' ? found.reason : null;
}

const isArchive = (name: string): boolean => /\.(jar|war|ear)$/i.test(name);
