import { fork, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Comparison } from './compare';
import { collectArguments, compareMachine, compareRoot, LETHE } from './completeness';
import { readPeers, readPlan, type DiscoveryPeers, type DiscoveryPlan } from './discovery-plan';
import {
  judge,
  tableOf,
  writeReport,
  type Contest,
  type DiscoveryReport,
} from './discovery-report';
import { CACHE, runBenchmark, say } from './frame';
import { compareImage, trivyArguments, trivyRoot } from './images';
import type { IngestFigures } from './ingest-side';
import type { LayerFigures } from './layer-side';
import { madeLayer, packedFile, packLayer, type PackedLayer } from './made-image';
import { measureProgram, type Cost } from './meter';
import { writeImage } from './oci-layout';
import { insideRoot, QUESTIONS, type Osquery, type OsqueryKind } from './osquery';

const measured = (command: string, args: readonly string[]): Promise<Cost> =>
  measureProgram(command, args, { env: process.env, servers: {} });

/** Folders and programs of one run. */
interface Bench {
  readonly plan: DiscoveryPlan;
  readonly peers: DiscoveryPeers;
  readonly cache: string;
  readonly folder: string;
}

/** The whole process: started, layer read, ended. */
async function readLayerAside(
  { folder }: Bench,
  layer: PackedLayer,
  digests: boolean,
): Promise<{ readonly cost: Cost; readonly figures: LayerFigures }> {
  const out = join(folder, 'layer.json');
  const profile = process.env['LETHE_BENCH_PROFILE'];
  const cost = await measured(process.execPath, [
    ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
    join(__dirname, 'layer-side.js'),
    ...[JSON.stringify(layer), digests ? 'digests' : 'no-digests', out],
  ]);
  return { cost, figures: JSON.parse(readFileSync(out, 'utf8')) as LayerFigures };
}

/** The peer reads the very same image, from a layout on disk; nothing of an earlier run helps it. */
function trivyOnImage({ peers, folder }: Bench, layer: PackedLayer): Promise<Contest['peer']> {
  if (peers.trivy === undefined) return Promise.resolve({ missing: peers.missing ?? 'not here' });
  const layout = writeImage(join(folder, 'layout'), layer);
  rmSync(join(folder, 'trivy-cache'), { recursive: true, force: true });
  const out = join(folder, 'trivy-image.json');
  return measured(peers.trivy, trivyArguments('image', out, folder, layout));
}

