import { randomBytes } from 'node:crypto';
import type { Db, MongoClient } from 'mongodb';
import { LetheError } from '../../domain/errors';

/** A login account of the document store. */
export type MongoRole = 'collector' | 'archiver' | 'purger' | 'console' | 'verifier' | 'previewer';

/** Login of one role. */
export interface MongoLogin {
  readonly user: string;
  readonly password: string;
}

/**
 * What each account may do, and in which of the environment's databases. Only the purger changes or
 * removes a document, and it reaches the store through the guard alone; nobody may create an index,
 * which could expire documents, or drop a collection.
 */
const ACTIONS: Readonly<
  Record<MongoRole, Readonly<Partial<Record<'assets' | 'configuration', readonly string[]>>>>
> = Object.freeze({
  collector: { assets: ['find', 'insert'] },
  archiver: { assets: ['find'], configuration: ['find'] },
  purger: { assets: ['find', 'update', 'remove'], configuration: ['find', 'update', 'remove'] },
  console: { configuration: ['find', 'insert'] },
  verifier: { assets: ['find'], configuration: ['find'] },
  previewer: { assets: ['find'], configuration: ['find'] },
});

const ROLES = Object.keys(ACTIONS) as readonly MongoRole[];

/** A collection by its place in the inventory, e.g. `mongodb:assets.fingerprints`. */
type CollectionPlace = `mongodb:${'assets' | 'configuration'}.${string}`;

/** What the account part of the migrator needs. */
export interface MongoAccountOrder {
  readonly client: MongoClient;
  /** Database prefix of the environment. */
  readonly prefix: string;
  readonly collections: readonly CollectionPlace[];
  /** Logins that exist already and keep their passwords. */
  readonly logins?: Readonly<Record<string, MongoLogin>>;
}

const NOT_KNOWN = new Set([59, 115, 238]);
const ROLE_EXISTS = 51_002;
const USER_EXISTS = 51_003;
const GONE = new Set([11, 31]);

/**
 * Creates one account and one role of its own for each task, or brings them up to date.
 *
 * @returns the logins, or null when the server knows no accounts: then the address is all that protects
 * it, and the caller must say so.
 * @idempotency an existing role gets the same rights again; an existing account keeps its password when
 * it is known, and gets a new one otherwise.
 */
export async function createMongoAccounts(
  order: MongoAccountOrder,
): Promise<Readonly<Record<MongoRole, MongoLogin>> | null> {
  const admin = order.client.db('admin');
  if (!(await knowsAccounts(admin))) return null;
  const logins: Partial<Record<MongoRole, MongoLogin>> = {};
  for (const role of ROLES) {
    const name = `${order.prefix}_${role}`;
    const login = order.logins?.[role] ?? {
      user: name,
      password: randomBytes(24).toString('hex'),
    };
    const privileges = privilegesOf(order, role);
    await createOrUpdate(admin, ROLE_EXISTS, {
      create: { createRole: name, privileges, roles: [] },
      update: { updateRole: name, privileges, roles: [] },
    });
    const account = { pwd: login.password, roles: [{ role: name, db: 'admin' }] };
    await createOrUpdate(admin, USER_EXISTS, {
      create: { createUser: login.user, ...account },
      update: { updateUser: login.user, ...account },
    });
    logins[role] = login;
  }
  return logins as Readonly<Record<MongoRole, MongoLogin>>;
}

/** Removes the accounts and roles of an environment; safe to repeat. */
export async function removeMongoAccounts(client: MongoClient, prefix: string): Promise<void> {
  const admin = client.db('admin');
  if (!(await knowsAccounts(admin))) return;
  for (const role of ROLES) {
    for (const command of [{ dropUser: `${prefix}_${role}` }, { dropRole: `${prefix}_${role}` }]) {
      await admin.command(command).catch((error: unknown) => {
        if (!GONE.has(codeOf(error) ?? 0)) throw refused(Object.keys(command)[0] ?? '', error);
      });
    }
  }
}

function privilegesOf(order: MongoAccountOrder, role: MongoRole): readonly object[] {
  return order.collections.flatMap((place) => {
    const [database = '', collection = ''] = place.slice('mongodb:'.length).split('.');
    const actions = ACTIONS[role][database as 'assets' | 'configuration'];
    if (actions === undefined || collection === '') return [];
    return [{ resource: { db: `${order.prefix}_${database}`, collection }, actions }];
  });
}

async function knowsAccounts(admin: Db): Promise<boolean> {
  try {
    await admin.command({ rolesInfo: 1 });
    return true;
  } catch (error) {
    if (NOT_KNOWN.has(codeOf(error) ?? 0)) return false;
    throw refused('rolesInfo', error);
  }
}

async function createOrUpdate(
  admin: Db,
  exists: number,
  commands: { readonly create: object; readonly update: object },
): Promise<void> {
  try {
    await admin.command(commands.create);
  } catch (error) {
    if (codeOf(error) !== exists) throw refused('an account', error);
    await admin.command(commands.update as Record<string, unknown>).catch((cause: unknown) => {
      throw refused('an account', cause);
    });
  }
}

const codeOf = (error: unknown): number | undefined =>
  (error as { code?: number } | null)?.code ?? undefined;

/** The driver's own text embeds the command, and with it a password. */
const refused = (what: string, error: unknown): LetheError =>
  new LetheError(
    'ACCESS_DENIED',
    `the document store refused ${what} (code ${codeOf(error) ?? 'unknown'}); LETHE_MONGO_URL must log in as an administrator here`,
    { field: 'LETHE_MONGO_URL' },
  );
