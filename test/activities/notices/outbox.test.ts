import { verify, type KeyObject } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { RETRY_AFTER_SECONDS } from '../../../src/domain/notices';
import type { EngineHarness } from '../../support/engine';
import { createNoticeStage, type NoticeStage } from '../../support/notice-stage';
import {
  createNoticeDesk,
  createTestReceiver,
  newKeyPair,
  newSharedSecret,
  newToldTenant,
  placesOf,
  type NoticeDesk,
  type SeenNotice,
  type TestReceiver,
} from '../../support/receivers';
import { assetDays, ended, withHost } from '../../support/tenant-life';

let stage: NoticeStage;
let engine: EngineHarness;
let receiver: TestReceiver;
let desk: NoticeDesk;

beforeAll(async () => {
  stage = await createNoticeStage();
  ({ engine, receiver, desk } = stage);
});
afterAll(() => stage.remove());

/** What arrived for the first time, by id. */
const firstArrivals = (seen: readonly SeenNotice[]): readonly SeenNotice[] =>
  seen.filter(
    ({ event }, index) => seen.findIndex((other) => other.event.id === event.id) === index,
  );
const ascending = (numbers: readonly number[]): readonly number[] =>
  [...numbers].sort((a, b) => a - b);

async function later(seconds: number): Promise<void> {
  const at = Date.parse(await engine.now()) + seconds * 1000;
  await engine.setClock(new Date(at).toISOString());
}

const newTenant = () => newToldTenant(engine);

const attempts = async (name: string, outcome: string): Promise<number> => {
  const rows = await engine
    .root('control')
    .query('SELECT COUNT(*) AS n FROM notice_attempts WHERE receiver = ? AND outcome = ?', [
      name,
      outcome,
    ]);
  return Number(rows[0]?.['n']);
};

describe('a whole life', () => {
  it('is told from its first command to its certificate, in order, once, as signed events [ST-1]', async () => {
    const shared = newSharedSecret();
    const pair = newKeyPair();
    desk.secrets.set('console', [pair.secret, shared.secret]);
    await desk.add({ name: 'console', address: receiver.url });
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    await engine.send(tenantId, 'endFeature', {});
    const [due] = assetDays(await engine.runWork(tenantId));
    engine.hosted = [ended('CVM')];
    await engine.setClock(due?.deleteNotBefore ?? '');
    await engine.destroy(tenantId);
    expect(await desk.settle()).toMatchObject({ due: [], failingTotal: 0, more: false });

    const types = receiver.seen.map(({ event }) => event.type);
    expect(types.slice(0, 4)).toEqual(Array(4).fill('lethe.command.accepted'));
    expect(types).toContain('lethe.deadline.set');
    // The configuration's own promise had passed when the clock was moved to the assets' window.
    expect(types).toContain('lethe.deadline.missed');
    expect(types.slice(-2)).toEqual(Array(2).fill('lethe.certificate.issued'));
    expect(placesOf(receiver.seen)).toEqual(receiver.seen.map((_, index) => index + 1));
    expect(new Set(receiver.seen.map(({ event }) => event.id)).size).toBe(types.length);
    await desk.disable('console');

    for (const { headers, body, event } of receiver.seen) {
      expect(event).toMatchObject({ specversion: '1.0', subject: tenantId });
      expect(event.id).toBe(headers['webhook-id']);
      expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
      expect(Buffer.byteLength(body)).toBeLessThan(2_000);
      // The standard's own library, which shares no code with the engine, and the public half of the key.
      new Webhook(shared.text).verify(body, headers);
      expect(isSignedBy(pair.publicKey, headers, body)).toBe(true);
    }
  });

  it('would be refused by a receiver when one byte was altered or another secret had signed', () => {
    const { headers, body } = receiver.seen[0] as SeenNotice;
    const other = newSharedSecret();
    expect(() => new Webhook(other.text).verify(body, headers)).toThrow('No matching signature');
    expect(isSignedBy(newKeyPair().publicKey, headers, body)).toBe(false);
    expect(isSignedBy(newKeyPair().publicKey, headers, `${body} `)).toBe(false);
  });
});

function isSignedBy(
  publicKey: KeyObject,
  headers: Readonly<Record<string, string>>,
  body: string,
): boolean {
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return (headers['webhook-signature'] ?? '')
    .split(' ')
    .filter((entry) => entry.startsWith('v1a,'))
    .some((entry) =>
      verify(null, Buffer.from(text), publicKey, Buffer.from(entry.slice(4), 'base64')),
    );
}

describe('a receiver that is down for a week', () => {
  it('gets everything afterwards, in order and nothing twice, and nothing waited for it', async () => {
    const down = await createTestReceiver();
    const own = createNoticeDesk(engine, [down.authority, receiver.authority]);
    await own.add({ name: 'down', address: down.url });
    await own.add({ name: 'up', address: receiver.url });
    receiver.seen.length = 0;
    down.answer = 503;
    const made = [await newTenant()];
    await own.settle();
    const waits: number[] = [];
    // Day by day for a week: tenants come, the receiver stays away, the other one hears of each at once.
    const end = Date.parse(await engine.now()) + 7 * 86_400_000;
    for (let day = 0; day < 7; day += 1) {
      made.push(await newTenant());
      await own.settle();
      const heard = new Set(receiver.seen.map(({ event }) => event.subject));
      expect(made.every((tenantId) => heard.has(tenantId))).toBe(true);
      const { nextAt, failing } = await own.round();
      waits.push(Date.parse(nextAt ?? '') - Date.parse(await engine.now()));
      expect(failing).toMatchObject([{ receiver: 'down', reason: 'refused' }]);
      await later(86_400);
    }
    expect(Date.parse(await engine.now())).toBeGreaterThanOrEqual(end);
    expect(await attempts('down', 'failed')).toBeGreaterThan(5);
    expect(Math.max(...waits)).toBeLessThanOrEqual(86_400_000);
    expect(await attempts('down', 'delivered')).toBe(0);

    down.answer = 204;
    down.seen.length = 0;
    expect(await own.settle()).toMatchObject({ due: [], failingTotal: 0 });
    const arrived = placesOf(down.seen);
    expect(arrived).toEqual(ascending(arrived));
    expect(firstArrivals(down.seen)).toHaveLength(down.seen.length);
    expect(new Set(down.seen.map(({ event }) => event.subject))).toEqual(new Set(made));
    // The same bytes as the other one got, a week earlier.
    expect(down.seen.map(({ body }) => body)).toEqual(
      receiver.seen.map(({ body }) => body).filter((body) => made.some((id) => body.includes(id))),
    );
    await own.disable('down');
    await own.disable('up');
    await down.close();
  });

  it('is tried by the table of the standard, and once a day when the table is over', async () => {
    const down = await createTestReceiver();
    const own = createNoticeDesk(engine, [down.authority]);
    await own.add({ name: 'table', address: down.url });
    down.answer = 500;
    await newTenant();
    await own.round();
    for (const wait of [...RETRY_AFTER_SECONDS, 86_400, 86_400]) {
      const before = down.seen.length;
      await later(wait - 4);
      await own.round();
      expect(down.seen).toHaveLength(before);
      await later(8);
      await own.round();
      expect(down.seen).toHaveLength(before + 1);
    }
    // Every attempt has the same id and body, and its own time.
    expect(new Set(down.seen.map(({ body }) => body)).size).toBe(1);
    expect(new Set(down.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await own.disable('table');
    await down.close();
  });
});
