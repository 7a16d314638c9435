import { RPM_DATABASES, RPM_FOLDERS } from '../collector/formats/rpm-databases';
import type { ImageFiles } from './image-files';
import { unreadFile } from './packages/package';

const PATHS = RPM_FOLDERS.flatMap((folder) =>
  RPM_DATABASES.map((name) => `${folder.slice(1)}/${name}`),
);

/**
 * Files as rpm sees them: it reads one database, the newest form in the newer place. What another one
 * beside it lists may be long gone, so that one counts as unread. One without packages hides no other.
 */
export function withOneRpmDatabase(files: ImageFiles): ImageFiles {
  const withPackages = PATHS.filter((path) => (files.get(path)?.packages.length ?? 0) > 0);
  const others = withPackages
    .slice(1)
    .map((path) => [path, unreadFile(path, 'unsupported')] as const);
  return others.length === 0 ? files : new Map([...files, ...others]);
}
