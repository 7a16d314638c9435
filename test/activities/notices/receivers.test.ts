import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { convertIcsCalendar } from 'ts-ics';
import type { DestinationPolicy } from '../../../src/activities/notices/destination';
import { readCalendarDates } from '../../../src/activities/notices/calendar-dates';
import { addReceiver, listReceivers } from '../../../src/activities/notices/register';
import { requestReplay, type ReplayOrder } from '../../../src/activities/notices/replays';
import { calendarFeed } from '../../../src/domain/calendar-feed';
import { noticeSecrets } from '../../../src/platform/notice-secrets';
import type { EngineHarness } from '../../support/engine';
import { placeOver, release } from '../../support/holds';
import { Pauses, pausing } from '../../support/paused-worker';
import { createNoticeStage, type NoticeStage } from '../../support/notice-stage';
import {
  createNoticeDesk,
  newSharedSecret,
  newToldTenant,
  placesOf,
  type NoticeDesk,
  type TestReceiver,
} from '../../support/receivers';
import { assetDays, withHost } from '../../support/tenant-life';
import { thrownBy } from '../../support/thrown';

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
afterEach(async () => {
  for (const record of await listReceivers(control())) {
    if (record.ended === null) await desk.disable(record.name);
  }
});

const control = () => engine.stores.sql('control', 'control');
const replay = (order: Omit<ReplayOrder, 'requestedBy'>) =>
  requestReplay(control(), { ...order, requestedBy: 'operator-1' });
const record = async (of = name) => (await listReceivers(control())).find((one) => one.name === of);
const places = () => placesOf(receiver.seen);
const newTenant = () => newToldTenant(engine);

describe('a receiver', () => {
  it('is told of its own tenant and its own types only, and only from its registration on', async () => {
    const before = await newTenant();
    await desk.settle();
    const own = await newTenant();
    await desk.add({ name, address: receiver.url, tenantId: own, kinds: ['command.accepted'] });
    await newTenant();
    await engine.send(own, 'requestDeletion', {
      requestId: 'rq_00000000000000000000000000000001',
      recordClass: 'console-configuration-data',
    });
    await desk.settle();
    expect(receiver.seen.length).toBeGreaterThan(0);
    expect(new Set(receiver.seen.map(({ event }) => event.subject))).toEqual(new Set([own]));
    expect(new Set(receiver.seen.map(({ event }) => event.type))).toEqual(
      new Set(['lethe.command.accepted']),
    );
    expect(receiver.seen.some(({ event }) => event.subject === before)).toBe(false);
  });

  it('that says it is gone is told nothing more, and people see that it said so', async () => {
    await desk.add({ name, address: receiver.url });
    receiver.answer = 410;
    await newTenant();
    await newTenant();
    await desk.settle();
    expect(receiver.seen).toHaveLength(1);
    expect(await record()).toMatchObject({ ended: { by: 'receiver', cause: 'gone' } });
    receiver.answer = 204;
    await newTenant();
    await desk.settle();
    expect(receiver.seen).toHaveLength(1);
  });

  it('without a secret is sent nothing, waits, and gets everything once it has one', async () => {
    const own = createNoticeDesk(engine, [receiver.authority]);
    await own.add({ name, address: receiver.url });
    const secret = own.secrets.get(name) ?? [];
    own.secrets.set(name, []);
    const tenantId = await newTenant();
    await own.round();
    expect(receiver.seen).toEqual([]);
    expect(await record()).toMatchObject({ failing: { reason: 'no-secret' } });
    own.secrets.set(name, secret);
    await replay({ name });
    await own.settle();
    expect(receiver.seen.map(({ event }) => event.subject)).toEqual([tenantId]);
  });

  it('can change its secret without missing anything: both sign while both are in the file', async () => {
    const [old, next] = [newSharedSecret(), newSharedSecret()];
    desk.secrets.set(name, [old.secret]);
    await desk.add({ name, address: receiver.url });
    const verifies = async (): Promise<readonly boolean[]> => {
      receiver.seen.length = 0;
      await newTenant();
      await desk.settle();
      const { body, headers } = receiver.seen[0] as (typeof receiver.seen)[number];
      return [old, next].map(({ text }) => {
        try {
          new Webhook(text).verify(body, headers);
          return true;
        } catch {
          return false;
        }
      });
    };
    expect(await verifies()).toEqual([true, false]);
    desk.secrets.set(name, [old.secret, next.secret]);
    expect(await verifies()).toEqual([true, true]);
    desk.secrets.set(name, [next.secret]);
    expect(await verifies()).toEqual([false, true]);
  });

  it('is refused with the field and the remedy, and nothing is registered', async () => {
    const order = { name, kind: 'webhook', address: receiver.url, addedBy: 'operator-1' } as const;
    const nobody: DestinationPolicy = { allowHttp: [], allowPrivate: [] };
    const count = async (): Promise<number> => (await listReceivers(control())).length;
    const before = await count();
    const refused = (change: object, policy = nobody) =>
      addReceiver(control(), { ...order, ...change }, policy);
    await expect(refused({})).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'url' });
    await expect(refused({ name: 'Not Usable' })).rejects.toMatchObject({ field: 'name' });
    await expect(refused({ tenantId: 'x' })).rejects.toMatchObject({ code: 'INVALID_TENANT_ID' });
    await expect(refused({ kinds: ['hold.x'] })).rejects.toMatchObject({ field: 'kinds[0]' });
    await expect(refused({ kind: 'mail', address: 'a@b,c@d' })).rejects.toMatchObject({
      field: 'address',
    });
    await expect(refused({ secret: 'whsec_x' })).rejects.toMatchObject({ field: 'secret' });
    expect(await count()).toBe(before);
    const allowed = { allowHttp: [receiver.authority], allowPrivate: [receiver.authority] };
    await addReceiver(control(), order, allowed);
    await addReceiver(control(), order, allowed);
    expect(await count()).toBe(before + 1);
    await expect(refused({ address: `${receiver.url}2` }, allowed)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });
});

