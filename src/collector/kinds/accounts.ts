import type { FingerprintOf } from '../../contracts/schemas/fingerprints';
import { filesFor, type Machine } from '../machine';
import type { Scope } from '../scope';
import { listText, nameText, pathOrNull } from '../text';

type User = Extract<FingerprintOf<'account'>, { item: 'user' }>;

/** What the shadow file says about one account; the hash itself is looked at and forgotten. */
interface Shadow {
  readonly passwordState: User['passwordState'];
  readonly passwordChangedOn: string | null;
  readonly expiresOn: string | null;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const UNKNOWN: Shadow = { passwordState: 'unknown', passwordChangedOn: null, expiresOn: null };

const NO_LOGIN = /(^|\/)(nologin|false|sync|shutdown|halt|true)$/;

/** Members usually may become root. */
const ADMINISTRATORS = new Set(['root', 'sudo', 'wheel', 'admin', 'docker', 'lxd']);

const PRIVATE_MAX = 16 * 1024 * 1024;

/**
 * Users and groups. Comments are left out because they hold people's names and telephone numbers;
 * of the shadow file only the state of the password is kept. @source DC-1, SD-1
 */
export function collectAccounts(machine: Machine): void {
  const scope = filesFor(machine, 'account');
  const passwd = scope.text('/etc/passwd', PRIVATE_MAX);
  if (scope.isMissing('/etc/passwd')) scope.trouble('missing', '/etc/passwd');
  const group = scope.text('/etc/group', PRIVATE_MAX) ?? '';
  noteUnread(scope, '/etc/passwd', passwd ?? '');
  noteUnread(scope, '/etc/group', group);
  const groups = rows(group, 4).flatMap(groupOf);
  const context: Context = {
    scope,
    groups,
    groupsOf: membership(groups),
    shadows: readShadow(scope),
    today: machine.collectedOn,
  };
  for (const fields of rows(passwd ?? '', 7)) {
    const user = userOf(fields);
    if (user !== null) machine.findings.add(accountOf(user, fields[1] ?? '', context));
  }
  for (const { name, gid, members } of groups) {
    machine.findings.add({
      kind: 'account',
      item: 'group',
      name: nameText(name),
      gid,
      members: listText(members),
    });
  }
}

/** What the other files say about the accounts. */
interface Context {
  readonly scope: Scope;
  readonly groups: readonly Group[];
  readonly groupsOf: ReadonlyMap<string, readonly string[]>;
  readonly shadows: ReadonlyMap<string, readonly string[]> | null;
  readonly today: string;
}

function accountOf(user: PasswdUser, password: string, context: Context): User {
  const { name, uid, gid, home, shell } = user;
  const primary = context.groups.filter((group) => group.gid === gid);
  const memberOf = [...primary.map((group) => group.name), ...(context.groupsOf.get(name) ?? [])];
  const shadow = shadowOf(password, context.shadows?.get(name), context.shadows !== null);
  const authorizedKeys = countKeys(context.scope, home);
  return {
    kind: 'account',
    item: 'user',
    name: nameText(name),
    uid,
    gid,
    groups: listText(memberOf),
    home: pathOrNull(home),
    shell: pathOrNull(shell),
    loginPossible: loginOf(shell, shadow, { authorizedKeys, today: context.today }),
    ...shadow,
    administrator: uid === 0 || memberOf.some((group) => ADMINISTRATORS.has(group)),
    authorizedKeys,
  };
}

/** Names of the accounts by user id, for the readers of other kinds; the first one of an id counts. */
export function userNames(machine: Machine): ReadonlyMap<number, string> {
  const read = machine.files.read('/etc/passwd', PRIVATE_MAX);
  const names = new Map<number, string>();
  for (const fields of read.ok ? rows(read.value.toString('utf8'), 7) : []) {
    const user = userOf(fields);
    if (user !== null && !names.has(user.uid)) names.set(user.uid, user.name);
  }
  return names;
}

/** Lines that name nobody, and those that fetch accounts from elsewhere. */
function noteUnread(scope: Scope, file: string, text: string): void {
  const fields = file === '/etc/passwd' ? 7 : 4;
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (/^[+-]/.test(line)) scope.trouble('unsupported', file);
    else if (!isAccount(line.split(':'), fields)) scope.trouble('malformed', file);
  }
}