/** The root is packed once; what was copied from this machine may have changed, and is packed again. */
function packRoot({ peers, cache }: Bench): Promise<PackedLayer> {
  const { path, origin } = peers.root;
  const images = join(cache, 'bench', 'images');
  const layer = { folder: images, name: basename(path), packing: 'gzip' } as const;
  if (!origin.startsWith('debootstrap')) rmSync(packedFile(layer), { force: true });
  return packLayer(layer, () => {
    const tar = spawn('tar', ['-C', path, '--exclude=./.bench-osquery', '-c', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return tar.stdout;
  });
}

async function imageContests(
  bench: Bench,
): Promise<{ readonly contests: readonly Contest[]; readonly ofRoot: LayerFigures }> {
  const contests: Contest[] = [];
  const ofLayer = async (name: string, layer: PackedLayer): Promise<LayerFigures> => {
    const bytes = layer.unpackedBytes;
    say(`${name}: Trivy`);
    const peer = await trivyOnImage(bench, layer);
    say(`${name}: lethe`);
    const plain = await readLayerAside(bench, layer, false);
    const digested = await readLayerAside(bench, layer, true);
    contests.push(
      { ...{ name, bytes, peerName: 'Trivy', peer }, own: plain.cost, inside: plain.figures },
      {
        ...{ name: `${name}, every file hashed`, bytes, peerName: 'Trivy', peer },
        ...{ own: digested.cost, inside: digested.figures },
      },
    );
    return plain.figures;
  };
  const ofRoot = await ofLayer('image of the root', await packRoot(bench));
  const { imageGb } = bench.plan;
  const images = join(bench.cache, 'bench', 'images');
  for (const packing of ['gzip', 'zstd'] as const) {
    say(`making a layer of ${imageGb} GB, packed with ${packing} (once)`);
    const layer = await madeLayer(images, imageGb, packing);
    await ofLayer(`image of ${imageGb} GB, ${packing}`, layer);
  }
  return { contests, ofRoot };
}

const KINDS = Object.keys(QUESTIONS) as readonly OsqueryKind[];

/** Packages that may lie in any folder: the peer looks into some, the product searches them all. */
const SEARCHED_FOR: ReadonlySet<OsqueryKind> = new Set(['python', 'npm']);

/** One process asks for all tables of these kinds. */
const ask = (
  { command: [program = '', ...before] }: Osquery,
  kinds: readonly OsqueryKind[] = KINDS,
): Promise<Cost> =>
  measured(program, [
    ...before,
    '--json',
    kinds.map((kind) => `${QUESTIONS[kind].sql};`).join(' '),
  ]);

async function hostContests({ peers, folder }: Bench): Promise<readonly Contest[]> {
  const { osquery, root } = peers;
  const missing = { missing: peers.missing ?? 'not here' };
  const out = ['--out', join(folder, 'report.json')];
  const collect = (...args: readonly string[]): Promise<Cost> =>
    measured(LETHE, collectArguments(...out, ...args));
  const onMachine = (kinds?: readonly OsqueryKind[]): Promise<Contest['peer']> =>
    osquery === undefined ? Promise.resolve(missing) : ask({ command: [osquery], close }, kinds);
  const peerName = 'osquery';
  say('hosts: osquery, lethe');
  const inside = osquery === undefined ? null : insideRoot(osquery, root.path);
  const onRoot = inside === null ? missing : await ask(inside).catch(failed);
  inside?.close();
  return [
    { name: 'the root', peerName, peer: onRoot, own: await collect('--root', root.path) },
    {
      ...{ name: 'this machine, the same questions', peerName },
      peer: await onMachine(KINDS.filter((kind) => !SEARCHED_FOR.has(kind))),
      own: await collect('--no-search'),
    },
    {
      ...{ name: 'this machine, every disk searched', peerName },
      ...{ peer: await onMachine(), own: await collect() },
    },
  ];
}

const close = (): undefined => undefined;
const failed = (error: unknown): { readonly missing: string } => ({
  missing: error instanceof Error ? error.message : String(error),
});

function ingest({ plan }: Bench): Promise<readonly IngestFigures[]> {
  if (plan.fingerprints === 0) return Promise.resolve([]);
  say(`ingest of ${plan.fingerprints} fingerprints`);
  const child = fork(join(__dirname, 'ingest-side.js'), [String(plan.fingerprints)]);
  return new Promise((resolve, reject) => {
    child.once('message', (figures) => {
      resolve(figures as readonly IngestFigures[]);
    });
    child.once('exit', (code) => {
      reject(new Error(`ingest ended with ${code ?? 'a signal'}`));
    });
  });
}

function completeness({ peers, folder }: Bench, ofRoot: LayerFigures): readonly Comparison[] {
  say('completeness');
  const { osquery, trivy, root } = peers;
  const trivyFile = trivy === undefined ? undefined : trivyRoot(trivy, root.path, folder);
  return [
    ...compareRoot(folder, root.path, osquery),
    ...compareMachine(folder, osquery),
    ...compareImage(root.path, ofRoot, {
      ...(osquery !== undefined && { osquery }),
      ...(trivyFile !== undefined && { trivyFile }),
    }),
  ];
}

async function main(argv: readonly string[]): Promise<number> {
  const plan = readPlan(argv);
  const cache = CACHE;
  const folder = join(cache, 'bench', 'discovery');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const bench: Bench = { plan, peers: readPeers(process.env), cache, folder };
  const { contests, ofRoot } = await imageContests(bench);
  const report: DiscoveryReport = {
    ...{ plan, root: bench.peers.root.origin, comparisons: completeness(bench, ofRoot) },
    contests: [...contests, ...(await hostContests(bench))],
    ingest: await ingest(bench),
  };
  const verdicts = judge(report);
  process.stdout.write(`\n${tableOf(report, verdicts)}`);
  say(`figures: ${writeReport(cache, report, verdicts)}`);
  rmSync(folder, { recursive: true, force: true });
  return 0;
}

runBenchmark(main);
