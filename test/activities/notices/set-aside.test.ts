import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { listReceivers } from '../../../src/activities/notices/register';
import { replaySetAside, requestReplay } from '../../../src/activities/notices/replays';
import { readSetAside } from '../../../src/activities/notices/set-aside';
import type { EngineHarness } from '../../support/engine';
import { later } from '../../support/interlocks';
import { Pauses, pausing } from '../../support/paused-worker';
import { createNoticeStage, type NoticeStage } from '../../support/notice-stage';
import {
  createNoticeDesk,
  newToldTenant,
  placesOf,
  type NoticeDesk,
  type TestReceiver,
} from '../../support/receivers';

let stage: NoticeStage;
let engine: EngineHarness;
let receiver: TestReceiver;
let desk: NoticeDesk;

beforeAll(async () => {
  stage = await createNoticeStage();
  ({ engine, receiver, desk } = stage);
});
afterAll(() => stage.remove());
let name = '';
beforeEach(async () => {
  name = await stage.newName();
});
afterEach(() => desk.disable(name));

const control = () => engine.stores.sql('control', 'control');
const by = 'operator-1';
const record = async () => (await listReceivers(control())).find((one) => one.name === name);
const aside = async () => (await readSetAside(control(), name)).map(({ tenantId }) => tenantId);
const newTenant = () => newToldTenant(engine);
const heardOf = () => receiver.seen.map(({ event }) => event.subject);

/** Answers with this status to what tells of these tenants, and takes the rest. */
function refuse(tenants: readonly string[], status: number): void {
  receiver.answer = (response) => {
    const isRefused = tenants.includes(heardOf().at(-1) ?? '');
    response.writeHead(isRefused ? status : 204).end();
  };
}

/** Goes through so many attempts more, each when its time has come. */
async function attempt(times: number): Promise<void> {
  for (let turn = 0; turn < times; turn += 1) {
    const { nextAt } = await desk.settle();
    if (nextAt === null) throw new Error('nothing waits for its time');
    const wait = Date.parse(nextAt) - Date.parse(await engine.now());
    await later(engine, Math.ceil(wait / 1000) + 1);
    await desk.round();
  }
}
/** By the table of retries the seventh attempt is after 17.6 hours, the eighth after 31.6. */
const WITHIN_A_DAY = 7;

describe('a notice that a receiver refuses for good', () => {
  it('holds up the rest for a day; then the rest is told in order, and it waits for a person', async () => {
    await desk.add({ name, address: receiver.url });
    const [first, poison, third, fourth] = [
      await newTenant(),
      await newTenant(),
      await newTenant(),
      await newTenant(),
    ];
    refuse([poison], 422);
    await desk.round();
    await attempt(WITHIN_A_DAY - 1);
    expect(await desk.settle()).toMatchObject({ failing: [{ reason: 'rejected' }], setAside: [] });
    expect(new Set(heardOf())).toEqual(new Set([first, poison]));
    expect(receiver.seen).toHaveLength(1 + WITHIN_A_DAY);

    await attempt(1);
    expect(heardOf().slice(-3)).toEqual([poison, third, fourth]);
    expect(await desk.settle()).toMatchObject({
      due: [],
      failingTotal: 0,
      setAside: [{ receiver: name, notices: 1 }],
    });
    expect(await record()).toMatchObject({ delivered: 3, setAside: 1, failing: null });
    const place = placesOf(receiver.seen)[1];
    expect(await readSetAside(control(), name)).toMatchObject([
      { receiver: name, sequence: place, tenantId: poison, httpStatus: 422, askedAgain: false },
    ]);
  });

  it('stays on record when it is refused once more, and is off it when it was taken', async () => {
    await desk.add({ name, address: receiver.url });
    const poison = await newTenant();
    refuse([poison], 400);
    await desk.round();
    await attempt(WITHIN_A_DAY);
    const own = receiver.seen[0];
    expect(await aside()).toEqual([poison]);
    const order = { name, requestedBy: by };
    expect(await replaySetAside(control(), order)).toEqual(placesOf(receiver.seen.slice(0, 1)));
    expect(await replaySetAside(control(), order)).toEqual([]);
    await desk.round();
    await attempt(WITHIN_A_DAY);
    expect(await desk.settle()).toMatchObject({ failingTotal: 0, setAside: [{ notices: 1 }] });
    expect(await readSetAside(control(), name)).toMatchObject([{ askedAgain: false }]);

    receiver.answer = 204;
    receiver.seen.length = 0;
    expect(await replaySetAside(control(), order)).toHaveLength(1);
    expect(await desk.settle()).toMatchObject({ failingTotal: 0, setAside: [] });
    expect(receiver.seen.map(({ body }) => body)).toEqual([own?.body]);
    expect(await record()).toMatchObject({ setAside: 0 });
    expect(await replaySetAside(control(), order)).toEqual([]);
  });

  it('is also off the record when a range over it was taken again', async () => {
    await desk.add({ name, address: receiver.url });
    const [poison, next] = [await newTenant(), await newTenant()];
    refuse([poison], 409);
    await desk.round();
    await attempt(WITHIN_A_DAY);
    expect(await aside()).toEqual([poison]);
    const [from = 0, to = 0] = [...new Set(placesOf(receiver.seen))];
    // What came behind it alone says nothing about it.
    await requestReplay(control(), { name, from: to, requestedBy: by });
    await desk.settle();
    expect(await aside()).toEqual([poison]);
    receiver.answer = 204;
    await requestReplay(control(), { name, from, to, requestedBy: by });
    await desk.settle();
    expect(heardOf().slice(-2)).toEqual([poison, next]);
    expect(await aside()).toEqual([]);
  });

  it('is not set aside within a day, however often it is asked for', async () => {
    await desk.add({ name, address: receiver.url });
    const poison = await newTenant();
    refuse([poison], 422);
    for (let turn = 0; turn < 10; turn += 1) {
      await requestReplay(control(), { name, requestedBy: by });
      await desk.round();
    }
    expect(heardOf()).toEqual(Array(10).fill(poison));
    expect(await record()).toMatchObject({ setAside: 0, failing: { attempts: 10 } });
  });
});

