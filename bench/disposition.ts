import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { DocumentFigures } from './documents-side';
import { fill, type MeasuredTenant } from './fill';
import { CACHE, onStage, runBenchmark, say } from './frame';
import { runLethe, type LetheCost } from './lethe';
import type { Cost } from './meter';
import { startNeighbour, type Neighbour } from './neighbour';
import type { ObjectFigures } from './objects-side';
import { BEST, runOutfileAndDelete, runPtArchiver, type Peer } from './peers';
import { readPlan, type BenchPlan } from './plan';
import { judge, NAMES, tableOf, writeReport, type Contestant } from './report';
import { Rest } from './settle';
import type { Stage } from './stage';

const QUIET_MS = 2000;
const NEIGHBOUR_ROWS = 20_000;

/** Names that are padded must stay different: 10000 and 100000 would not, with zeros. */
const tenantOf = (name: string): string => `tn_bench${name.padEnd(16, 'x')}`;

/** Tenants in the order in which they are measured; all are there from the beginning. */
function tenantsOf(plan: BenchPlan): Readonly<Record<string, MeasuredTenant>> {
  const sized = (name: string, rows: number): MeasuredTenant => ({
    tenantId: tenantOf(name),
    rows,
    assets: Math.max(1, Math.min(plan.assets, Math.round((plan.assets * rows) / plan.rows))),
  });
  return {
    neighbour: sized('neighbour', NEIGHBOUR_ROWS),
    defaults: sized('defaults', plan.sample),
    best: sized('best', plan.rows),
    server: sized('server', plan.rows),
    lethe: sized('lethe', plan.rows),
    ...Object.fromEntries(
      plan.series.map((rows) => [`series${rows}`, sized(`series${rows}`, rows)]),
    ),
  };
}

/** Who is there beside a contestant. */
interface Company {
  readonly neighbour: Neighbour;
  readonly rest: Rest;
}

/** What the server still does for it after its end is part of what it cost. */
const withRest = <T extends Cost>(cost: T, owed: number): T => ({
  ...cost,
  serverCpuSeconds: cost.serverCpuSeconds + owed,
});

async function contest(
  stage: Stage,
  plan: BenchPlan,
  { neighbour, rest }: Company,
): Promise<readonly Contestant[]> {
  const peer = JSON.parse(process.env['LETHE_BENCH_PEER'] ?? '{"missing":"none"}') as Peer;
  const measured = async (
    name: string,
    rows: number,
    run: () => Promise<Contestant['cost']>,
  ): Promise<Contestant> => {
    say(name);
    neighbour.begin(name);
    const cost = await run();
    const seen = await neighbour.end(name);
    if ('missing' in cost) return { name, rows, cost, neighbour: null };
    return { name, rows, cost: withRest(cost, await rest.settle()), neighbour: seen };
  };
  const archiver = (tenant: string, options: readonly string[]): Promise<Contestant['cost']> =>
    'missing' in peer
      ? Promise.resolve(peer)
      : runPtArchiver(stage, peer, { tenantId: tenantOf(tenant), options });
  return [
    await measured(NAMES.defaults, plan.sample, () => archiver('defaults', [])),
    await measured(NAMES.best, plan.rows, () => archiver('best', BEST)),
    await measured(NAMES.server, plan.rows, () => runOutfileAndDelete(stage, tenantOf('server'))),
  ];
}

/** A side that measures in a process of its own and says what it found once. */
function figuresOf<T>(stage: Stage, side: string, ...args: readonly string[]): Promise<T> {
  say(side);
  const child = fork(join(__dirname, `${side}-side.js`), args, { env: stage.env });
  return new Promise((resolve, reject) => {
    child.once('message', (figures) => {
      resolve(figures as T);
    });
    child.once('exit', (code) => {
      reject(new Error(`${side} ended with ${code ?? 'a signal'}`));
    });
  });
}

async function measure(stage: Stage, plan: BenchPlan): Promise<void> {
  const tenants = tenantsOf(plan);
  await fill(stage.admin, Object.values(tenants), (done, of) => {
    if (done % 100 === 0 || done === of) say(`rows of ${done} of ${of} assets`);
  });
  const neighbour = await startNeighbour(stage, tenantOf('neighbour'));
  try {
    neighbour.begin('quiet');
    const rest = await Rest.learn(stage.servers['mysql'], QUIET_MS);
    const quiet = await neighbour.end('quiet');
    const contestants = await contest(stage, plan, { neighbour, rest });
    const measured = async (tenant: string): Promise<LetheCost> =>
      withRest(await runLethe(stage, neighbour, tenantOf(tenant)), await rest.settle());
    const series: LetheCost[] = [];
    for (const rows of plan.series) {
      say(`lethe, ${rows} rows`);
      series.push(await measured(`series${rows}`));
    }
    say(NAMES.lethe);
    const lethe = await measured('lethe');
    const own = { name: NAMES.lethe, rows: lethe.rows, cost: lethe, neighbour: lethe.purge };
    const report = {
      ...{ plan, quiet, lethe, series },
      contestants: [...contestants, own],
      documents: await figuresOf<DocumentFigures>(stage, 'documents', String(plan.documents)),
      objects: await figuresOf<ObjectFigures>(stage, 'objects'),
    };
    const verdicts = judge(report);
    process.stdout.write(`\n${tableOf(report, verdicts)}`);
    say(`figures: ${writeReport(CACHE, report, verdicts)}`);
  } finally {
    neighbour.stop();
  }
}

runBenchmark(async (argv) => {
  const plan = readPlan(argv);
  await onStage((stage) => measure(stage, plan));
  return 0;
});
