import { dirname } from 'node:path';
import { parseUnit, type UnitFile } from '../formats/unit-file';
import type { Entry } from '../files/directory';
import type { Root } from '../files/root';
import type { Scope } from '../scope';

/** Where units are looked for; what stands first wins. */
const FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

const UNITS_MAX = 20_000;

/** A unit of systemd with what is added to it. */
export interface Unit {
  readonly name: string;
  readonly file: string;
  readonly unit: UnitFile;
  readonly masked: boolean;
}

/** Which units want which, as the links in the folders say. */
export interface Wants {
  /** Unit to the targets that want it by the administrator's choice. */
  readonly chosen: ReadonlyMap<string, ReadonlySet<string>>;
  /** Unit to the targets that want it because its package says so. */
  readonly shipped: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Units of one type, e.g. `service`, by name. */
export function readUnits(scope: Scope, files: Root, type: string): readonly Unit[] {
  const units = new Map<string, Unit>();
  noteFolders(scope, files);
  for (const folder of foldersOf(files)) {
    for (const entry of scope.list(folder)) {
      const { name } = entry;
      if (!name.endsWith(`.${type}`) || units.has(name)) continue;
      const unit = units.size < UNITS_MAX ? readUnit(scope, files, { folder, entry }) : TOO_MANY;
      if (unit === TOO_MANY) scope.trouble('too-many', `${folder}/${name}`);
      else if (unit !== null) units.set(name, unit);
    }
  }
  return [...units.values()];
}

const TOO_MANY = 'too-many';

function readUnit(
  scope: Scope,
  files: Root,
  { folder, entry: { name, type } }: { readonly folder: string; readonly entry: Entry },
): Unit | null {
  const file = `${folder}/${name}`;
  if (type !== 'file' && type !== 'link') {
    scope.trouble('not-regular', file);
    return null;
  }
  const target = type === 'link' ? linkTo(files, file) : '';
  if (target === '/dev/null') return { name, file, masked: true, unit: parseUnit([]) };
  if (target !== '' && isAlias(files, { file, name, target })) return null;
  const main = scope.text(file);
  // What a link was to lead to is not there to be started.
  if (main === undefined && type === 'link') return null;
  const added = additions(scope, files, name).map((path) => scope.text(path) ?? '');
  return { name, file, masked: false, unit: parseUnit([main ?? '', ...added]) };
}

/** What a link says; nothing when it cannot be seen. */
function linkTo(files: Root, file: string): string {
  const link = files.link(file);
  return link.ok ? link.value : '';
}

/** A link to a unit of another name gives it one more name, and is no unit of its own. */
function isAlias(
  files: Root,
  { file, name, target }: { readonly file: string; readonly name: string; readonly target: string },
): boolean {
  if (target.split('/').at(-1) === name) return false;
  const found = files.resolve(file);
  const stat = files.statTarget(file);
  if (!found.ok || !stat.ok || !stat.value.isFile()) return false;
  return resolvedFolders(files).includes(dirname(found.value));
}

const resolvedFolders = (files: Root): readonly string[] =>
  FOLDERS.map((folder) => files.resolve(folder)).flatMap((found) =>
    found.ok ? [found.value] : [],
  );

function additions(scope: Scope, files: Root, name: string): readonly string[] {
  return foldersOf(files).flatMap((folder) =>
    scope
      .list(`${folder}/${name}.d`)
      .filter(({ name: file }) => file.endsWith('.conf'))
      .map(({ name: file }) => `${folder}/${name}.d/${file}`),
  );
}

/** Links in `*.wants` and `*.requires` folders. */
export function readWants(scope: Scope, files: Root): Wants {
  const chosen = new Map<string, Set<string>>();
  const shipped = new Map<string, Set<string>>();
  for (const folder of foldersOf(files)) {
    const wants = folder.startsWith('/etc/') || folder.startsWith('/run/') ? chosen : shipped;
    for (const { name } of scope.list(folder)) {
      const target = /^(.+)\.(?:wants|requires)$/.exec(name)?.[1];
      if (target === undefined) continue;
      for (const { name: unit } of scope.list(`${folder}/${name}`)) {
        wants.set(unit, (wants.get(unit) ?? new Set<string>()).add(target));
      }
    }
  }
  return { chosen, shipped };
}

/** A folder that is not there is the usual case; one that cannot be reached hides what is in it. */
function noteFolders(scope: Scope, files: Root): void {
  for (const folder of FOLDERS) {
    const found = files.resolve(folder);
    if (!found.ok && found.reason !== 'missing') scope.trouble(found.reason, folder);
  }
}

/** `/lib` usually is a link to `/usr/lib`: the same folder is not read twice. */
function foldersOf(files: Root): readonly string[] {
  const seen = new Set<string>();
  return FOLDERS.filter((folder) => {
    const found = files.resolve(folder);
    if (!found.ok || seen.has(found.value)) return false;
    seen.add(found.value);
    return true;
  });
}
