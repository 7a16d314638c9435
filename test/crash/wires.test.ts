import { playOn, startWorker, type CrashWorker } from '../support/crash-life';
import { createStage, type Stage } from '../support/crash-stage';
import { STORIES, type Story } from '../support/crash-stories';
import { createFaultProxy, type FaultProxy, type WireFault } from '../support/fault-proxy';
import { IS_LONG, LONG_SEED } from '../support/long-form';
import { line, nothingFound } from '../support/verdict';

const SERVERS = ['sql', 'documents', 'objects'] as const;
type Server = (typeof SERVERS)[number];

/** Faults that both sides know of at once; silence is waited out, so it belongs into the long form. */
const LOUD: readonly WireFault[] = [
  'reset-after',
  'half-request',
  'reset',
  'half-response',
  'latency',
  'slow',
];
const FAULTS: readonly WireFault[] = IS_LONG ? [...LOUD, 'drop-request', 'drop-response'] : LOUD;
/** Points of a life at which each wire breaks, as shares of its exchanges. */
const SHARES = IS_LONG ? 12 : 2;
/** Where in its share a wire breaks: in the middle, and in the long form wherever the seed says. */
const WITHIN = IS_LONG ? (LONG_SEED % 1000) / 1000 : 0.5;
const FAULTS_MIN = 15;

let stage: Stage;
let wires: Readonly<Record<Server, FaultProxy>>;
beforeAll(async () => {
  stage = await createStage();
  wires = {
    sql: await createFaultProxy(addressOf(sqlUrl())),
    documents: await createFaultProxy(addressOf(new URL(variable('LETHE_MONGO_URL')))),
    objects: await createFaultProxy(addressOf(new URL(variable('LETHE_S3_ENDPOINT')))),
  };
});
afterAll(async () => {
  for (const server of SERVERS) await wires[server].close();
  await stage.remove();
});

const variable = (name: string): string => process.env[name] ?? '';
const addressOf = ({ hostname, port }: URL): { host: string; port: number } => ({
  host: hostname,
  port: Number(port),
});
const sqlUrl = (): URL =>
  new URL(
    process.env['LETHE_MYSQL_URL'] ??
      `mysql://${variable('LETHE_MYSQL_HOST')}:${variable('LETHE_MYSQL_PORT')}`,
  );

/** A worker whose every connection goes through a wire that can break. */
function wiredWorker(): Promise<CrashWorker> {
  const documents = new URL(variable('LETHE_MONGO_URL'));
  documents.host = `127.0.0.1:${wires.documents.port}`;
  documents.searchParams.set('directConnection', 'true');
  return startWorker(stage.engine, undefined, {
    LETHE_MYSQL_URL: '',
    LETHE_MYSQL_HOST: '127.0.0.1',
    LETHE_MYSQL_PORT: String(wires.sql.port),
    LETHE_MONGO_URL: documents.href,
    LETHE_S3_ENDPOINT: `http://127.0.0.1:${wires.objects.port}`,
  });
}

/** Plays a life through wires that hold, and says how many exchanges each one carries. */
async function countExchanges(story: Story): Promise<Readonly<Record<Server, number>>> {
  const life = await stage.next(story);
  const worker = await wiredWorker();
  for (const server of SERVERS) wires[server].set('none');
  await playOn(stage.engine, worker, life);
  await worker.close();
  await stage.judge(life, true);
  return {
    sql: wires.sql.exchanges,
    documents: wires.documents.exchanges,
    objects: wires.objects.exchanges,
  };
}

const storyOf = (name: string): Story => {
  const story = STORIES.find((known) => known.name === name);
  if (story === undefined) throw new Error(`no story ${name}`);
  return story;
};
/** Which life is played while which wire breaks; configuration has no objects. */
const PLAYED: readonly (readonly [Story, readonly Server[]])[] = [
  [storyOf('asset data'), SERVERS],
  [storyOf('configuration'), ['sql', 'documents']],
  [storyOf('asset data that comes back before its window'), SERVERS],
];

describe('a wire that breaks in the middle of a life', () => {
  it(
    'changes nothing in its end: nothing is lost, early, crossed, lied about, left behind or done twice [AB-1] [AB-2] [AB-3] [CC-2]',
    async () => {
      let turn = IS_LONG ? LONG_SEED % FAULTS.length : 0;
      let faults = 0;
      if (IS_LONG) process.stdout.write(`wires in lives: seed=${LONG_SEED}\n`);
      for (const [story, servers] of PLAYED) {
        const exchanges = await countExchanges(story);
        const calm = await stage.next(story);
        await stage.succeed(calm);
        const undisturbed = await stage.stateOf(calm);
        for (const server of servers) {
          for (let share = 0; share < SHARES; share += 1) {
            const strike = FAULTS[(turn += 1) % FAULTS.length] as WireFault;
            const at = Math.max(1, Math.floor(((share + WITHIN) * exchanges[server]) / SHARES));
            const life = await stage.next(story);
            wires[server].set({ strike, at });
            const before = wires[server].struck[strike] ?? 0;
            await stage.succeed(life, wiredWorker);
            faults += (wires[server].struck[strike] ?? 0) - before;
            wires[server].set('none');
            await stage.judge(life, true);
            const fault = { story: story.name, server, strike, at };
            expect({ fault, state: await stage.stateOf(life) }).toEqual({
              fault,
              state: undisturbed,
            });
          }
        }
      }
      process.stdout.write(`wires in lives: ${line(faults, stage.found)}\n`);
      expect(stage.found).toEqual(nothingFound());
      expect(faults).toBeGreaterThanOrEqual(FAULTS_MIN);
    },
    IS_LONG ? 3_600_000 : 600_000,
  );
});
