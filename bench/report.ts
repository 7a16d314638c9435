import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { DocumentFigures } from './documents-side';
import { writeFigures, type Verdict } from './frame';
import type { LetheCost } from './lethe';
import type { Cost } from './meter';
import type { Latencies } from './neighbour-side';
import type { ObjectFigures } from './objects-side';
import type { BenchPlan } from './plan';

/** One way of archiving and removing rows. */
export interface Contestant {
  readonly name: string;
  readonly rows: number;
  readonly cost: Cost | { readonly missing: string };
  /** What another client saw: while it ran, or while rows were removed. */
  readonly neighbour: Latencies | null;
}

/** All that a run of the benchmark found. */
export interface BenchReport {
  readonly plan: BenchPlan;
  readonly contestants: readonly Contestant[];
  readonly quiet: Latencies;
  readonly lethe: LetheCost;
  readonly series: readonly LetheCost[];
  readonly documents: DocumentFigures;
  readonly objects: ObjectFigures;
}

const MEMORY_GOAL_MB = 300;
const PEER_GOAL = 2.5;
const SERVER_GOAL = 2;
const PIPELINE_GOAL_MB = 80;
const OBJECTS_GOAL = 0.8;
/** Cost per row may differ this much between sizes and still be called linear. */
const LINEAR_GOAL = 1.5;

const isCost = (cost: Contestant['cost']): cost is Cost => !('missing' in cost);

const rate = ({ rows, cost }: Contestant): number | null =>
  isCost(cost) ? rows / cost.seconds : null;

/** Judges the figures; none of them fails a build. */
export function judge(report: BenchReport): readonly Verdict[] {
  const of = (name: string): number | null => {
    const found = report.contestants.find((contestant) => contestant.name === name);
    return found === undefined ? null : rate(found);
  };
  const own = report.lethe.rows / report.lethe.seconds;
  const [best, server] = [of(NAMES.best), of(NAMES.server)];
  const peer = report.contestants.find(({ name }) => name === NAMES.best)?.neighbour ?? null;
  const sizes = [...report.series, report.lethe];
  const perRow = sizes.map(({ rows, seconds }) => seconds / rows);
  const spread = Math.max(...perRow) / Math.min(...perRow);
  const memory = Math.max(...sizes.map(({ peakMemoryMb }) => peakMemoryMb));
  const { objects, documents } = report;
  const share = objects.plainSeconds / objects.productSeconds;
  const cursor = documents.plainCursorSeconds / documents.exportSeconds;
  return [
    ratio(
      `at least ${PEER_GOAL} times pt-archiver's best`,
      best === null ? null : own / best,
      PEER_GOAL,
    ),
    ratio(
      `within ${SERVER_GOAL} times of INTO OUTFILE and DELETE`,
      server === null ? null : own / server,
      1 / SERVER_GOAL,
    ),
    {
      goal: "other clients' p99 no worse than under pt-archiver",
      found: `${report.lethe.purge.p99Ms.toFixed(1)} ms, pt-archiver ${peer?.p99Ms.toFixed(1) ?? '-'} ms`,
      reached: peer === null ? null : report.lethe.purge.p99Ms <= peer.p99Ms,
    },
    {
      goal: `peak memory under ${MEMORY_GOAL_MB} MB at every size`,
      found: `${memory.toFixed(0)} MB`,
      reached: memory < MEMORY_GOAL_MB,
    },
    {
      goal: 'cost grows linearly with the rows',
      found: `${perRow.map((seconds) => (seconds * 1_000_000).toFixed(0)).join(', ')} us a row`,
      reached: spread <= LINEAR_GOAL,
    },
    {
      goal: `export of raw documents at ${PIPELINE_GOAL_MB} MB/s of a core`,
      found: `${documents.pipelineMbPerCpuSecond.toFixed(0)} MB/s`,
      reached: documents.pipelineMbPerCpuSecond >= PIPELINE_GOAL_MB,
    },
    ratio('export of documents as fast as a cursor that does nothing', cursor, 1),
    ratio('objects at 80 % of the bare client', share, OBJECTS_GOAL),
  ];
}

const ratio = (goal: string, found: number | null, wanted: number): Verdict => ({
  goal,
  found: found === null ? 'not measured' : `${found.toFixed(2)} x`,
  reached: found === null ? null : found >= wanted,
});

/** Names of the contestants, as the table and the goals have them. */
export const NAMES = Object.freeze({
  best: 'pt-archiver, best',
  defaults: 'pt-archiver, defaults',
  server: 'INTO OUTFILE + DELETE',
  lethe: 'lethe',
});

/** The table that is printed. */
export function tableOf(report: BenchReport, verdicts: readonly Verdict[]): string {
  const head = ['', 'rows', 'rows/s', 'seconds', 'CPU own', 'CPU servers', 'peak MB', 'p99 ms'];
  const rows = report.contestants.map((contestant) => {
    const { name, cost, neighbour } = contestant;
    if (!isCost(cost)) return [name, cost.missing, '', '', '', '', '', ''];
    return [
      name,
      String(contestant.rows),
      (rate(contestant) ?? 0).toFixed(0),
      cost.seconds.toFixed(2),
      cost.clientCpuSeconds.toFixed(2),
      cost.serverCpuSeconds.toFixed(2),
      cost.peakMemoryMb.toFixed(0),
      neighbour?.p99Ms.toFixed(1) ?? '',
    ];
  });
  const steps = [...report.series, report.lethe].map(
    ({ rows: many, stepSeconds, peakMemoryMb }) =>
      `lethe, ${many} rows: ${Object.entries(stepSeconds)
        .map(([step, seconds]) => `${step} ${seconds.toFixed(2)} s`)
        .join(', ')}; peak ${peakMemoryMb.toFixed(0)} MB`,
  );
  const goals = verdicts.map(({ goal, found, reached }) => {
    const word = reached === null ? 'unknown' : reached ? 'reached' : 'missed ';
    return `${word}  ${goal}: ${found}`;
  });
  return [
    columns([head, ...rows]),
    `a neighbour alone: p99 ${report.quiet.p99Ms.toFixed(1)} ms; under lethe while rows are removed`,
    '',
    ...steps,
    '',
    ...goals,
    ...limitsOf(report, verdicts),
    '',
  ].join('\n');
}

/** What takes the time, for whoever reads that a goal was missed. */
function limitsOf({ lethe }: BenchReport, verdicts: readonly Verdict[]): readonly string[] {
  if (verdicts.every(({ reached }) => reached !== false)) return [];
  const [slowest = '', seconds = 0] =
    Object.entries(lethe.stepSeconds).sort(([, a], [, b]) => b - a)[0] ?? [];
  const cpu = lethe.clientCpuSeconds + lethe.serverCpuSeconds;
  const share = (lethe.clientCpuSeconds / lethe.seconds) * 100;
  return [
    `limits  ${slowest} takes ${seconds.toFixed(2)} of ${lethe.seconds.toFixed(2)} s; the product's process is busy ` +
      `${share.toFixed(0)} % of the time; all processes use ${((cpu / lethe.rows) * 1_000_000).toFixed(0)} us of CPU a row ` +
      `on ${cpus().length} cores that servers and product share`,
  ];
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes everything as JSON and returns the file's path. */
export function writeReport(
  cache: string,
  report: BenchReport,
  verdicts: readonly Verdict[],
): string {
  const file = report.plan.json ?? join(cache, 'bench', 'disposition.json');
  const machine = { node: process.version, cores: cpus().length, memoryBytes: totalmem() };
  return writeFigures(file, { machine, ...report, verdicts });
}
