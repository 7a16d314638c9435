import { readJavaArchive } from '../../collector/formats/java-archive';
import { paragraphs } from '../../collector/formats/paragraphs';
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
export function readNpm(bytes: Buffer, place: string): FileContent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  } catch {
    return unreadFile(place, 'malformed');
  }
  if (typeof parsed !== 'object' || parsed === null) return unreadFile(place, 'malformed');
  const { name, version } = parsed as { name?: unknown; version?: unknown };
  // Folders of a package often hold a file of this name that only sets the kind of its modules.
  if (typeof name !== 'string' || typeof version !== 'string') return NOTHING;
  if (name === '' || version === '') return NOTHING;
  return { packages: [plain('npm', name, version)], unread: [] };
}

const PYTHON_FIELDS = new Set(['Name', 'Version']);

/** The distribution that Python's installed metadata describe. */
export function readPython(bytes: Buffer, place: string): FileContent {
  const [fields] = paragraphs(bytes.toString('utf8'), PYTHON_FIELDS);
  const name = nameOrNull(fields?.get('Name'));
  const version = nameOrNull(fields?.get('Version'));
  if (name === null || version === null) return unreadFile(place, 'malformed');
  return { packages: [plain('pypi', name, version)], unread: [] };
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
