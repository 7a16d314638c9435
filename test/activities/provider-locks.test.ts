import { readRemains } from '../../src/activities/evidence/read-remains';
import { composeInterim } from '../../src/domain/interim-statement';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { until, ripeTenant, type Subject } from '../support/race-lives';
import { versionsIn } from '../support/list-versions';

let engine: EngineHarness;
beforeAll(async () => {
  engine = await createEngineHarness();
  await engine.setClock('2030-01-07T01:00:00Z');
});
afterAll(() => engine.remove());

/** Longer than a destruction takes here, short enough to be waited for. */
const RETAINED_MS = 12_000;

/** Puts a retention that nobody can shorten on one version of a tenant's archive; says until when. */
async function retainOne({ tenantId }: Subject): Promise<string> {
  const bucket = `${engine.environment.name}-archive`;
  const first = await versionsIn(engine.admin, bucket, `${tenantId}/`).next();
  if (first.done === true) throw new Error('nothing is archived');
  const version = first.value;
  const second = new Date(Math.ceil((Date.now() + RETAINED_MS) / 1000) * 1000).toISOString();
  const retainUntil = second.replace('.000Z', 'Z');
  await engine.admin.putObjectRetention(bucket, version.name, {
    mode: 'COMPLIANCE',
    retainUntilDate: retainUntil,
    versionId: version.versionId,
  });
  return retainUntil;
}

const countOf = async (database: string, table: string, tenantId: string): Promise<number> => {
  const rows = await engine
    .root(database)
    .query(`SELECT COUNT(*) AS n FROM ${table} WHERE tenant_id = ?`, [tenantId]);
  return Number(rows[0]?.['n']);
};

const remaining = async (tenantId: string) => {
  const control = engine.stores.sql('reader', 'control');
  const evidence = engine.stores.sql('reader', 'evidence');
  const { remaining: all } = composeInterim(await readRemains({ control, evidence }, tenantId));
  // What is still in use beside it has no due day.
  return all.filter(({ cohort }) => cohort !== null);
};

describe('a copy that the provider keeps beyond the end of its key', () => {
  it('is unreadable at once and named with its day, and is certified when it is gone and not before [AB-3] [DR-1]', async () => {
    const subject = await ripeTenant(engine);
    const { tenantId } = subject;
    const retainedUntil = await retainOne(subject);
    const { blockedOn } = await engine.destroy(tenantId);
    expect(blockedOn).toBe(`object-lock:${retainedUntil.slice(0, 10)}`);
    expect(await countOf('keys', 'key_tombstones', tenantId)).toBe(1);
    expect(await countOf('evidence', 'certificates', tenantId)).toBe(0);
    const [held] = await remaining(tenantId);
    expect(held?.reasons).toContainEqual({ reason: 'being-destroyed' });
    expect(held?.reasons).toContainEqual({ reason: 'object-lock', until: retainedUntil });
    expect(held?.places.map(({ location }) => location)).toContain('s3:archive');

    await until(() => Promise.resolve(Date.now() > Date.parse(retainedUntil)));
    expect(await engine.destroy(tenantId)).toMatchObject({ blockedOn: null });
    expect(await countOf('evidence', 'certificates', tenantId)).toBe(1);
    expect(await remaining(tenantId)).toEqual([]);
  });
});
