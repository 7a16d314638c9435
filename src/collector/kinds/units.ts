import { basename, dirname } from 'node:path';
import { parseUnit, type UnitFile } from '../formats/unit-file';
import type { Entry } from '../files/directory';
import type { Root } from '../files/root';
import type { Scope } from '../scope';
import { byText } from '../text';

/** Where one manager looks for its units. */
export interface UnitPlaces {
  readonly scope: Scope;
  readonly files: Root;
  /** What stands first wins. */
  readonly folders: readonly string[];
  /** Units there want nothing and are started at once; read only where they are asked for. */
  readonly transient: readonly string[];
  /** Whether wishes in a folder are somebody's choice, and not what a package brings. */
  readonly isChoice: (folder: string) => boolean;
  /** Units that are read out of a folder; without it all are. */
  readonly isSought?: (folder: string, name: string) => boolean;
}

/** Units that a command made until the machine starts again. */
const TRANSIENT = '/run/systemd/transient';

/** What generators make of other files is nobody's choice among units. */
const isOfMachine = (folder: string): boolean =>
  folder.startsWith('/etc/') || (folder.startsWith('/run/') && !folder.includes('/generator'));

/** Where the manager of the machine looks. */
export const systemPlaces = (scope: Scope, files: Root): UnitPlaces => ({
  scope,
  files,
  folders: [
    '/etc/systemd/system.control',
    '/run/systemd/generator.early',
    '/etc/systemd/system',
    '/etc/systemd/system.attached',
    '/run/systemd/system',
    '/run/systemd/generator',
    '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system',
    '/lib/systemd/system',
  ],
  transient: [TRANSIENT],
  isChoice: isOfMachine,
});

/** Where the managers of all people look, besides their own folders. */
export const sharedPlaces = (scope: Scope, files: Root): UnitPlaces => ({
  scope,
  files,
  folders: [
    '/etc/systemd/user',
    '/run/systemd/user',
    '/usr/local/share/systemd/user',
    '/usr/share/systemd/user',
    '/usr/local/lib/systemd/user',
    '/usr/lib/systemd/user',
  ],
  transient: [],
  isChoice: isOfMachine,
});

const UNITS_MAX = 20_000;

/** A unit of systemd with what is added to it. */
export interface Unit {
  readonly name: string;
  readonly file: string;
  readonly unit: UnitFile;
  readonly masked: boolean;
}

/** Units of one type, e.g. `service`, by name; transient ones only where they are asked for. */
export function readUnits(
  places: UnitPlaces,
  { type, transient = false }: { readonly type: string; readonly transient?: boolean | undefined },
): readonly Unit[] {
  const units = new Map<string, Unit>();
  const { scope } = places;
  noteFolders(places);
  const added = readAdditions(places, type);
  for (const folder of [...(transient ? places.transient : []), ...foldersOf(places)]) {
    for (const entry of entriesOf(places, folder, type)) {
      const { name } = entry;
      if (units.has(name)) continue;
      const unit = units.size < UNITS_MAX ? readUnit(places, { folder, entry, added }) : TOO_MANY;
      if (unit === TOO_MANY) scope.trouble('too-many', `${folder}/${name}`);
      else if (unit !== null) units.set(name, unit);
    }
  }
  return [...units.values()];
}

const entriesOf = (
  { scope, isSought = () => true }: UnitPlaces,
  folder: string,
  type: string,
): readonly Entry[] =>
  scope.list(folder).filter(({ name }) => name.endsWith(`.${type}`) && isSought(folder, name));

/** Units that something wants, by their names. */
interface Wanted {
  readonly chosen: ReadonlyMap<string, unknown>;
  readonly shipped: ReadonlyMap<string, unknown>;
}

/** Units of one type with those that are wanted and made from a template, e.g. `getty@tty1.service`. */
export function readStartedUnits(
  places: UnitPlaces,
  {
    type,
    wants,
    transient,
  }: { readonly type: string; readonly wants: Wanted; readonly transient?: boolean },
): readonly Unit[] {
  const units = readUnits(places, { type, transient });
  const known = new Map(units.map((unit) => [unit.name, unit]));
  const added = readAdditions(places, type);
  const wanted = new Set([...wants.chosen.keys(), ...wants.shipped.keys()]);
  const made = [...wanted].flatMap((name) => {
    const template = known.get(templateOf(name) ?? '');
    if (template === undefined || known.has(name) || !name.endsWith(`.${type}`)) return [];
    if (template.masked) return [{ ...template, name }];
    return [{ ...template, name, unit: withAdditions(places.scope, template.file, added(name)) }];
  });
  return [...units, ...made];
}

/** `getty@.service` of `getty@tty1.service`; null of what is made from no template. */
export const templateOf = (name: string): string | null => {
  const parts = /^([^@]+@).+(\.[a-z]+)$/.exec(name);
  return parts === null ? null : `${parts[1] ?? ''}${parts[2] ?? ''}`;
};

const TOO_MANY = 'too-many';

