import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { addReceiver, listReceivers } from '../../src/activities/notices/register';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { createLiveEngine, until, type LiveEngine } from '../support/live-engine';
import { createTestReceiver, newSharedSecret, type TestReceiver } from '../support/receivers';

const folder = mkdtempSync(join(tmpdir(), 'lethe-notices-'));
const shared = newSharedSecret();
let live: LiveEngine;
let receiver: TestReceiver;

beforeAll(async () => {
  receiver = await createTestReceiver();
  const secrets = { receivers: { console: { secrets: [shared.text] } } };
  writeFileSync(join(folder, 'secrets.json'), JSON.stringify(secrets), { mode: 0o600 });
  Object.assign(process.env, {
    LETHE_NOTICE_SECRETS_FILE: join(folder, 'secrets.json'),
    LETHE_NOTICE_ALLOW_HTTP: receiver.authority,
    LETHE_NOTICE_ALLOW_PRIVATE: receiver.authority,
  });
  live = await createLiveEngine('2030-01-01T00:00:00Z');
});
afterAll(async () => {
  await receiver.close();
  await live.remove();
  rmSync(folder, { recursive: true });
});

const control = () => live.engine.stores.sql('control', 'control');

/** A command, which is accepted and answered whatever receivers do. */
async function subscribe(): Promise<string> {
  const tenantId = newTenantId();
  const before = performance.now();
  await live.send(tenantId, 'subscribe', subscribeTo('CVM'));
  expect(performance.now() - before).toBeLessThan(20_000);
  return tenantId;
}

describe('a worker that is killed while it delivers', () => {
  it('is succeeded by one that delivers everything, in order, under the same ids', async () => {
    const policy = { allowHttp: [receiver.authority], allowPrivate: [receiver.authority] };
    const order = { name: 'console', kind: 'webhook', address: receiver.url } as const;
    await addReceiver(control(), { ...order, addedBy: 'operator-1' }, policy);
    expect(await live.client.deliverNoticesNow()).toBe(true);

    // The first delivery hangs; the receiver has seen it, nobody will ever hear its answer.
    receiver.answer = () => undefined;
    const tenants = [await subscribe()];
    await until(() => Promise.resolve(receiver.seen.length === 1));
    await live.worker.kill();
    receiver.answer = 204;
    await live.worker.start();
    tenants.push(await subscribe(), await subscribe());

    const told = () => new Set(receiver.seen.map(({ event }) => event.subject));
    await until(() => Promise.resolve(tenants.every((tenantId) => told().has(tenantId))), 90_000);
    const [hung, again] = receiver.seen;
    expect(again?.event.id).toBe(hung?.event.id);
    expect(again?.body).toBe(hung?.body);
    const places = receiver.seen.map(({ event }) => Number(event.data['sequence']));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(places.length - 1);
    for (const { body, headers } of receiver.seen) new Webhook(shared.text).verify(body, headers);
    await until(async () => {
      const [record] = await listReceivers(control());
      return record?.lastDelivered === places.at(-1) && record?.failing === null;
    });
  });
});
