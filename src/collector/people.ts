import type { Scope } from './scope';

/** An account and its home. */
export interface Person {
  readonly name: string;
  /** Decimal user id; null where only a directory tells of the person. */
  readonly userId: string | null;
  readonly home: string;
}

/** People whose directories are looked into. */
const PEOPLE_MAX = 5_000;

const PASSWD_MAX = 16 * 1024 * 1024;

/** Homes of accounts that have none. */
const NO_HOME = /^\/(?:nonexistent|dev\/.*|proc\/.*|sys\/.*|bin|sbin|usr\/s?bin|var\/empty)?$/;

/**
 * People with their homes: the accounts of the machine, root, and directories below /home, whose accounts
 * may be kept elsewhere. Of accounts that share a home the first one counts.
 */
export function peopleOf(scope: Scope): readonly Person[] {
  const homes = new Map<string, Person>();
  const add = (person: Person): void => {
    const { home } = person;
    if (NO_HOME.test(home) || homes.has(home)) return;
    if (homes.size < PEOPLE_MAX) homes.set(home, person);
    else scope.trouble('too-many', home);
  };
  add({ name: 'root', userId: '0', home: '/root' });
  for (const line of scope.lines('/etc/passwd', PASSWD_MAX)) {
    const person = accountIn(line);
    if (person !== null) add(person);
  }
  for (const { name, type } of scope.list('/home')) {
    if (type === 'directory' || type === 'link') add({ name, userId: null, home: `/home/${name}` });
  }
  return [...homes.values()];
}

/** Null for a line that names no account with a home. */
function accountIn(line: string): Person | null {
  const [name = '', , userId = '', , , home = '', ...more] = line.split(':');
  const isAccount = more.length > 0 && /^\d{1,10}$/.test(userId) && !/^(?:[#+-]|$)/.test(name);
  if (!isAccount || !home.startsWith('/')) return null;
  return { name, userId, home: home.replace(/(?<=.)\/+$/, '') };
}

/** Directories of people on the machine. */
export const homeDirectories = (scope: Scope): readonly string[] =>
  peopleOf(scope).map(({ home }) => home);
