import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  addReceiver,
  disableReceiver,
  type AddReceiver,
} from '../../src/activities/notices/register';
import { composeNotices } from '../../src/composition/notices';
import type {
  MailServer,
  NoticeActivities,
  NoticeRound,
  SigningSecret,
} from '../../src/contracts/notices';
import type { NoticeEvent } from '../../src/domain/notices';
import { subscribeTo } from './control';
import { newTenantId, type EngineHarness } from './engine';

/** A request as a receiver saw it. */
export interface SeenNotice {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly event: NoticeEvent;
}

/** A webhook receiver on a real socket, under the control of a test. */
export interface TestReceiver {
  readonly url: string;
  /** `host:port`. */
  readonly authority: string;
  readonly seen: SeenNotice[];
  /** Status of the next answers, or what to do with a response instead. */
  answer: number | ((response: ServerResponse) => void);
  close(): Promise<void>;
}

/** Starts a receiver on a free loopback port. */
export async function createTestReceiver(): Promise<TestReceiver> {
  const seen: SeenNotice[] = [];
  const receiver: { answer: TestReceiver['answer'] } = { answer: 204 };
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const headers = request.headers as Record<string, string>;
      seen.push({ headers, body, event: JSON.parse(body) as NoticeEvent });
      if (typeof receiver.answer === 'function') receiver.answer(response);
      else response.writeHead(receiver.answer).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(receiver, {
    url: `http://${authority}/hook`,
    authority,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** A shared secret as the file holds it, and as it is used. */
export function newSharedSecret(): { readonly text: string; readonly secret: SigningSecret } {
  const bytes = randomBytes(32);
  return { text: `whsec_${bytes.toString('base64')}`, secret: { scheme: 'v1', bytes } };
}

/** An Ed25519 key: the private half as it signs, the public half for whoever verifies. */
export function newKeyPair(): {
  readonly secret: SigningSecret;
  readonly publicKey: ReturnType<typeof generateKeyPairSync>['publicKey'];
} {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  return { secret: { scheme: 'v1a', bytes: der.subarray(-32) }, publicKey };
}

/** The delivery of notices in an environment, driven by hand. */
export interface NoticeDesk {
  readonly activities: NoticeActivities;
  readonly secrets: Map<string, readonly SigningSecret[]>;
  /** Null: mail is not configured. */
  mailServer: MailServer | null;
  add(order: Pick<AddReceiver, 'name' | 'address'> & Partial<AddReceiver>): Promise<void>;
  disable(name: string): Promise<void>;
  /** Looks once and delivers to everybody whose turn it is, as the process does. */
  round(): Promise<NoticeRound>;
  /** Goes on until nothing is due. */
  settle(): Promise<NoticeRound>;
}

/** Binds the delivery to an environment; receivers on loopback are on the operator's list. */
export function createNoticeDesk(
  engine: EngineHarness,
  allowed: readonly string[] = [],
  stores: EngineHarness['stores'] = engine.stores,
): NoticeDesk {
  const secrets = new Map<string, readonly SigningSecret[]>();
  const policy = { allowHttp: [...allowed], allowPrivate: [...allowed] };
  const activities = composeNotices(
    { stores, pulse: { beat: () => undefined } },
    {
      policy,
      secrets: { secretsOf: (name) => secrets.get(name) ?? [], mailServer: () => desk.mailServer },
    },
  );
  const desk: NoticeDesk = {
    activities,
    secrets,
    mailServer: null,
    add: async (order) => {
      secrets.set(order.name, secrets.get(order.name) ?? [newSharedSecret().secret]);
      const control = engine.stores.sql('control', 'control');
      await addReceiver(control, { kind: 'webhook', addedBy: 'operator-1', ...order }, policy);
    },
    disable: async (name) => {
      const control = engine.stores.sql('control', 'control');
      await disableReceiver(control, { name, disabledBy: 'operator-1' });
    },
    round: async () => {
      const round = await activities.orderNotices({ thorough: false });
      await Promise.all(round.due.map((receiver) => activities.deliverNotices({ receiver })));
      return round;
    },
    settle: async () => {
      for (let round = 0; round < 100; round += 1) {
        const { due, more } = await desk.round();
        if (due.length === 0 && !more) break;
      }
      return activities.orderNotices({ thorough: true });
    },
  };
  return desk;
}

/** A tenant that subscribes, of which one notice tells. */
export async function newToldTenant(engine: EngineHarness): Promise<string> {
  const tenantId = newTenantId();
  await engine.send(tenantId, 'subscribe', subscribeTo('CVM'));
  return tenantId;
}

/** Places in the order, as they arrived. */
export const placesOf = (seen: readonly SeenNotice[]): readonly number[] =>
  seen.map(({ event }) => Number(event.data['sequence']));