function readUnit(
  places: UnitPlaces,
  {
    folder,
    entry: { name, type },
    added,
  }: { readonly folder: string; readonly entry: Entry; readonly added: Additions },
): Unit | null {
  const { scope, files } = places;
  const file = `${folder}/${name}`;
  if (type !== 'file' && type !== 'link') {
    scope.trouble('not-regular', file);
    return null;
  }
  const target = type === 'link' ? linkTo(files, file) : '';
  const masked = { name, file, masked: true, unit: parseUnit([]) };
  if (target === '/dev/null') return masked;
  if (target !== '' && isAlias(places, { file, name, target })) return null;
  const main = scope.text(file);
  // What a link was to lead to is not there to be started.
  if (main === undefined && type === 'link') return null;
  if (main === '') return masked;
  return { name, file, masked: false, unit: withAdditions(scope, file, added(name)) };
}

const withAdditions = (scope: Scope, file: string, added: readonly string[]): UnitFile =>
  parseUnit([file, ...added].map((path) => scope.text(path) ?? ''));

/** What a link says; nothing when it cannot be seen. */
function linkTo(files: Root, file: string): string {
  const link = files.link(file);
  return link.ok ? link.value : '';
}

/** A link to a unit of another name gives it one more name, and is no unit of its own. */
const isAlias = (places: UnitPlaces, link: UnitLink): boolean => unitBehind(places, link) !== null;

interface UnitLink {
  readonly file: string;
  readonly name: string;
  /** What the link says. */
  readonly target: string;
}

/** Name of the unit that a link gives one more name; null for any other link. */
export function unitBehind(places: UnitPlaces, { file, name, target }: UnitLink): string | null {
  if (target.split('/').at(-1) === name) return null;
  const found = places.files.resolve(file);
  const stat = places.files.statTarget(file);
  if (!found.ok || !stat.ok || !stat.value.isFile()) return null;
  return resolvedFolders(places).includes(dirname(found.value)) ? basename(found.value) : null;
}

const resolvedFolders = ({ files, folders }: UnitPlaces): readonly string[] =>
  folders
    .map((folder) => files.resolve(folder))
    .flatMap((found) => (found.ok ? [found.value] : []));

/** Files that are added to the unit of a name, in the order in which they count. */
type Additions = (name: string) => readonly string[];

/**
 * Additions to units of one type. They count in the order of their own names, wherever they stand; of two
 * with one name the one of the folder that stands first counts alone, and none when it leads to nothing.
 */
function readAdditions(searched: UnitPlaces, type: string): Additions {
  const { scope } = searched;
  const folders = foldersOf(searched).map((folder) => {
    const names = scope.list(folder).map(({ name }) => name);
    return { folder, names: new Set(names.filter((name) => name.endsWith(`${type}.d`))) };
  });
  return (unit) => {
    const special = foldersFor(unit);
    const places = [
      ...folders.flatMap(({ folder, names }) =>
        special.filter((name) => names.has(name)).map((name) => `${folder}/${name}`),
      ),
      ...folders.flatMap(({ folder, names }) =>
        names.has(`${type}.d`) ? [`${folder}/${type}.d`] : [],
      ),
    ];
    const byName = new Map<string, string>();
    for (const place of places) {
      for (const { name } of scope.list(place)) {
        if (name.endsWith('.conf') && !byName.has(name)) byName.set(name, `${place}/${name}`);
      }
    }
    return [...byName].sort(([a], [b]) => byText(a, b)).map(([, path]) => path);
  };
}

/** `a-b@x.service.d`, `a-b@.service.d`, `a-.service.d`: those for more units stand last. */
function foldersFor(unit: string): readonly string[] {
  const [, base = '', suffix = ''] = /^(.+)(\.[a-z]+)$/.exec(unit) ?? [];
  const template = templateOf(unit);
  const dashes = [...base.matchAll(/-/g)].map(({ index }) => base.slice(0, index + 1)).reverse();
  return [
    unit,
    ...(template === null ? [] : [template]),
    ...dashes.map((name) => `${name}${suffix}`),
  ].map((name) => `${name}.d`);
}

/** A folder that is not there is the usual case; one that cannot be reached hides what is in it. */
function noteFolders({ scope, files, folders }: UnitPlaces): void {
  for (const folder of folders) {
    const found = files.resolve(folder);
    if (!found.ok && found.reason !== 'missing') scope.trouble(found.reason, folder);
  }
}

/** Looking for them takes longer than reading what is in them. */
const KNOWN = new WeakMap<UnitPlaces, readonly string[]>();

/** `/lib` usually is a link to `/usr/lib`: the same folder is not read twice. */
export function foldersOf(places: UnitPlaces): readonly string[] {
  const known = KNOWN.get(places);
  if (known !== undefined) return known;
  const seen = new Set<string>();
  const found = places.folders.filter((folder) => {
    const resolved = places.files.resolve(folder);
    if (!resolved.ok || seen.has(resolved.value)) return false;
    seen.add(resolved.value);
    return true;
  });
  KNOWN.set(places, found);
  return found;
}
