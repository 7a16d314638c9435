import { createReadStream, writeFileSync } from 'node:fs';
import { bindKeyedHash } from '../src/activities/registry/keyed-hash';
import { inspectLayer, type KnownMalware } from '../src/activities/registry/layer-findings';
import { NO_FILES, readLayer, UNPACKING_THREADS, UnpackingThreads } from '../src/image-layers';
import type { PackedLayer } from './made-image';

/** A package and the file that told of it. */
export interface FoundPackage {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly path: string;
}

/** What one layer held, and what reading it cost without starting and loading anything. */
export interface LayerFigures {
  readonly packages: readonly FoundPackage[];
  readonly unread: number;
  readonly secrets: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** As the registry's answers arrive. */
const PIECE_BYTES = 64 * 1024;

/** Nothing is on the list, but every file is hashed, as with a list. */
const EVERY_FILE_HASHED: KnownMalware = { version: 'bench', has: () => false };

/**
 * Reads one layer as a scan of a repository does: unpacked, both digests, every entry walked, packages
 * and secrets looked for; with `digests` also the digest of every file.
 */
async function read(layer: PackedLayer, digests: boolean): Promise<LayerFigures> {
  const hash = bindKeyedHash(Buffer.alloc(32, 1));
  const { found, inspect } = inspectLayer(0, hash, digests ? EVERY_FILE_HASHED : undefined);
  const before = process.cpuUsage();
  const begun = performance.now();
  const source = createReadStream(layer.file, { highWaterMark: PIECE_BYTES });
  const threads = new UnpackingThreads(UNPACKING_THREADS);
  const { files } = await readLayer(source, { ...layer, below: NO_FILES, inspect, threads });
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);
  const contents = [...files.values()];
  return {
    packages: [...files].flatMap(([path, { packages }]) =>
      packages.map(({ type, name, version }) => ({ type, name, version, path })),
    ),
    unread: contents.reduce((sum, { unread }) => sum + unread.length, 0),
    secrets: found.risks.length + found.omitted,
    seconds,
    cpuSeconds: (user + system) / 1_000_000,
  };
}

const [layer = '', digests = '', out = ''] = process.argv.slice(2);
read(JSON.parse(layer) as PackedLayer, digests === 'digests').then(
  (figures) => {
    writeFileSync(out, JSON.stringify(figures));
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
    process.exit(1);
  },
);
