import { join } from 'node:path';
import { proofOrdersOf, provePart, type ProofOrder } from '../../src/archive-format';
import { composeDisposition } from '../../src/composition/disposition';
import { ProofThreads, type ProofThreadSettings } from '../../src/composition/proof-threads';
import { document, KEY, row, ROW_PART, sealCohort, sealPart } from '../archive-format/samples';
import { createEngineHarness, type EngineHarness } from '../support/engine';
import { planned, withHost } from '../support/tenant-life';

const TYPESCRIPT = ['-r', join(__dirname, '..', 'support', 'run-typescript.cjs')];

const open: ProofThreads[] = [];
function threads(settings: Partial<ProofThreadSettings> = {}): ProofThreads {
  const started = new ProofThreads({ count: 2, execArgv: TYPESCRIPT, ...settings });
  open.push(started);
  return started;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((started) => started.close()));
});

const sample = sealCohort({
  rows: [[row(1), row(2)], [row(3)]],
  documents: [[document(4)], [], [document(5)]],
});
const orders = proofOrdersOf(KEY, sample.content);
const storedOf = (objectName: string): Buffer =>
  Buffer.from(sample.objects.get(objectName) ?? Buffer.alloc(0));

describe('parts that are proven in threads', () => {
  it('come to what they come to in the own thread, also more of them than there are threads [AB-2]', async () => {
    const pool = threads();
    const proofs = await Promise.all(
      orders.map(({ objectName, ...order }) => pool.prove(storedOf(objectName), order)),
    );
    const own = await Promise.all(
      orders.map(({ objectName, ...order }) => provePart(storedOf(objectName), order)),
    );
    expect(proofs).toEqual(own);
    expect(proofs.map(({ records }) => records)).toEqual([2, 1, 1, 0, 1]);
  });

  it('are refused with the code of the refusal when one byte differs, and the thread goes on [AB-2]', async () => {
    const pool = threads({ count: 1 });
    const [{ objectName, ...order }] = orders as [(typeof orders)[0]];
    const altered = storedOf(objectName);
    altered.writeUInt8(altered.readUInt8(altered.length - 20) ^ 1, altered.length - 20);
    await expect(pool.prove(altered, order)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    await expect(pool.prove(storedOf(objectName).subarray(0, 60), order)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
    expect(await pool.prove(storedOf(objectName), order)).toMatchObject({ records: 2 });
  });

  it('are not proven when their thread dies, and the next part gets a new thread [AB-2]', async () => {
    const pool = threads({ count: 1 });
    const [{ objectName, ...order }] = orders as [(typeof orders)[0]];
    const broken = { ...order, expect: null } as unknown as ProofOrder;
    const [dead, waiting] = await Promise.allSettled([
      pool.prove(storedOf(objectName), broken),
      pool.prove(storedOf(objectName), order),
    ]);
    expect(dead).toMatchObject({
      status: 'rejected',
      reason: { message: 'a thread ended while it proved a part' },
    });
    expect(waiting).toMatchObject({ status: 'fulfilled', value: { records: 2 } });
  });

  it('are not proven when they need more memory than a thread has, and the process goes on [AB-2]', async () => {
    const long = row(1, 'x'.repeat(60 * 1024 * 1024));
    const { bytes, ...figures } = sealPart([long], ROW_PART);
    const [{ objectName, ...order }] = orders as [(typeof orders)[0]];
    const pool = threads({ count: 1, memoryMaxMb: 64 });
    const listed = { ...figures, bytes: bytes.length };
    await expect(pool.prove(bytes, { ...order, listed })).rejects.toMatchObject({
      cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    });
    expect(await pool.prove(storedOf(objectName), order)).toMatchObject({ records: 2 });
  });

  it('fail when the threads are closed, whether one is at them or they wait', async () => {
    const pool = threads({ count: 1 });
    const [{ objectName, ...order }] = orders as [(typeof orders)[0]];
    const asked = [1, 2, 3].map(() => pool.prove(storedOf(objectName), order));
    const ends = Promise.allSettled(asked);
    await pool.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(pool.prove(storedOf(objectName), order)).rejects.toThrow(/closed/);
  });
});

describe('a verification with threads', () => {
  let engine: EngineHarness;
  beforeAll(async () => {
    engine = await createEngineHarness();
  });
  afterAll(() => engine.remove());

  it('that is cancelled while parts are proven leaves no verdict, and the next one proves everything [AB-2]', async () => {
    await engine.setClock('2030-01-07T01:00:00Z');
    const { tenantId } = await withHost(engine, 'CVM');
    await engine.setClock('2030-01-20T01:00:00Z');
    await engine.send(tenantId, 'endService', { service: 'CVM' });
    const run = await planned(engine, tenantId);
    await engine.activities.sealAndCopy(run);
    let isCancelled = true;
    const threaded = await composeDisposition(
      {
        ...engine.options,
        proofThreads: { count: 2, execArgv: TYPESCRIPT },
        pulse: {
          beat: ({ step }) => {
            if (isCancelled && step === 'verify copies') throw new Error('cancelled by the test');
          },
        },
      },
      engine.parts,
    );
    const verdicts = async (): Promise<number> => {
      const rows = await engine
        .root('control')
        .query('SELECT COUNT(*) AS n FROM verifications WHERE run_id = ?', [run.runId]);
      return Number(rows[0]?.['n']);
    };
    await expect(threaded.verifyCopies(run)).rejects.toThrow('cancelled by the test');
    expect(await verdicts()).toBe(0);
    await expect(engine.activities.moveRows(run)).rejects.toMatchObject({ code: 'PERMIT_REFUSED' });
    isCancelled = false;
    expect(await threaded.verifyCopies(run)).toMatchObject({ done: true });
    expect(await verdicts()).toBe(3);
  });
});
