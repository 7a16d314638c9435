import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cliEnvironment, writeKeys } from '../support/cli-people';
import { subscribeTo } from '../support/control';
import { newTenantId } from '../support/engine';
import { runIn } from '../support/evidence-cli';
import { HOLD_FACTS, newHoldId } from '../support/holds';
import { later } from '../support/interlocks';
import { createLiveEngine, type LiveEngine } from '../support/live-engine';
import { newSigner, type TestSigner } from '../support/signers';

let live: LiveEngine;
let env: Readonly<Record<string, string | undefined>>;
const anna = newSigner('dpo', 'person-1');
const bert = newSigner('operator', 'person-2');

beforeAll(async () => {
  live = await createLiveEngine('2030-01-07T01:00:00Z');
  env = cliEnvironment(live);
  writeKeys(live, [anna, bert]);
  for (const { personId, role, kid } of [anna, bert]) {
    const half = join(live.folder, `${personId}.pub`);
    const person = `--role ${role} --person ${personId} --valid-from 2000-01-01T00:00:00Z`;
    await asked(`signer add --public-key ${half} ${person}`, kid);
  }
});
afterAll(() => live.remove());

const keyOf = ({ personId }: TestSigner): string => `--key ${join(live.folder, `${personId}.pem`)}`;

async function answered(
  line: string,
  confirm?: string,
): Promise<{ exitCode: number; said: unknown }> {
  const typed = confirm === undefined ? [] : ['--confirm', confirm];
  const run = await runIn(env, [...line.split(' '), ...typed, '--json']);
  return { exitCode: run.exitCode, said: JSON.parse(run.stdout || run.stderr) as unknown };
}

/** A command line that must succeed. */
async function asked(line: string, confirm?: string): Promise<Record<string, unknown>> {
  const { exitCode, said } = await answered(line, confirm);
  expect({ line, exitCode, said: exitCode === 0 ? {} : said }).toEqual({
    line,
    exitCode: 0,
    said: {},
  });
  return said as Record<string, unknown>;
}

describe('the command line, once two people agreed that decisions are signed', () => {
  it('releases a hold under two keys and under no two names [CC-4]', async () => {
    const { changeId } = await asked(`signer decisions --by signature ${keyOf(anna)}`, 'decisions');
    const approving = `signer approve --change ${String(changeId)} ${keyOf(bert)}`;
    await asked(approving, String(changeId));
    expect(await asked('signer list')).toMatchObject({ decisionsSigned: true });

    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    const holdId = newHoldId();
    const ground = await live.engine.stage(tenantId, { ground: 'a case' }, 'grounds');
    await live.client.placeHold({ ...HOLD_FACTS, holdId, scopes: [{ tenantId }], ground });

    const release = `hold release --hold ${holdId}`;
    const approve = `hold approve --hold ${holdId}`;
    const refused = { exitCode: 2, said: { error: { code: 'SIGNATURE_REQUIRED' } } };
    expect(await answered(`${release} --requested-by dpo-1`, tenantId)).toMatchObject(refused);
    expect(await answered(`${approve} ${keyOf(bert)}`, tenantId)).toMatchObject(refused);
    expect(await asked(`${release} ${keyOf(anna)}`, tenantId)).toMatchObject({
      ...{ state: 'release-requested', request: { requestedBy: anna.personId } },
    });
    expect(await answered(`${approve} --approved-by dpo-2`, tenantId)).toMatchObject(refused);
    const borrowed = await answered(`${approve} --approved-by dpo-2 ${keyOf(bert)}`, tenantId);
    expect(borrowed).toMatchObject({ exitCode: 2, said: { error: { field: 'key' } } });
    expect(await answered(`${approve} ${keyOf(anna)}`, tenantId)).toMatchObject({ exitCode: 2 });
    expect(await asked(`${approve} ${keyOf(bert)}`, tenantId)).toMatchObject({
      ...{ state: 'release-approved', approvedBy: bert.personId },
    });
  });

  it('lifts a freeze, loosens a cap and says in the examination that all verify', async () => {
    const reason = 'the-cause-was-found';
    const { freezeId } = await asked('freeze set --all');
    const id = String(freezeId);
    await asked(`freeze lift --freeze ${id} --reason ${reason} ${keyOf(anna)}`, id);
    expect(await asked(`freeze approve --freeze ${id} ${keyOf(bert)}`, id)).toMatchObject({
      ...{ inForce: false, liftedBy: [anna.personId, bert.personId] },
    });
    const cap = `caps set --cap rows-per-batch --amount 20000 --reason ${reason}`;
    expect(await answered(cap, 'rows-per-batch')).toMatchObject({ exitCode: 2 });
    expect(await asked(`${cap} ${keyOf(bert)}`, 'rows-per-batch')).toMatchObject({
      pending: { amount: 20_000, setBy: bert.personId },
    });
    const { said } = await answered('doctor');
    expect(JSON.stringify(said)).toContain('needed; 5 verified');
  });

  it('reports an end in the past with what both signed, and with nothing less [AB-3]', async () => {
    const tenantId = newTenantId();
    await live.subscribe(tenantId, subscribeTo('CVM'));
    await later(live.engine, 7200);
    const endedAt = new Date(Date.parse(await live.engine.now()) - 3_600_000).toISOString();
    const what = `--tenant ${tenantId} --service CVM --ended-at ${endedAt}`;
    const sign = async (by: TestSigner, more = ''): Promise<string> => {
      const { document } = await asked(`sign-end ${what} ${keyOf(by)}${more}`);
      const file = join(live.folder, `${by.personId}.jws`);
      writeFileSync(file, `${String(document)}\n`);
      return file;
    };
    const end = `end-service ${what} --requested-by ${anna.personId}`;
    const byName = await answered(`${end} --approved-by ${bert.personId}`, tenantId);
    expect(byName).toMatchObject({ said: { error: { code: 'SIGNATURE_REQUIRED' } } });
    const signed = `${end} --signed ${await sign(anna)}`;
    expect(await answered(signed, tenantId)).toMatchObject({
      ...{ exitCode: 2, said: { error: { code: 'INVALID_INPUT', field: 'approval' } } },
    });
    const both = `${signed} --approval ${await sign(bert, ' --approve')}`;
    expect(await asked(both, tenantId)).toMatchObject({ result: { endedAt } });
    const neither = `sign-end --tenant ${tenantId} --ended-at ${endedAt} ${keyOf(anna)}`;
    expect(await answered(neither)).toMatchObject({
      ...{ exitCode: 2, said: { error: { code: 'INVALID_INPUT', field: 'service' } } },
    });
  });
});
