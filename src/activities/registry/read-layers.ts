import type { ImageLayerBody } from '../../contracts/schemas/image-contents';
import type { ImageConfig } from '../../contracts/schemas/registry';
import {
  LayerTrouble,
  readLayer,
  type Inspections,
  type LayerLimits,
  type LayerReason,
  type UnpackingThreads,
} from '../../image-layers';
import type { VirusScanner, VirusSession, VirusVerdict } from './clamd';
import type { RegistryClient } from './create-registry-client';
import type { KeyedHash } from './keyed-hash';
import { NO_LAYERS, type LayerState } from './layer-state';
import { inspectLayer, virusRisks, type KnownMalware } from './layer-findings';
import type { ImageManifest } from './manifests';
import type { CallOptions } from './session';
import {
  layerBody,
  layerRecord,
  placedLayers,
  readBack,
  stateOver,
  type PlacedLayer,
  type StoredLayers,
} from './stored-layers';

/** Why the layers of an image could not be read, when the registry did answer. */
export type LayerFailure = LayerReason | 'missing' | 'encrypted';

/** How far the reading of a repository is; nothing in it says which. */
export interface ReadingProgress {
  readonly imagesRead: number;
  readonly layersRead: number;
  /** Layers that were stored by an earlier scan, or an earlier attempt at this one. */
  readonly layersKnown: number;
}

/** What layers are read with. */
export interface LayerOptions {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly hash: KeyedHash;
  readonly call: CallOptions;
  readonly malware?: KnownMalware;
  readonly viruses?: VirusScanner;
  readonly limits?: Partial<LayerLimits>;
  /** Unpack layers beside the own thread; absent: in it. */
  readonly threads?: UnpackingThreads;
  /** Layers of earlier scans; without it all are read. */
  readonly stored?: StoredLayers;
  /** Told before each layer; may throw to stop the scan. */
  readonly progress?: (progress: ReadingProgress) => void;
  /** Milliseconds for all layers of one attempt. */
  readonly scanMilliseconds?: number;
}

/** The time of an attempt is up; what was read is stored, and the next attempt goes on behind it. */
export class ReadingPaused extends Error {
  constructor() {
    super('the reading of layers goes on in the next attempt');
    this.name = 'ReadingPaused';
  }
}

/** A failure of the engine's own stores, which says nothing about an image. */
export class OwnStoreFailure extends Error {
  constructor(readonly failure: unknown) {
    super('layers could not be looked up or stored');
    this.name = 'OwnStoreFailure';
  }
}

const ofOwnStore = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw new OwnStoreFailure(error);
  }
};

/**
 * Time of one attempt after which no layer is begun. With the last of them, ten minutes at most, it returns
 * within half an hour, whatever it was given.
 */
export const SCAN_MILLISECONDS = 15 * 60_000;
/** Files of interest that remembered states hold together, which bounds their memory. */
const REMEMBERED_FILES_MAX = 200_000;

/** Records of layers that one scan holds, in characters of their JSON. */
const HELD_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Reads the layers of images for one scan. Images that begin with the same layers share the reading of
 * them, and what an earlier scan read is taken from its records.
 */
export class LayerReader {
  private readonly known = new Map<string, LayerState | LayerFailure>();
  private readonly bodies = new Map<string, ImageLayerBody>();
  private readonly unkept = new Set<string>();
  private readWith: string | null = null;
  private rememberedFiles = 0;
  private heldBytes = 0;
  /** False when layers have no record because a scan cannot hold that many: of the others nothing is said. */
  holdsAll = true;
  private imagesRead = 0;
  private layersRead = 0;
  private layersKnown = 0;
  private layersKept = 0;
  private readonly begun = process.uptime();

  constructor(private readonly options: LayerOptions) {}

  /** A keyed hash of everything that decides what is found. */
  private async readingWith(): Promise<string> {
    const { hash, malware, limits, stored, viruses } = this.options;
    const rules = ['layers', stored?.rules ?? '', malware?.version ?? '', limits ?? {}];
    const known = viruses === undefined ? rules : [...rules, await viruses.version()];
    return (this.readWith ??= hash(JSON.stringify(known)));
  }

  /** True when the next attempt will find more of the layers known than this one did. */
  get hasKept(): boolean {
    return this.options.stored !== undefined && this.layersKept + this.unkept.size > 0;
  }

  /** Records of all layers that were read or known, by chain. */
  get layers(): ReadonlyMap<string, ImageLayerBody> {
    return this.bodies;
  }

  /**
   * Reads all layers of one image, lowest first, and stores what was read of it before the next image is
   * begun.
   *
   * @returns what they hold, or why that cannot be known.
   * @throws LetheError whatever a conversation with the registry throws; ReadingPaused when the time is up
   *   and a next attempt will find more of the layers known.
   */
  async read(manifest: ImageManifest, config: ImageConfig): Promise<LayerState | LayerFailure> {
    const diffIds = config.rootfs?.diff_ids ?? [];
    // Without a digest for every layer nobody could tell what was unpacked.
    if (diffIds.length !== manifest.layers.length) return 'malformed';
    const placed = placedLayers(manifest.layers, diffIds);
    await this.findStored(placed, await this.readingWith());
    try {
      const state = await this.readAll(placed);
      this.imagesRead += 1;
      await this.keep();
      return state;
    } catch (error) {
      if (error instanceof ReadingPaused) await this.keep();
      throw error;
    }
  }

