import { LayerTrouble } from './layer-trouble';
import type { LayerLimits } from './limits';
import type { Whiteout } from './tar/path-in-image';
import type { FileContent } from './packages/package';

/** Files of interest that an image has when some of its layers are laid over each other, by path. */
export type ImageFiles = ReadonlyMap<string, FileContent>;

/** An image before its first layer. */
export const NO_FILES: ImageFiles = new Map();

/**
 * Lays one layer over those below. A whiteout hides what the layers below have and never what its own
 * layer brings, wherever in the archive it stands; what is no folder takes the place of a whole folder.
 */
export class LayerOver {
  private readonly below: Map<string, FileContent>;
  /** Paths of the files below in order: those of one folder stand together. */
  private readonly order: readonly string[];
  /** For each of them the next one that is not hidden yet, so that hiding twice costs nothing. */
  private readonly next: Uint32Array;
  private readonly own = new Map<string, FileContent>();
  private ownPackages = 0;

  constructor(
    below: ImageFiles,
    private readonly limits: LayerLimits,
  ) {
    this.below = new Map(below);
    // A set of all their folders would grow with the depth of the paths as well as with their number.
    this.order = [...below.keys()].sort();
    this.next = Uint32Array.from({ length: this.order.length + 1 }, (_, at) => at);
  }

  hide(whiteout: Whiteout): void {
    if (whiteout.hides === 'path') this.below.delete(whiteout.path);
    if (whiteout.hides !== 'nothing') this.hideBelow(whiteout.path);
  }

  /** Something stands at the path now that is a folder, or that is none. */
  stand(path: string, isFolder: boolean): void {
    this.below.delete(path);
    this.ownPackages -= this.own.get(path)?.packages.length ?? 0;
    this.own.delete(path);
    if (!isFolder && path !== '') this.hideBelow(path);
  }

  add(path: string, content: FileContent): void {
    this.ownPackages += content.packages.length - (this.own.get(path)?.packages.length ?? 0);
    this.own.set(path, content);
    this.assertFew(this.ownPackages);
    if (this.own.size + this.below.size > this.limits.files) {
      throw new LayerTrouble('too-large', `has more than ${this.limits.files} files of interest`);
    }
  }

  /** What a path holds now, for a hard link to it. */
  at(path: string): FileContent | undefined {
    return this.own.get(path) ?? this.below.get(path);
  }

  result(): ImageFiles {
    const files = new Map([...this.below, ...this.own]);
    let packages = 0;
    for (const content of files.values()) packages += content.packages.length;
    this.assertFew(packages);
    return files;
  }

  private assertFew(packages: number): void {
    if (packages <= this.limits.packages) return;
    throw new LayerTrouble('too-large', `brings more than ${this.limits.packages} packages`);
  }

  private hideBelow(folder: string): void {
    const prefix = folder === '' ? '' : `${folder}/`;
    let at = this.shownFrom(this.firstFrom(prefix));
    for (let path = this.order[at]; path?.startsWith(prefix) === true; path = this.order[at]) {
      this.below.delete(path);
      this.next[at] = at + 1;
      at = this.shownFrom(at + 1);
    }
  }

  /** Where the first path stands that is not before a text. */
  private firstFrom(text: string): number {
    let from = 0;
    let to = this.order.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.order[middle] ?? '') < text) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The first place from `at` on that is not hidden; the way there is shortened for the next time. */
  private shownFrom(at: number): number {
    let end = at;
    while (this.next[end] !== end) end = this.next[end] ?? end;
    for (let on = at; on !== end;) {
      const following = this.next[on] ?? end;
      this.next[on] = end;
      on = following;
    }
    return end;
  }
}

/** What one layer changes in the files of interest of the layers below. */
export interface LayerChange {
  /** Paths of files below that are hidden or are another file now. */
  readonly hidden: readonly string[];
  /** Files that the layer brings. */
  readonly files: ReadonlyMap<string, FileContent>;
}

/** Tells apart what a layer changed. */
export function changeBetween(below: ImageFiles, above: ImageFiles): LayerChange {
  const hidden = [...below].filter(([path, content]) => above.get(path) !== content);
  const files = [...above].filter(([path, content]) => below.get(path) !== content);
  return { hidden: hidden.map(([path]) => path).sort(), files: new Map(files) };
}

/** Lays a layer that was read before over the same layers below. */
export function laidOver(below: ImageFiles, { hidden, files }: LayerChange): ImageFiles {
  const result = new Map(below);
  for (const path of hidden) result.delete(path);
  for (const [path, content] of files) result.set(path, content);
  return result;
}
