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
  /** Folders of the files below: most entries of a layer touch none of them. */
  private readonly foldersBelow = new Set<string>();
  private readonly own = new Map<string, FileContent>();

  constructor(
    below: ImageFiles,
    private readonly limits: LayerLimits,
  ) {
    this.below = new Map(below);
    for (const path of below.keys()) {
      for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
        this.foldersBelow.add(path.slice(0, at));
      }
    }
  }

  hide(whiteout: Whiteout): void {
    if (whiteout.hides === 'path') this.below.delete(whiteout.path);
    if (whiteout.hides !== 'nothing') this.hideBelow(whiteout.path);
  }

  /** Something stands at the path now that is a folder, or that is none. */
  stand(path: string, isFolder: boolean): void {
    this.below.delete(path);
    this.own.delete(path);
    if (!isFolder && this.foldersBelow.has(path)) this.hideBelow(path);
  }

  add(path: string, content: FileContent): void {
    this.own.set(path, content);
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
    if (packages > this.limits.packages) {
      throw new LayerTrouble('too-large', `brings more than ${this.limits.packages} packages`);
    }
    return files;
  }

  private hideBelow(folder: string): void {
    if (folder !== '' && !this.foldersBelow.has(folder)) return;
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const path of this.below.keys()) {
      if (path.startsWith(prefix)) this.below.delete(path);
    }
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
