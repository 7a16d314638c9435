import type { Root } from '../files/root';
import { peopleOf, type Person } from '../people';
import type { Scope } from '../scope';
import { createAllowance, limitedScope } from '../limited-scope';
import { readWants, type Wants } from './unit-wants';
import {
  readStartedUnits,
  readUnits,
  sharedPlaces,
  templateOf,
  type Unit,
  type UnitPlaces,
} from './units';

/** Units of one type, and what wants them. */
interface Read {
  readonly units: readonly Unit[];
  readonly wants: Wants;
  /** Services that timers start. */
  readonly services: readonly Unit[];
}

/** The manager that a person has for a session, or what those of all people share. */
export interface UserManager {
  /** Name of the account; null for what all people have. */
  readonly owner: string | null;
  readonly home: string | null;
  /** What is read for the person, with the limit on it. */
  readonly scope: Scope;
  /** It runs from the start of the machine on. */
  readonly lingers: boolean;
  readonly read: (type: 'service' | 'timer') => Read;
}

const LINGER = '/var/lib/systemd/linger';

/**
 * Managers of people's sessions: first what all people share, of which only what is enabled or was put
 * there by the administrator counts, then everyone who has units or made choices. Homes belong to people,
 * so the work for each of them is limited.
 */
export function* readUserManagers(scope: Scope, files: Root): Generator<UserManager> {
  const lingering = new Set(scope.list(LINGER).map(({ name }) => name));
  const shared = sharedPlaces(scope, files);
  yield {
    owner: null,
    home: null,
    scope,
    lingers: lingering.size > 0,
    read: (type) => readShared(shared, type),
  };
  const ofAll = createAllowance(WORK_OF_ALL_MAX);
  const lists = new Map<string, ReturnType<Scope['list']>>();
  for (const person of peopleOf(scope)) {
    const own = ownFolders(person);
    // Most people have none, and many of the others an empty folder.
    if (own.all.every((folder) => isBare(scope, folder))) continue;
    const allowance = createAllowance(WORK_OF_PERSON_MAX, ofAll);
    const limited = withLists(limitedScope(scope, allowance, person.home), lists, shared.folders);
    yield {
      owner: person.name,
      home: person.home,
      scope: limited,
      lingers: lingering.has(person.name),
      read: (type) => readOwn({ ...shared, scope: limited }, own, type),
    };
  }
}

/** Steps of reading, see `limitedScope`; hundreds of units take a few thousand. */
const WORK_OF_PERSON_MAX = 8_000;
const WORK_OF_ALL_MAX = 200_000;

const isBare = (scope: Scope, folder: string): boolean =>
  scope.isMissing(folder) || scope.list(folder).length === 0;

/** Folders that everyone has are listed once. */
function withLists(
  scope: Scope,
  lists: Map<string, ReturnType<Scope['list']>>,
  folders: readonly string[],
): Scope {
  return {
    ...scope,
    list: (path) => {
      if (!folders.includes(path)) return scope.list(path);
      const known = lists.get(path) ?? scope.list(path);
      lists.set(path, known);
      return known;
    },
  };
}

function readShared(places: UnitPlaces, type: string): Read {
  const wants = readWants(places);
  const isMeant = ({ name, file }: Unit): boolean =>
    wants.chosen.has(name) || wants.shipped.has(name) || file.startsWith('/etc/');
  const services = type === 'timer' ? readUnits(places, { type: 'service' }) : [];
  return { units: readStartedUnits(places, { type, wants }).filter(isMeant), wants, services };
}

interface OwnFolders {
  /** Before those of the machine. */
  readonly first: readonly string[];
  /** Between those of the administrator and those of packages. */
  readonly between: readonly string[];
  readonly transient: readonly string[];
  readonly all: readonly string[];
}

function ownFolders({ home, userId }: Person): OwnFolders {
  const running = userId === null ? [] : [`/run/user/${userId}/systemd`];
  const first = [`${home}/.config/systemd/user.control`, `${home}/.config/systemd/user`];
  const between = [
    ...running.map((folder) => `${folder}/user`),
    `${home}/.local/share/systemd/user`,
  ];
  const transient = running.map((folder) => `${folder}/transient`);
  return { first, between, transient, all: [...first, ...between, ...transient] };
}

/** What a person has: own units, and units of the machine that the person chose. */
function readOwn(shared: UnitPlaces, own: OwnFolders, type: string): Read {
  const [administrator = '', ...packages] = shared.folders;
  const folders = [...own.first, administrator, ...own.between, ...packages];
  const ofPerson = { ...shared, folders: [...own.first, ...own.between], isChoice: () => true };
  const { chosen } = readWants(ofPerson);
  const names = ofPerson.folders.flatMap((folder) =>
    shared.scope.list(folder).map(({ name }) => name),
  );
  const sought = new Set([...names, ...chosen.keys()].flatMap(withWhatItStarts));
  const places: UnitPlaces = {
    ...shared,
    folders,
    transient: own.transient,
    isChoice: (folder) => own.all.includes(folder) || shared.isChoice(folder),
    isSought: (folder, name) => own.all.includes(folder) || sought.has(name),
  };
  const wants = readWants(places);
  const isOwn = ({ name, file }: Unit): boolean =>
    chosen.has(name) || own.all.some((folder) => file.startsWith(`${folder}/`));
  const transient = type === 'timer';
  return {
    units: readStartedUnits(places, { type, wants, transient }).filter(isOwn),
    wants,
    services: transient ? readUnits(places, { type: 'service', transient }) : [],
  };
}

/** A unit, its template, and the service that a timer of its name starts. */
function withWhatItStarts(name: string): readonly string[] {
  const names = [name, name.replace(/\.timer$/, '.service')];
  return [...names, ...names.flatMap((unit) => templateOf(unit) ?? [])];
}
