import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Comparison } from './compare';
import type { DiscoveryPlan } from './discovery-plan';
import { writeFigures, type Verdict } from './frame';
import type { IngestFigures } from './ingest-side';
import type { LayerFigures } from './layer-side';
import type { Cost } from './meter';

/** The product and a peer on the same input. */
export interface Contest {
  readonly name: string;
  /** Unpacked bytes of a layer. */
  readonly bytes?: number;
  readonly peerName: string;
  readonly peer: Cost | { readonly missing: string };
  readonly own: Cost;
  /** Of a layer: the reading itself, without starting the process. */
  readonly inside?: LayerFigures;
}

/** All that a run found. */
export interface DiscoveryReport {
  readonly plan: DiscoveryPlan;
  /** Where the root comes from that both sides look at. */
  readonly root: string;
  readonly comparisons: readonly Comparison[];
  readonly contests: readonly Contest[];
  readonly ingest: readonly IngestFigures[];
}

const LAYER_GOAL_MB = 100;
const MEMORY_GOAL_MB = 200;
const MB = 1_000_000;
const EXAMPLES = 5;

const perCpuSecond = ({ bytes = 0, inside }: Contest): number =>
  bytes / MB / (inside?.cpuSeconds ?? Infinity);

/** Judges the figures; none of them fails a build. */
export function judge({ comparisons, contests, ingest }: DiscoveryReport): readonly Verdict[] {
  const unexplained = comparisons.reduce((sum, each) => sum + each.unexplained.length, 0);
  const absent = comparisons.filter(({ missing }) => missing !== undefined).length;
  const layers = contests.filter(({ bytes }) => bytes !== undefined);
  const slowest = Math.min(...layers.map(perCpuSecond));
  const largest = Math.max(...layers.map(({ own }) => own.peakMemoryMb));
  const [, again] = ingest;
  return [
    {
      goal: 'every difference between the lists is explained',
      found: `${unexplained} unexplained in ${comparisons.length - absent} comparisons; ${absent} not made`,
      reached: unexplained === 0,
    },
    {
      goal: `layers at ${LAYER_GOAL_MB} MB/s of a core`,
      found: `${slowest.toFixed(0)} MB/s`,
      reached: slowest >= LAYER_GOAL_MB,
    },
    {
      goal: `memory under ${MEMORY_GOAL_MB} MB for every layer`,
      found: `${largest.toFixed(0)} MB`,
      reached: largest < MEMORY_GOAL_MB,
    },
    ...contests.flatMap(besidePeer),
    {
      goal: 'the same report again adds one row',
      found: again === undefined ? 'not measured' : `${again.added}`,
      reached: again === undefined ? null : again.added === 1,
    },
  ];
}

function besidePeer({ name, peerName, peer, own }: Contest): readonly Verdict[] {
  if ('missing' in peer) {
    return [{ goal: `${name}: beside ${peerName}`, found: peer.missing, reached: null }];
  }
  return [
    {
      goal: `${name}: faster than ${peerName}`,
      found: `${own.seconds.toFixed(2)} s, ${peerName} ${peer.seconds.toFixed(2)} s`,
      reached: own.seconds < peer.seconds,
    },
    {
      goal: `${name}: smaller than ${peerName}`,
      found: `${own.peakMemoryMb.toFixed(0)} MB, ${peerName} ${peer.peakMemoryMb.toFixed(0)} MB`,
      reached: own.peakMemoryMb < peer.peakMemoryMb,
    },
  ];
}

/** The tables that are printed. */
export function tableOf(report: DiscoveryReport, verdicts: readonly Verdict[]): string {
  const { comparisons, contests, ingest } = report;
  const unexplained = comparisons.flatMap(({ place, kind, peer, unexplained: all }) =>
    all.slice(0, EXAMPLES).map((each) => `unexplained  ${place}, ${kind}, ${peer}: ${each}`),
  );
  const words = { true: 'reached', false: 'missed ', null: 'unknown' } as const;
  return [
    `root: ${report.root}`,
    columns([
      ['place', 'kind', 'peer', 'lethe', 'peer has', 'both', 'explained', 'unexplained'],
      ...comparisons.map(comparisonRow),
    ]),
    ...unexplained,
    '',
    columns([
      ['', 'who', 'seconds', 'CPU s', 'peak MB', 'MB/s', 'MB/CPU s'],
      ...contests.flatMap(contestRows),
    ]),
    '',
    columns([
      ['ingest', 'report MB', 'seconds', 'per s', 'CPU s', 'servers', 'peak MB', 'added'],
      ...ingest.map((each) => ingestRow(each, report.plan.fingerprints)),
    ]),
    '',
    ...verdicts.map(({ goal, found, reached }) => `${words[`${reached}`]}  ${goal}: ${found}`),
    '',
  ].join('\n');
}

const comparisonRow = (each: Comparison): readonly string[] => [
  ...[each.place, each.kind, each.peer, String(each.lethe)],
  ...(each.missing === undefined
    ? [String(each.theirs), String(each.both), reasonsOf(each), String(each.unexplained.length)]
    : [`not compared: ${each.missing}`, '', '', '']),
];

const reasonsOf = ({ explained }: Comparison): string =>
  Object.entries(explained)
    .map(([reason, many]) => `${many} ${reason}`)
    .join('; ');

function contestRows(contest: Contest): readonly (readonly string[])[] {
  const { name, bytes, peerName, peer, own, inside } = contest;
  const row = (who: string, cost: Cost): readonly string[] => [
    ...[name, who, cost.seconds.toFixed(2), cost.clientCpuSeconds.toFixed(2)],
    ...[cost.peakMemoryMb.toFixed(0)],
    ...(bytes === undefined
      ? ['', '']
      : [(bytes / MB / cost.seconds).toFixed(0), (bytes / MB / cost.clientCpuSeconds).toFixed(0)]),
  ];
  return [
    'missing' in peer ? [name, peerName, peer.missing, '', '', '', ''] : row(peerName, peer),
    row('lethe', own),
    ...(inside === undefined || bytes === undefined
      ? []
      : [
          [
            ...[name, 'the reading alone', inside.seconds.toFixed(2)],
            ...[inside.cpuSeconds.toFixed(2), '', (bytes / MB / inside.seconds).toFixed(0)],
            perCpuSecond(contest).toFixed(0),
          ],
        ]),
  ];
}

const ingestRow = (each: IngestFigures, fingerprints: number): readonly string[] => [
  ...[each.name, each.reportMb.toFixed(1), each.seconds.toFixed(2)],
  ...[(fingerprints / each.seconds).toFixed(0), each.cpuSeconds.toFixed(2)],
  ...[each.serverCpuSeconds.toFixed(2), each.peakMemoryMb.toFixed(0), String(each.added)],
];

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Writes all figures with what they were measured on; returns the file. */
export function writeReport(
  cache: string,
  report: DiscoveryReport,
  verdicts: readonly Verdict[],
): string {
  const file = report.plan.json ?? join(cache, 'bench', 'discovery.json');
  const machine = { cores: cpus().length, memoryMb: Math.round(totalmem() / MB) };
  const runtime = process.version;
  return writeFigures(file, { machine, runtime, ...report, verdicts });
}
