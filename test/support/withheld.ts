import { readRun } from '../../src/activities/disposition/run-rows';
import { readCohortCopy } from '../../src/activities/verification/read-copy';
import type { Sql, SqlPool, SqlValue } from '../../src/contracts/sql';
import type { EngineHarness } from './engine';
import { hostReport, newAsset } from './observations';
import { assetDays, ended, liveDigest, withHost } from './tenant-life';

/** Thrown instead of sending a statement: the worker died there. */
export class Died extends Error {}

/** What happens before the next statement that matches, once; `null`: nothing. */
export interface Interception {
  at: RegExp;
  /** Absent: the worker dies. */
  act?: () => Promise<void>;
}

/** Wraps a pool so that statements can be met; pools of the harness are made with it. */
export function intercepting<T extends Sql>(sql: T, next: () => Interception | null): T {
  const meet = async (statement: string): Promise<void> => {
    const interception = next();
    if (interception?.at.test(statement) !== true) return;
    if (interception.act === undefined) throw new Died(statement);
    await interception.act();
  };
  return new Proxy(sql, {
    get: (target, name) => {
      if (name === 'execute') {
        return async (statement: string, params?: readonly SqlValue[]) => {
          await meet(statement);
          return target.execute(statement, params);
        };
      }
      const own: unknown = Reflect.get(target, name);
      if (name !== 'transaction') return own;
      const transaction = own as SqlPool['transaction'];
      return (work: (inside: Sql) => Promise<unknown>) =>
        transaction.call(target, (inside: Sql) => work(intercepting(inside, next)));
    },
  });
}

/** A tenant whose archive of one due day waits. */
export interface RetainedLife {
  readonly tenantId: string;
  /** The asset that is held in these tests. */
  readonly asset: string;
  readonly other: string;
  /** What was live before the end. */
  readonly live: readonly string[];
}

/**
 * A tenant with two hosts whose archive of one due day waits; nothing is due yet.
 *
 * @param seenAgain - each host, or the other one, is scanned once more then, with another shell, and the use ends long after.
 */
export async function retained(
  engine: EngineHarness,
  seenAgain?: { readonly at: string; readonly endsAt: string; readonly onlyOther?: boolean },
): Promise<RetainedLife> {
  const { tenantId, asset } = await withHost(engine, 'CVM');
  const other = newAsset();
  await engine.send(tenantId, 'linkAsset', { assetId: other, services: ['CVM'] });
  await engine.observe(hostReport(tenantId, other, { observedAt: await engine.now() }));
  if (seenAgain !== undefined) {
    await engine.setClock(seenAgain.at);
    for (const host of seenAgain.onlyOther === true ? [other] : [asset, other]) {
      const observedAt = await engine.now();
      await engine.observe(hostReport(tenantId, host, { observedAt, shell: '/bin/zsh' }));
    }
    await engine.setClock(seenAgain.endsAt);
  }
  const live = await liveDigest(engine, tenantId);
  await engine.send(tenantId, 'endService', { service: 'CVM' });
  await engine.send(tenantId, 'endFeature', {});
  await engine.runWork(tenantId);
  engine.hosted = [ended('CVM')];
  return { tenantId, asset, other, live };
}

/** The first due day of asset data that is not over. */
export async function dueDay(engine: EngineHarness, tenantId: string) {
  const [day] = assetDays(await engine.snapshot(tenantId));
  if (day === undefined) throw new Error('no due day');
  return day;
}

/** Rows as the administrator reads them, every value as text. */
export const rowsOf = async (root: Sql, statement: string, params: readonly string[] = []) =>
  (await root.query(statement, params)).map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)])),
  );

/** Certificates of a tenant in the order of their issue. */
export const certificatesOf = async (engine: EngineHarness, tenantId: string) =>
  (
    await rowsOf(
      engine.root('evidence'),
      'SELECT body FROM certificates WHERE tenant_id = ? ORDER BY issued_at',
      [tenantId],
    )
  ).map((row) => JSON.parse(row['body'] ?? '') as Record<string, unknown>);

/** Keys of asset data that are gone. */
export const keysGone = async (
  engine: EngineHarness,
  tenantId: string,
): Promise<readonly string[]> =>
  (
    await rowsOf(engine.root('keys'), 'SELECT key_ref FROM key_tombstones WHERE tenant_id = ?', [
      tenantId,
    ])
  ).flatMap((row) => (row['key_ref']?.startsWith('asset:') === true ? [row['key_ref']] : []));

/** Every record of a due day in the archive by place, id and bytes; of one asset, or of all. */
export async function archivedIn(
  engine: EngineHarness,
  tenantId: string,
  of: { readonly runId: string; readonly dueOn: string; readonly asset?: string },
): Promise<readonly string[]> {
  const { runId, dueOn, asset } = of;
  const ports = {
    control: engine.stores.sql('verifier', 'control'),
    objects: engine.parts.objects('verifier'),
    keys: engine.parts.verifierKeys,
  };
  const run = await readRun(ports.control, tenantId, runId);
  const found: string[] = [];
  for await (const record of readCohortCopy(ports, { run, dueOn, copy: 'backup' })) {
    const { location, assetId, versionId, content } = record;
    if (asset === undefined || asset === assetId)
      found.push(`${location} ${assetId} ${versionId} ${content.toString('hex')}`);
  }
  return found.sort();
}

/** How many of some archived records lie in which place. */
export function placesOf(records: readonly string[]): Readonly<Record<string, number>> {
  const places: Record<string, number> = {};
  for (const record of records) {
    const place = record.slice(record.indexOf(':') + 1, record.indexOf(' '));
    places[place] = (places[place] ?? 0) + 1;
  }
  return places;
}