  private async readAll(placed: readonly PlacedLayer[]): Promise<LayerState | LayerFailure> {
    let state = NO_LAYERS;
    for (const at of placed) {
      const next =
        this.known.get(at.chain) ?? this.fromBody(at, state) ?? (await this.fetch(at, state));
      this.remember(at.chain, next);
      if (typeof next === 'string') return next;
      state = next;
    }
    return state;
  }

  /** Looks up, in one question, what earlier scans stored of the layers that are not known yet. */
  private async findStored(placed: readonly PlacedLayer[], readWith: string): Promise<void> {
    const { stored } = this.options;
    const unknown = placed.map(({ chain }) => chain).filter((chain) => !this.bodies.has(chain));
    if (stored === undefined || unknown.length === 0) return;
    const wanted = new Set(unknown);
    for (const found of await ofOwnStore(stored.find(unknown, readWith))) {
      const body = readBack(found, readWith);
      if (body !== null && wanted.delete(body.chain)) this.hold(body);
    }
  }

  /** Holds a record until the observation is made of all of them; false when they became too many. */
  private hold(body: ImageLayerBody): boolean {
    this.heldBytes += JSON.stringify(body).length;
    this.holdsAll &&= this.heldBytes <= HELD_BYTES_MAX;
    if (this.holdsAll) this.bodies.set(body.chain, body);
    return this.holdsAll;
  }

  private fromBody({ chain }: PlacedLayer, below: LayerState): LayerState | undefined {
    const body = this.bodies.get(chain);
    if (body === undefined) return undefined;
    this.layersKnown += 1;
    return stateOver(below, body);
  }

  private async fetch(at: PlacedLayer, below: LayerState): Promise<LayerState | LayerFailure> {
    const { scanMilliseconds = SCAN_MILLISECONDS, hash, progress } = this.options;
    if ((process.uptime() - this.begun) * 1_000 > scanMilliseconds) {
      if (this.hasKept) throw new ReadingPaused();
      return 'too-slow';
    }
    const { imagesRead, layersRead, layersKnown } = this;
    progress?.({ imagesRead, layersRead, layersKnown });
    this.layersRead += 1;
    const state = await this.readNext(at, below);
    if (typeof state === 'string') return state;
    const body = layerBody(at, { below, state }, { hash, readWith: this.readWith ?? '' });
    if (body !== null && this.hold(body)) this.unkept.add(at.chain);
    return state;
  }

  /** Stores what was read since the last time. */
  private async keep(): Promise<void> {
    const { stored } = this.options;
    if (stored === undefined || this.unkept.size === 0) return;
    const bodies = [...this.unkept].flatMap((chain) => this.bodies.get(chain) ?? []);
    this.layersKept += bodies.length;
    this.unkept.clear();
    await ofOwnStore(stored.keep(bodies.map(layerRecord)));
  }

  private async readNext(
    { layer, diffId, index }: PlacedLayer,
    below: LayerState,
  ): Promise<LayerState | LayerFailure> {
    const { client, repository, hash, call, malware, limits, threads } = this.options;
    // Its builder encrypted it for the hosts that run it: there is nothing to unpack.
    if (layer.mediaType.endsWith('+encrypted')) return 'encrypted';
    const read = async (body: AsyncIterable<Buffer>): Promise<LayerState | LayerFailure> => {
      const { found, inspect } = inspectLayer(index, hash, malware);
      const session = this.options.viruses?.begin();
      const order = {
        digest: layer.digest,
        sizeBytes: layer.size,
        diffId,
        below: below.files,
        threads,
        inspect: { ...inspect, ...(session !== undefined && scannedBy(session)) },
        ...(limits !== undefined && { limits }),
      };
      try {
        const reading = await readLayer(body, order);
        const verdict = await session?.end();
        const viruses = virusRisks(index, verdict?.found ?? [], hash);
        return {
          files: reading.files,
          risks: [...below.risks, ...found.risks, ...viruses],
          omittedRisks: below.omittedRisks + found.omitted,
          unpackedBytes: below.unpackedBytes + reading.uncompressedBytes,
          outside: below.outside + reading.outside,
          unscanned: below.unscanned + unscannedOf(verdict),
        };
      } catch (error) {
        session?.abort();
        if (error instanceof LayerTrouble) return error.reason;
        throw error;
      }
    };
    return (await client.readLayer(repository, { layer, read }, call)) ?? 'missing';
  }

  /** What was used last stays; the oldest is forgotten and read again when it is needed. */
  private remember(chain: string, state: LayerState | LayerFailure): void {
    this.forget(chain);
    this.known.set(chain, state);
    this.rememberedFiles += weightOf(state);
    for (const oldest of this.known.keys()) {
      if (this.rememberedFiles <= REMEMBERED_FILES_MAX || oldest === chain) break;
      this.forget(oldest);
    }
  }

  private forget(chain: string): void {
    const state = this.known.get(chain);
    if (state === undefined) return;
    this.known.delete(chain);
    this.rememberedFiles -= weightOf(state);
  }
}

const unscannedOf = (verdict: VirusVerdict | undefined): number =>
  verdict === undefined ? 0 : verdict.failed + verdict.tooLarge;

const scannedBy = (session: VirusSession): Pick<Inspections, 'content' | 'settle'> => ({
  content: (path, size) => session.file(path, size),
  settle: () => session.settle(),
});

const weightOf = (state: LayerState | LayerFailure): number =>
  typeof state === 'string' ? 1 : state.files.size + state.risks.length + 1;
