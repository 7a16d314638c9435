import { createHash } from 'node:crypto';
import type { ObservedRecord } from '../../contracts/observations';
import type { ImageLayerBody } from '../../contracts/schemas/image-contents';
import { parseImageRecord } from '../../contracts/schemas/images';
import type { Descriptor } from '../../contracts/schemas/registry';
import { isLetheError } from '../../domain/errors';
import { changeBetween, laidOver, type ImageFiles } from '../../image-layers';
import type { Risk } from './image-risks';
import type { KeyedHash } from './keyed-hash';
import { shownPath } from './layer-findings';
import type { LayerState } from './layer-state';

/**
 * Layers that earlier scans of the same tenant read: records of kind `image-layer` among the live data,
 * with the life of every other observation. There is no cache beside them.
 */
export interface StoredLayers {
  /** Changes with the code that reads layers: what older code found is read again. */
  readonly rules: string;
  /** Bodies of records by their chains, as far as they are there, may be used and were read like this. */
  find(chains: readonly string[], readWith: string): Promise<readonly unknown[]>;
  /** Stores layers that were just read, so that a scan that breaks off does not read them again. */
  keep(records: readonly ObservedRecord[]): Promise<void>;
}

/** A layer in its place: the digest over it and all below it says which. */
export interface PlacedLayer {
  readonly layer: Descriptor;
  readonly diffId: string;
  readonly index: number;
  readonly chain: string;
}

/** Longest record of one layer as JSON; a longer one is not stored, and the layer is read again. */
const RECORD_BYTES_MAX = 1024 * 1024;

/** Layers with their chains, lowest first. */
export function placedLayers(
  layers: readonly Descriptor[],
  diffIds: readonly string[],
): readonly PlacedLayer[] {
  const hash = createHash('sha256');
  return layers.map((layer, index) => {
    const diffId = diffIds[index] ?? '';
    hash.update(`${layer.digest} ${diffId} ${layer.size}\n`);
    return { layer, diffId, index, chain: hash.copy().digest('hex') };
  });
}

/**
 * What is stored of a layer that was read; null when it cannot be told without leaving something out,
 * because a path holds a secret or is too long: then the layer is read again.
 */
export function layerBody(
  { layer, diffId, chain }: PlacedLayer,
  { below, state }: { readonly below: LayerState; readonly state: LayerState },
  { hash, readWith }: { readonly hash: KeyedHash; readonly readWith: string },
): ImageLayerBody | null {
  // What nobody could scan is not remembered as scanned.
  if (state.unscanned > below.unscanned) return null;
  const change = changeBetween(below.files, state.files);
  const isPlain = (path: string): boolean => shownPath(path, hash) === `/${path}`;
  const places = [...change.files.values()].flatMap(({ unread }) => unread);
  const paths = [...change.hidden, ...change.files.keys(), ...places.map(({ place }) => place)];
  if (!paths.every(isPlain)) return null;
  const body = {
    chain,
    readWith,
    digest: layer.digest,
    diffId,
    sizeBytes: layer.size,
    unpackedBytes: state.unpackedBytes - below.unpackedBytes,
    entriesOutside: state.outside - below.outside,
    hidden: change.hidden,
    files: [...change.files].sort(byPath).map(([path, { packages, unread, distribution }]) => ({
      path,
      packages,
      unread,
      distribution: distribution ?? null,
    })),
    findings: state.risks.slice(below.risks.length).map((risk) => ({
      ...risk,
      sha256: risk.kind === 'malware' ? risk.sha256 : null,
    })),
    omittedFindings: state.omittedRisks - below.omittedRisks,
  };
  if (Buffer.byteLength(JSON.stringify(body)) > RECORD_BYTES_MAX) return null;
  return parsedOrNull(body);
}

/** The record of a stored layer. */
export const layerRecord = (body: ImageLayerBody): ObservedRecord => ({
  location: 'mongodb:assets.images',
  kind: 'image-layer',
  identity: body.chain,
  body,
});

/** A stored body, if it is one: what was redacted on its way is not what was read. */
export function readBack(body: unknown, readWith: string): ImageLayerBody | null {
  if (JSON.stringify(body).includes('[redacted')) return null;
  const parsed = parsedOrNull(body);
  return parsed?.readWith === readWith ? parsed : null;
}

/** What an image has with a layer that was read before, laid over the same layers as then. */
export function stateOver(below: LayerState, body: ImageLayerBody): LayerState {
  const files: ImageFiles = new Map(
    body.files.map(({ path, packages, unread, distribution }) => [
      path,
      { packages, unread, ...(distribution !== null && { distribution }) },
    ]),
  );
  return {
    files: laidOver(below.files, { hidden: body.hidden, files }),
    risks: [...below.risks, ...body.findings.map(riskOf)],
    omittedRisks: below.omittedRisks + body.omittedFindings,
    unpackedBytes: below.unpackedBytes + body.unpackedBytes,
    outside: below.outside + body.entriesOutside,
    unscanned: below.unscanned,
  };
}

function riskOf(found: ImageLayerBody['findings'][number]): Risk {
  const { sha256, kind, signature, ...finding } = found;
  if (kind !== 'malware') return { ...finding, kind };
  return { ...finding, kind, sha256: sha256 ?? '', ...(signature !== undefined && { signature }) };
}

function parsedOrNull(body: unknown): ImageLayerBody | null {
  try {
    return parseImageRecord('image-layer', body);
  } catch (error) {
    if (isLetheError(error)) return null;
    throw error;
  }
}

const byPath = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;
