import { readJavaArchive } from '../../collector/formats/java-archive';
import {
  describedByNpm,
  describedByPython,
  type Described,
} from '../../collector/formats/language-package';
import { nameOrNull, nameText } from '../../collector/text';
import { bufferSource } from '../../collector/zip/byte-source';
import { NOTHING, unreadFile, type FileContent, type ImagePackage } from './package';

/** Bytes unpacked and archives opened inside one Java archive. */
const OF_ONE = { bytes: 512 * 1024 * 1024, archives: 5_000 };

/** A package that is one thing and was built from itself. */
const plain = (...[type, name, version]: [ImagePackage['type'], string, string]): ImagePackage => ({
  type,
  name: nameText(name),
  version: nameText(version),
  source: null,
  sourceVersion: null,
  architecture: null,
});

/** The package that an installed `package.json` describes. */
export const readNpm = (bytes: Buffer, place: string): FileContent =>
  contentOf('npm', describedByNpm(bytes), place);

/** The distribution that Python's installed metadata describe. */
export const readPython = (bytes: Buffer, place: string): FileContent =>
  contentOf('pypi', describedByPython(bytes), place);

function contentOf(
  ...[type, described, place]: [type: 'npm' | 'pypi', described: Described, place: string]
): FileContent {
  if (described === 'none') return NOTHING;
  if (described === 'malformed') return unreadFile(place, 'malformed');
  return { packages: [plain(type, described.name, described.version)], unread: [] };
}

/** Libraries of a Java archive and of those inside it. */
export function readJava(bytes: Buffer, path: string): FileContent {
  const packages: ImagePackage[] = [];
  const unread: FileContent['unread'][number][] = [];
  readJavaArchive(
    { source: bufferSource(bytes), path },
    {
      add: ({ name, group, version }) => {
        const known = nameOrNull(name);
        if (known === null || nameOrNull(version) === null) return;
        const full = nameOrNull(group) === null ? known : `${group ?? ''}:${known}`;
        packages.push(plain('maven', full, version ?? ''));
      },
      trouble: (reason, place) => {
        unread.push({ place, reason: reason === 'too-many' ? 'too-large' : reason });
      },
    },
    { ...OF_ONE },
  );
  return { packages, unread };
}