describe('a receiver', () => {
  it.each([503, 429, 404, 401, 302])(
    'that answers %d to everything for two weeks loses nothing and keeps its order',
    async (status) => {
      await desk.add({ name, address: receiver.url });
      const made = [await newTenant(), await newTenant()];
      receiver.answer = status;
      await desk.round();
      await attempt(16);
      expect(new Set(heardOf())).toEqual(new Set([made[0]]));
      expect(await record()).toMatchObject({ setAside: 0, failing: { attempts: 17 } });
      receiver.answer = 204;
      receiver.seen.length = 0;
      await attempt(1);
      expect(heardOf()).toEqual(made);
    },
  );

  it('is only away between five refusals: the sixth one counts, whatever was in between', async () => {
    await desk.add({ name, address: receiver.url });
    const poison = await newTenant();
    refuse([poison], 422);
    await desk.round();
    await attempt(4);
    receiver.answer = 503;
    await attempt(8);
    expect(await record()).toMatchObject({ setAside: 0, failing: { attempts: 13 } });
    refuse([poison], 422);
    await attempt(1);
    expect(await record()).toMatchObject({ setAside: 1, failing: null });
  });

  it('that refuses everything has three set aside, keeps the rest in order, and goes on later', async () => {
    await desk.add({ name, address: receiver.url });
    const made: string[] = [];
    for (let turn = 0; turn < 5; turn += 1) made.push(await newTenant());
    receiver.answer = 400;
    await desk.round();
    await attempt(4 * (WITHIN_A_DAY + 1));
    expect(await aside()).toEqual(made.slice(0, 3));
    expect(heardOf().at(-1)).toBe(made[3]);
    receiver.answer = 204;
    receiver.seen.length = 0;
    await attempt(1);
    await replaySetAside(control(), { name, requestedBy: by });
    expect(await desk.settle()).toMatchObject({ due: [], failingTotal: 0, setAside: [] });
    // Nothing is lost: what waited comes first, then what was set aside, each of them in order.
    expect(heardOf()).toEqual([...made.slice(3), ...made.slice(0, 3)]);
  });

  it('has a notice set aside once when two workers are refused at the same time', async () => {
    const pauses = new Pauses();
    const slow = createNoticeDesk(engine, [receiver.authority], pausing(engine.stores, pauses));
    await desk.add({ name, address: receiver.url });
    slow.secrets.set(name, desk.secrets.get(name) ?? []);
    const poison = await newTenant();
    refuse([poison], 422);
    await desk.round();
    await attempt(WITHIN_A_DAY - 1);
    await later(engine, 86_400);
    const stopped = pauses.stopNext(/INSERT INTO notice_attempts/);
    const late = slow.activities.deliverNotices({ receiver: name });
    const call = await stopped;
    await desk.round();
    const done = await record();
    expect(done).toMatchObject({ setAside: 1, failing: null });
    call.wake();
    expect(await late).toEqual({ delivered: 0, more: false });
    expect(await record()).toEqual(done);
  });
});

describe('a mailbox', () => {
  it('goes without the one notice whose mail is refused, and gets all others', async () => {
    let poison = 'nobody';
    const taken: string[] = [];
    const server = new SMTPServer({
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, _, done) => {
        let text = '';
        stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
        stream.on('end', () => {
          const isRefused = text.includes(poison);
          if (!isRefused) taken.push(text);
          done(isRefused ? Object.assign(new Error('no'), { responseCode: 554 }) : null);
        });
      },
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    desk.mailServer = {
      host: '127.0.0.1',
      port: (server.server.address() as AddressInfo).port,
      security: 'none',
      login: null,
      from: 'lethe@example.test',
    };
    await desk.add({ name, kind: 'mail', address: 'dpo@example.test' });
    const first = await newTenant();
    poison = await newTenant();
    const third = await newTenant();
    // One mail has all three, so the refusal of it says nothing about any of them.
    await desk.round();
    expect(taken).toEqual([]);
    await attempt(1);
    expect(taken).toEqual([expect.stringContaining(first)]);
    await attempt(WITHIN_A_DAY - 1);
    expect(await record()).toMatchObject({ setAside: 0, failing: { reason: 'rejected' } });
    await attempt(1);
    expect(await aside()).toEqual([poison]);
    expect(taken).toEqual([expect.stringContaining(first), expect.stringContaining(third)]);
    await new Promise<void>((resolve) => {
      server.close(resolve);
    });
  });
});