describe('a replay', () => {
  it('delivers a range again, in order, with the ids and bytes of the first time', async () => {
    await desk.add({ name, address: receiver.url });
    for (let turn = 0; turn < 4; turn += 1) await newTenant();
    await desk.settle();
    const first = receiver.seen.map(({ body }) => body);
    const [from = 0, , to = 0] = places();
    receiver.seen.length = 0;
    await replay({ name, from, to });
    await newTenant();
    await desk.settle();
    // What is new comes first; nobody waits behind a replay.
    expect(receiver.seen.map(({ body }) => body).slice(1)).toEqual(first.slice(0, 3));
    await desk.settle();
    expect(receiver.seen).toHaveLength(4);
  });

  it('without a range tries at once what waits, instead of after its time', async () => {
    await desk.add({ name, address: receiver.url });
    receiver.answer = 500;
    await newTenant();
    await desk.settle();
    receiver.answer = 204;
    await desk.settle();
    expect(receiver.seen).toHaveLength(1);
    await replay({ name });
    await desk.settle();
    expect(receiver.seen).toHaveLength(2);
    expect(await record()).toMatchObject({ failing: null });
  });

  it('ends also when nothing of its range is for the receiver', async () => {
    await desk.add({ name, address: receiver.url, kinds: ['breaker.tripped'] });
    await newTenant();
    await desk.settle();
    await replay({ name, from: 1 });
    expect(await desk.settle()).toMatchObject({ due: [], failingTotal: 0 });
    expect(receiver.seen).toEqual([]);
  });

  it('is refused for places that do not exist and for who is not told any more', async () => {
    await desk.add({ name, address: receiver.url });
    await expect(replay({ name, from: 0 })).rejects.toMatchObject({ field: 'from' });
    await expect(replay({ name, from: 999_999 })).rejects.toMatchObject({ field: 'from' });
    await expect(replay({ name, to: 1 })).rejects.toMatchObject({ field: 'to' });
    await expect(replay({ name: 'nobody' })).rejects.toMatchObject({ field: 'name' });
    await desk.disable(name);
    await expect(replay({ name, from: 1 })).rejects.toMatchObject({ field: 'name' });
  });
});

describe('a worker that wakes late', () => {
  it('delivers what another one has delivered once more at most, under the same id, and stops', async () => {
    const pauses = new Pauses();
    const slow = createNoticeDesk(engine, [receiver.authority], pausing(engine.stores, pauses));
    await desk.add({ name, address: receiver.url });
    slow.secrets.set(name, desk.secrets.get(name) ?? []);
    for (let turn = 0; turn < 3; turn += 1) await newTenant();
    await desk.activities.orderNotices({ thorough: true });
    // It has sent the first one and is about to record it.
    const stopped = pauses.stopNext(/INSERT INTO notice_attempts/);
    const late = slow.activities.deliverNotices({ receiver: name });
    const call = await stopped;
    await desk.settle();
    const done = await record();
    call.wake();
    expect(await late).toEqual({ delivered: 0, more: false });
    const ids = receiver.seen.map(({ event }) => event.id);
    expect(ids).toHaveLength(4);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
    expect(await record()).toEqual(done);
  });

  it('whose row was lost delivers the same notice again, under the same id', async () => {
    const pauses = new Pauses();
    const slow = createNoticeDesk(engine, [receiver.authority], pausing(engine.stores, pauses));
    await desk.add({ name, address: receiver.url });
    slow.secrets.set(name, desk.secrets.get(name) ?? []);
    await newTenant();
    await desk.activities.orderNotices({ thorough: true });
    const stopped = pauses.stopNext(/INSERT INTO notice_attempts/);
    const late = slow.activities.deliverNotices({ receiver: name });
    (await stopped).loseAnswer();
    await expect(late).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await desk.settle();
    expect(new Set(receiver.seen.map(({ event }) => event.id)).size).toBe(1);
    expect(await record()).toMatchObject({ failing: null });
  });
});

