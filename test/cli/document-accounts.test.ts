import type { MongoClient } from 'mongodb';
import { COLLECTION_LOCATIONS } from '../../src/activities/mongo/collections';
import {
  createMongoAccounts,
  removeMongoAccounts,
  type MongoRole,
} from '../../src/platform/migrate/mongo-accounts';

interface Privilege {
  readonly resource: { readonly db: string; readonly collection: string };
  readonly actions: readonly string[];
}

interface SentCommand {
  readonly createRole?: string;
  readonly updateRole?: string;
  readonly createUser?: string;
  readonly updateUser?: string;
  readonly dropUser?: string;
  readonly dropRole?: string;
  readonly pwd?: string;
  readonly privileges?: readonly Privilege[];
  readonly roles?: readonly unknown[];
}

/** Stands for the document server's account interface: it knows what was made, and answers in its codes. */
class Server {
  readonly sent: SentCommand[] = [];
  private readonly made = new Set<string>();

  constructor(private readonly refusal: number | null = null) {}

  get client(): MongoClient {
    const command = (order: SentCommand): Promise<object> => {
      this.sent.push(order);
      const code = this.codeFor(order);
      const failure = Object.assign(new Error(`embeds ${order.pwd ?? ''}`), { code });
      return code === null ? Promise.resolve({ ok: 1 }) : Promise.reject(failure);
    };
    return { db: () => ({ command }) } as unknown as MongoClient;
  }

  private codeFor(order: SentCommand): number | null {
    if (this.refusal !== null) return this.refusal;
    const { createRole, createUser, dropUser, dropRole } = order;
    if (createRole !== undefined) return this.make(`role ${createRole}`) ? null : 51_002;
    if (createUser !== undefined) return this.make(`user ${createUser}`) ? null : 51_003;
    if (dropUser !== undefined) return this.made.delete(`user ${dropUser}`) ? null : 11;
    if (dropRole !== undefined) return this.made.delete(`role ${dropRole}`) ? null : 31;
    return null;
  }

  private make(account: string): boolean {
    const isNew = !this.made.has(account);
    this.made.add(account);
    return isNew;
  }
}

const order = (server: Server) => ({
  client: server.client,
  prefix: 'lethe',
  collections: COLLECTION_LOCATIONS,
});

/** Actions of a role on a collection, as the server was told. */
function rights(server: Server, role: MongoRole, collection: string): readonly string[] {
  const made = server.sent.find(({ createRole }) => createRole === `lethe_${role}`);
  const found = made?.privileges?.filter(({ resource }) => resource.collection === collection);
  return found?.flatMap(({ actions }) => actions) ?? [];
}

describe('accounts of the document store', () => {
  it('let the collector add and read assets, and nothing else [AB-1]', async () => {
    const server = new Server();
    await createMongoAccounts(order(server));
    expect(rights(server, 'collector', 'images')).toEqual(['find', 'insert']);
    expect(rights(server, 'collector', 'whitelists')).toEqual([]);
    expect(rights(server, 'console', 'whitelists')).toEqual(['find', 'insert']);
    expect(rights(server, 'console', 'images')).toEqual([]);
  });

  it('let the purger alone change or remove a document, and nobody drop, index or administer', async () => {
    const server = new Server();
    await createMongoAccounts(order(server));
    for (const { createRole, privileges = [], roles } of server.sent) {
      if (createRole === undefined) continue;
      expect(roles).toEqual([]);
      const actions = new Set(privileges.flatMap((privilege) => privilege.actions));
      const changes = [...actions].filter((action) => action !== 'find' && action !== 'insert');
      expect(changes.sort()).toEqual(createRole === 'lethe_purger' ? ['remove', 'update'] : []);
      for (const { resource } of privileges) {
        expect(resource.db).toMatch(/^lethe_(assets|configuration)$/);
        expect(resource.collection).not.toBe('');
      }
    }
  });

  it('let the previewer read every collection, and nothing else [PU-1]', async () => {
    const server = new Server();
    await createMongoAccounts(order(server));
    for (const location of COLLECTION_LOCATIONS) {
      const collection = location.split('.')[1] ?? '';
      expect(rights(server, 'previewer', collection)).toEqual(['find']);
    }
  });

  it('keep their passwords when they are known, and get new ones when they are not', async () => {
    const server = new Server();
    const first = await createMongoAccounts(order(server));
    const again = await createMongoAccounts({ ...order(server), logins: first ?? {} });
    expect(again).toEqual(first);
    const renewed = await createMongoAccounts(order(server));
    expect(renewed?.purger.user).toBe('lethe_purger');
    expect(renewed?.purger.password).not.toBe(first?.purger.password);
    const told = server.sent.filter(({ updateUser }) => updateUser === 'lethe_purger').at(-1);
    expect(told?.pwd).toBe(renewed?.purger.password);
  });

  it.each([59, 238])('are none where the server knows no accounts (code %i)', async (code) => {
    const server = new Server(code);
    expect(await createMongoAccounts(order(server))).toBeNull();
    expect(server.sent).toHaveLength(1);
    await removeMongoAccounts(server.client, 'lethe');
    expect(server.sent).toHaveLength(2);
  });

  it('fail when the administrator may not make them, without the password in the message', async () => {
    const server = new Server(13);
    await expect(createMongoAccounts(order(server))).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      field: 'LETHE_MONGO_URL',
      message: expect.not.stringContaining('embeds') as string,
    });
  });

  it('can be removed twice', async () => {
    const server = new Server();
    await createMongoAccounts(order(server));
    await removeMongoAccounts(server.client, 'lethe');
    await removeMongoAccounts(server.client, 'lethe');
    const dropped = server.sent.filter(({ dropUser }) => dropUser !== undefined);
    expect(dropped).toHaveLength(12);
  });
});
