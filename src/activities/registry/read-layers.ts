import type { Descriptor, ImageConfig } from '../../contracts/schemas/registry';
import {
  LayerTrouble,
  NO_FILES,
  readLayer,
  type ImageFiles,
  type LayerLimits,
  type LayerReason,
} from '../../image-layers';
import type { RegistryClient } from './create-registry-client';
import type { Risk } from './image-risks';
import type { KeyedHash } from './keyed-hash';
import { inspectLayer, type KnownMalware } from './layer-findings';
import type { ImageManifest } from './manifests';
import type { CallOptions } from './session';

/** Why the layers of an image could not be read, when the registry did answer. */
export type LayerFailure = LayerReason | 'missing';

/** What an image has up to and with one of its layers. */
export interface LayerState {
  readonly files: ImageFiles;
  readonly risks: readonly Risk[];
  readonly omittedRisks: number;
  readonly unpackedBytes: number;
  readonly outside: number;
}

/** What layers are read with. */
export interface LayerOptions {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly hash: KeyedHash;
  readonly call: CallOptions;
  readonly malware?: KnownMalware;
  readonly limits?: Partial<LayerLimits>;
  /** Told before each layer; may throw to stop the scan. */
  readonly progress?: (layersRead: number) => void;
}

/** Time for all layers of one scan: the work returns within half an hour, whatever it was given. */
const SCAN_MILLISECONDS = 20 * 60_000;
/** Files of interest that remembered states hold together, which bounds their memory. */
const REMEMBERED_FILES_MAX = 200_000;

const EMPTY: LayerState = Object.freeze({
  files: NO_FILES,
  risks: [],
  omittedRisks: 0,
  unpackedBytes: 0,
  outside: 0,
});

/**
 * Reads the layers of images for one scan. Images that begin with the same layers share the reading of
 * them; nothing is remembered beyond the scan, so that there is no further place with a tenant's data.
 */
export class LayerReader {
  private readonly known = new Map<string, LayerState | LayerFailure>();
  private rememberedFiles = 0;
  private layersRead = 0;
  private readonly begun = process.uptime();

  constructor(private readonly options: LayerOptions) {}

  /**
   * Reads all layers of one image, lowest first.
   *
   * @returns what they hold, or why that cannot be known.
   * @throws LetheError whatever a conversation with the registry throws.
   */
  async read(manifest: ImageManifest, config: ImageConfig): Promise<LayerState | LayerFailure> {
    const diffIds = config.rootfs?.diff_ids ?? [];
    // Without a digest for every layer nobody could tell what was unpacked.
    if (diffIds.length !== manifest.layers.length) return 'malformed';
    let state: LayerState = EMPTY;
    let chain = '';
    for (const [index, layer] of manifest.layers.entries()) {
      const diffId = diffIds[index] ?? '';
      chain += `${layer.digest} ${diffId} ${layer.size}\n`;
      const next = this.known.get(chain) ?? (await this.readNext({ layer, diffId, index }, state));
      this.remember(chain, next);
      if (typeof next === 'string') return next;
      state = next;
    }
    return state;
  }

  private async readNext(
    { layer, diffId, index }: { layer: Descriptor; diffId: string; index: number },
    below: LayerState,
  ): Promise<LayerState | LayerFailure> {
    const { client, repository, hash, call, malware, limits, progress } = this.options;
    if ((process.uptime() - this.begun) * 1_000 > SCAN_MILLISECONDS) return 'too-slow';
    progress?.(this.layersRead);
    this.layersRead += 1;
    const read = async (body: AsyncIterable<Buffer>): Promise<LayerState | LayerFailure> => {
      const { found, inspect } = inspectLayer(index, hash, malware);
      const order = {
        digest: layer.digest,
        sizeBytes: layer.size,
        diffId,
        below: below.files,
        inspect,
        ...(limits !== undefined && { limits }),
      };
      try {
        const reading = await readLayer(body, order);
        return {
          files: reading.files,
          risks: [...below.risks, ...found.risks],
          omittedRisks: below.omittedRisks + found.omitted,
          unpackedBytes: below.unpackedBytes + reading.uncompressedBytes,
          outside: below.outside + reading.outside,
        };
      } catch (error) {
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

const weightOf = (state: LayerState | LayerFailure): number =>
  typeof state === 'string' ? 1 : state.files.size + state.risks.length + 1;
