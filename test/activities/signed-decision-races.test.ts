import { readSignedRequest, termsOf } from '../../src/activities/control/decisions';
import type { FreezePorts } from '../../src/activities/control/freeze';
import { approveLift } from '../../src/activities/control/lift-freeze';
import { toSqlTime } from '../../src/activities/control/sql-text';
import type { Sql } from '../../src/contracts/sql';
import type { EngineHarness } from '../support/engine';
import { newHoldId, placeOver } from '../support/holds';
import { until } from '../support/live-engine';
import { someoneWaits } from '../support/lock-waits';
import { signed } from '../support/signed-decisions';
import { codeOf, createSignedStage, type SignedStage } from '../support/signed-freezes';
import { newSigner, register, type TestSigner } from '../support/signers';
import { subscribed } from '../support/tenant-life';

/** How approvals end that meet one another; nothing else may happen to them. */
const RACED = ['accepted', 'STORE_UNAVAILABLE'];
let stage: Pick<SignedStage, 'frozen' | 'askedBy' | 'inForce'>;
let engine: EngineHarness;
let ports: FreezePorts;
let anna: TestSigner;
let bert: TestSigner;

beforeAll(async () => {
  ({ engine, ports, anna, bert, ...stage } = await createSignedStage());
});
afterAll(() => engine.remove());

describe('two approvals of one request in the same moment', () => {
  it('record one document once, and who comes second waits and finds it recorded [AB-1]', async () => {
    const freezeId = await stage.frozen();
    const terms = await stage.askedBy(freezeId, anna);
    const document = await signed(engine, bert, {
      ...{ decision: 'approve-lift', subject: freezeId, terms },
    });
    const expiresAt = toSqlTime(new Date(Date.parse(await engine.now()) + 60_000).toISOString());
    const record = (sql: Sql): Promise<unknown> =>
      sql.execute('CALL record_decision(?, ?, ?, ?, ?, ?)', [
        ...['approve-lift', freezeId, terms, document, bert.kid, expiresAt],
      ]);
    let second: Promise<string> | undefined;
    await engine.root('control').transaction(async (sql) => {
      await record(sql);
      second = codeOf(record(ports.control));
      await until(() => someoneWaits(engine.root('control')));
    });
    expect(await second).toBe('accepted');
    const rows = await engine
      .root('control')
      .query('SELECT digest FROM signed_decisions WHERE document = ?', [document]);
    expect(rows).toHaveLength(1);
  });

  it('use one document once: both say the same, and one row says who approved [AB-1]', async () => {
    for (let round = 0; round < 5; round += 1) {
      const freezeId = await stage.frozen();
      const terms = await stage.askedBy(freezeId, anna);
      const document = await signed(engine, bert, {
        ...{ decision: 'approve-lift', subject: freezeId, terms },
      });
      const approve = (): Promise<string> =>
        codeOf(approveLift(ports, { freezeId, approvedBy: bert.personId, document }));
      const answers = await Promise.all([approve(), approve(), approve(), approve()]);
      // Who loses the race may do it again, and finds it done.
      expect(answers.filter((code) => !RACED.includes(code))).toEqual([]);
      expect(await approve()).toBe('accepted');
      expect(await stage.inForce(freezeId)).toBe(false);
      const used = await engine
        .root('control')
        .query('SELECT decision FROM signed_decisions WHERE subject = ? AND used_at IS NOT NULL', [
          freezeId,
        ]);
      expect(used).toHaveLength(2);
      const lifts = await engine
        .root('control')
        .query('SELECT lifted_by FROM freeze_lifts WHERE freeze_id = ?', [freezeId]);
      expect(lifts.map((row) => String(row['lifted_by'])).sort()).toEqual([
        anna.personId,
        bert.personId,
      ]);
    }
  });

  it('never lift two freezes with the signature for one [AB-1]', async () => {
    const [one, other] = [await stage.frozen(), await stage.frozen()];
    const terms = await stage.askedBy(one, anna);
    await stage.askedBy(other, anna);
    const document = await signed(engine, bert, { decision: 'approve-lift', subject: one, terms });
    const answers = await Promise.all(
      [one, other].map((freezeId) =>
        codeOf(approveLift(ports, { freezeId, approvedBy: bert.personId, document })),
      ),
    );
    expect(answers).toEqual(['accepted', 'SIGNATURE_INVALID']);
    expect([await stage.inForce(one), await stage.inForce(other)]).toEqual([false, true]);
  });

  it('of two people are one approval: the release of a hold names one of them [CC-4]', async () => {
    const third = await register(ports, [anna, bert], newSigner('dpo', 'person-7'));
    const tenantId = await subscribed(engine, 'CVM');
    const holdId = newHoldId();
    await placeOver(engine, [{ tenantId }], { holdId });
    const asked = { decision: 'request-release', subject: holdId } as const;
    const request = await signed(engine, anna, { ...asked, terms: termsOf() });
    await engine.activities.requestHoldRelease({
      ...{ holdId, requestedBy: anna.personId, document: request },
    });
    const terms = (await readSignedRequest(ports.control, { ...asked, by: anna.personId })) ?? '';
    const approve = async (by: TestSigner): Promise<string> => {
      const what = { decision: 'approve-release', subject: holdId, terms } as const;
      const document = await signed(engine, by, what);
      return codeOf(
        engine.activities.approveHoldRelease({ holdId, approvedBy: by.personId, document }),
      );
    };
    const answers = await Promise.all([approve(bert), approve(third)]);
    expect(answers).toContain('accepted');
    const releases = await engine
      .root('control')
      .query('SELECT approved_by FROM hold_releases WHERE hold_id = ?', [holdId]);
    expect(releases).toHaveLength(1);
  });
});
