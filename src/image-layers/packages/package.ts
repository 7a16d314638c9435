/** Kinds of packages, by what manages them. */
export type PackageType = 'deb' | 'apk' | 'rpm' | 'npm' | 'pypi' | 'golang' | 'maven';

/** A package as it is installed in an image. */
export interface ImagePackage {
  readonly type: PackageType;
  /** As its own world writes it: `group:artifact` for Maven, a module path for Go. */
  readonly name: string;
  readonly version: string;
  /** Name and version of what a package was built from, where they differ in kind. */
  readonly source: string | null;
  readonly sourceVersion: string | null;
  readonly architecture: string | null;
}

/** Why a file that lists packages was not read. */
export type UnreadReason = 'unsupported' | 'malformed' | 'too-large' | 'link';

/** What one file of an image says about its software. */
export interface FileContent {
  readonly packages: readonly ImagePackage[];
  /** Parts that could not be read; inside an archive with the way to them. */
  readonly unread: readonly { readonly place: string; readonly reason: UnreadReason }[];
  /** Set where the file names the distribution. */
  readonly distribution?: Distribution;
}

/** A distribution by its own names, e.g. `debian` and `12`. */
export interface Distribution {
  readonly id: string;
  readonly version: string | null;
}

/** A file that says nothing. */
export const NOTHING: FileContent = Object.freeze({ packages: [], unread: [] });

/** A file that could not be read. */
export const unreadFile = (place: string, reason: UnreadReason): FileContent => ({
  packages: [],
  unread: [{ place, reason }],
});