/** User ids and group ids stand third, and the group of a user stands fourth. */
const isAccount = (found: readonly string[], fields: number): boolean =>
  found.length >= fields &&
  found[0] !== '' &&
  idOf(found[2]) !== null &&
  (fields < 7 || idOf(found[3]) !== null);

const rows = (text: string, fields: number): readonly (readonly string[])[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.split(':'))
    .filter(({ length, 0: name = '' }) => length >= fields && name !== '' && !/^[#+-]/.test(name));

const idOf = (text: string | undefined): number | null => {
  const id = /^\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return id <= 4_294_967_295 ? id : null;
};

/** A line of the file, without the comment that holds a person's name. */
interface PasswdUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

function userOf(fields: readonly string[]): PasswdUser | null {
  const [name = '', , uidText, gidText, , home = '', shell = ''] = fields;
  const uid = idOf(uidText);
  const gid = idOf(gidText);
  return uid === null || gid === null ? null : { name, uid, gid, home, shell };
}

function groupOf([name = '', , gidText, members = '']: readonly string[]): readonly Group[] {
  const gid = idOf(gidText);
  return gid === null ? [] : [{ name, gid, members: members.split(',').filter((text) => text) }];
}

function membership(groups: readonly Group[]): ReadonlyMap<string, readonly string[]> {
  const groupsOf = new Map<string, string[]>();
  for (const { name, members } of groups) {
    for (const member of members) {
      const known = groupsOf.get(member);
      if (known === undefined) groupsOf.set(member, [name]);
      else known.push(name);
    }
  }
  return groupsOf;
}

/** Null when the file cannot be read, so that nothing is known about any password. */
function readShadow(scope: Scope): ReadonlyMap<string, readonly string[]> | null {
  const text = scope.text('/etc/shadow', PRIVATE_MAX);
  if (text === undefined) return null;
  return new Map(rows(text, 2).map((fields) => [fields[0] ?? '', fields]));
}

function shadowOf(inPasswd: string, row: readonly string[] | undefined, readable: boolean): Shadow {
  if (row !== undefined) {
    return {
      passwordState: stateOf(row[1] ?? '*'),
      passwordChangedOn: dayOf(row[2]),
      expiresOn: dayOf(row[7]),
    };
  }
  if (inPasswd === 'x' && !readable) return UNKNOWN;
  return { ...UNKNOWN, passwordState: inPasswd === 'x' ? 'locked' : stateOf(inPasswd) };
}

function stateOf(password: string): Shadow['passwordState'] {
  if (password === '') return 'empty';
  return /^[!*]/.test(password) || password.length < 13 ? 'locked' : 'set';
}

/** Days since 1970 as a date; the file has no other way to write one. */
function dayOf(days: string | undefined): string | null {
  if (days === undefined || !/^\d{1,5}$/.test(days)) return null;
  return new Date(Number(days) * 86_400_000).toISOString().slice(0, 10);
}

function loginOf(
  shell: string,
  shadow: Shadow,
  { authorizedKeys, today }: { authorizedKeys: number | null; today: string },
): User['loginPossible'] {
  if (NO_LOGIN.test(shell)) return 'no';
  if (shadow.expiresOn !== null && shadow.expiresOn <= today) return 'no';
  if (['set', 'empty'].includes(shadow.passwordState) || (authorizedKeys ?? 0) > 0) return 'yes';
  return shadow.passwordState === 'unknown' || authorizedKeys === null ? 'unknown' : 'no';
}

/** Number of keys that open the account; the keys are not taken. Null when they cannot be seen. */
function countKeys(scope: Scope, home: string): number | null {
  if (!home.startsWith('/') || home === '/') return 0;
  let keys = 0;
  for (const file of ['authorized_keys', 'authorized_keys2']) {
    const read = scope.read(`${home}/.ssh/${file}`);
    if (!read.ok && read.reason !== 'missing') return null;
    const lines = read.ok ? read.value.toString('utf8').split('\n') : [];
    keys += lines.filter((line) => /^\s*[^#\s]/.test(line)).length;
  }
  return keys;
}