describe('the calendar', () => {
  it('has every date of a tenant, and moves an entry when its deadline moves [AB-3] [CC-4]', async () => {
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const [due] = assetDays(await engine.runWork(tenantId));
    const events = async () => {
      const reader = engine.stores.sql('reader', 'control');
      const { dates, complete } = await readCalendarDates(reader, tenantId);
      expect(complete).toBe(true);
      const options = { environment: 'prod', asOf: await engine.now(), language: 'en' } as const;
      return convertIcsCalendar(undefined, calendarFeed(dates, options)).events ?? [];
    };
    const entry = async (kind: string) => {
      const found = (await events()).find(({ uid }) => uid.startsWith(`${kind}.`));
      if (found === undefined) throw new Error(`no ${kind} in the calendar`);
      return { uid: found.uid, at: found.start.date.getTime(), sequence: found.sequence ?? 0 };
    };
    const before = await entry('latest');
    expect(await events()).toHaveLength(3);
    expect(before.at).toBe(Date.parse(due?.latestAt ?? ''));

    const { holdId } = await placeOver(engine, [{ tenantId }], { reviewOn: '2030-03-01' });
    await engine.snapshot(tenantId);
    // Under an open hold nothing has a date but the review.
    expect((await events()).map(({ uid }) => uid.split('.')[0])).toEqual(['hold-review']);
    await engine.setClock('2030-08-01T00:00:00Z');
    await release(engine, holdId);
    await engine.snapshot(tenantId);
    const after = await entry('latest');
    expect(after.uid).toBe(before.uid);
    expect(after.sequence).toBeGreaterThan(before.sequence);
    expect(after.at).toBeGreaterThan(before.at);

    await engine.send(tenantId, 'requestDeletion', {
      requestId: 'rq_00000000000000000000000000000002',
      recordClass: 'console-configuration-data',
    });
    const { at, uid } = await entry('request-stop');
    expect(uid).toContain(tenantId);
    expect(Math.round((at - Date.parse(await engine.now())) / 86_400_000)).toBe(15);
  });
});

describe('the file of secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-secrets-'));
  const path = join(folder, 'secrets.json');
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const write = (content: unknown, mode = 0o600): void => {
    rmSync(path, { force: true });
    writeFileSync(path, JSON.stringify(content), { mode });
  };

  it('is read anew for every delivery, and an absent one knows nobody', () => {
    const { text, secret } = newSharedSecret();
    expect(noticeSecrets(undefined).secretsOf('console')).toEqual([]);
    const secrets = noticeSecrets(path);
    write({ receivers: {} });
    expect(secrets.secretsOf('console')).toEqual([]);
    write({ receivers: { console: { secrets: [text] } } });
    expect(secrets.secretsOf('console')).toEqual([secret]);
    expect(secrets.secretsOf('toString')).toEqual([]);
  });

  it.each([
    ['others can read it', { receivers: {} }, 0o644],
    [
      'a secret is too short',
      { receivers: { a: { secrets: ['whsec_AAAAAAAAAAAAAAAAAAAAAA=='] } } },
      0o600,
    ],
    ['a secret has no prefix', { receivers: { a: { secrets: ['canary'] } } }, 0o600],
    ['a receiver has none', { receivers: { a: { secrets: [] } } }, 0o600],
    ['it has an unknown part', { receivers: {}, canary: 1 }, 0o600],
  ])('is refused when %s, by place and without a value', (_, content, mode) => {
    write(content, mode);
    const refusal = thrownBy(() => noticeSecrets(path).secretsOf('a'));
    expect(refusal).toMatchObject({ code: 'CONFIGURATION_INVALID' });
    expect(String(refusal)).not.toContain('canary');
  });
});
