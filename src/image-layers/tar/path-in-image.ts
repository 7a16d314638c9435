/** What a whiteout is called: it hides a name of the layers below. */
const WHITEOUT = '.wh.';
/** Hides everything that the layers below have in its folder. */
const OPAQUE = '.wh..wh..opq';

/**
 * Path of an entry inside the image, without a leading slash; `''` is the root itself. An absolute path
 * begins at the root and `..` goes up, as an unpacking would take them. Null when it leads outside.
 */
export function pathInImage(name: string): string | null {
  if (isPlain(name)) return name;
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** Most names need no work; to find that out is cheap. */
const isPlain = (name: string): boolean =>
  name !== '' && !/^\/|^\.\.?\/|^\.\.?$|\/\/|\/\.\.?\/|\/\.{0,2}$/.test(name);

/** A whiteout by what it hides. */
export type Whiteout =
  | { readonly hides: 'path'; readonly path: string }
  | { readonly hides: 'everything-below'; readonly path: string }
  /** A name that begins like one and hides nothing, as some builders leave them. */
  | { readonly hides: 'nothing' };

/** Reads a path as a whiteout; null when it is an ordinary one. */
export function whiteoutOf(path: string): Whiteout | null {
  const slash = path.lastIndexOf('/');
  if (!path.startsWith(WHITEOUT, slash + 1)) return null;
  const folder = path.slice(0, Math.max(0, slash));
  const name = path.slice(slash + 1);
  if (name === OPAQUE) return { hides: 'everything-below', path: folder };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === '' || hidden === '.' || hidden === '..' || hidden.startsWith(WHITEOUT)) {
    return { hides: 'nothing' };
  }
  return { hides: 'path', path: folder === '' ? hidden : `${folder}/${hidden}` };
}
