import type { Root } from './files/root';
import type { Scope } from './scope';

/** An account and its home. */
export interface Person {
  readonly name: string;
  /** Decimal user id; null where only a directory tells of the person. */
  readonly userId: string | null;
  readonly home: string;
}

/** People whose directories are looked into; most accounts have none. */
const PEOPLE_MAX = 5_000;
const ACCOUNTS_MAX = 50_000;

const PASSWD = '/etc/passwd';
const PASSWD_MAX = 16 * 1024 * 1024;

/** Homes of accounts that have none. */
const NO_HOME = /^\/(?:nonexistent|dev\/.*|proc\/.*|sys\/.*|bin|sbin|usr\/s?bin|var\/empty)?$/;

/**
 * People with their homes: the accounts of the machine, root, and directories below /home, whose accounts
 * may be kept elsewhere. Of accounts that share a home the first one counts.
 */
export function peopleOf(scope: Scope): readonly Person[] {
  const known = KNOWN.get(scope.root);
  if (known === undefined) {
    const found = findPeople(scope);
    KNOWN.set(scope.root, found);
    return found;
  }
  // What cannot be read is noted for every kind that asks.
  scope.text(PASSWD, PASSWD_MAX);
  scope.list('/home');
  return known;
}

/** Thousands of homes are looked for once. */
const KNOWN = new WeakMap<Root, readonly Person[]>();

function findPeople(scope: Scope): readonly Person[] {
  const homes = new Map<string, Person>();
  const add = (person: Person): void => {
    const { home } = person;
    if (NO_HOME.test(home) || homes.has(home) || isAway(scope, person)) return;
    if (homes.size < PEOPLE_MAX) homes.set(home, person);
    else scope.trouble('too-many', home);
  };
  add({ name: 'root', userId: '0', home: '/root' });
  const lines = scope.lines(PASSWD, PASSWD_MAX);
  if (lines.length > ACCOUNTS_MAX) scope.trouble('too-many', PASSWD);
  for (const line of lines.slice(0, ACCOUNTS_MAX)) {
    const person = accountIn(line);
    if (person !== null) add(person);
  }
  for (const { name, type } of scope.list('/home')) {
    if (type === 'directory' || type === 'link') add({ name, userId: null, home: `/home/${name}` });
  }
  return [...homes.values()];
}

/** True when there is neither a home nor anything that runs for the person. */
const isAway = (scope: Scope, { home, userId }: Person): boolean =>
  scope.isMissing(home) && (userId === null || scope.isMissing(`/run/user/${userId}`));

/** Null for a line that names no account with a home. */
function accountIn(line: string): Person | null {
  const [name = '', , userId = '', , , home = '', ...more] = line.split(':');
  const isAccount = more.length > 0 && /^\d{1,10}$/.test(userId) && !/^(?:[#+-]|$)/.test(name);
  if (!isAccount || !home.startsWith('/')) return null;
  return { name, userId, home: home.replace(/(?<=.)\/+$/, '') };
}

/**
 * People in whose homes something stands at a path, so that for the many others nothing more is looked for.
 */
export const peopleWith = (scope: Scope, path: string): readonly Person[] =>
  peopleOf(scope).filter(({ home }) => !scope.isMissing(`${home}/${path}`));
