/** Ways of packing that the first bytes of a layer tell and that are not unpacked here. */
export type UnreadPacking = 'bzip2' | 'xz' | 'lz4';

/** Why a layer cannot be read to its end. */
export type LayerReason =
  'digest-mismatch' | 'malformed' | 'too-large' | 'too-slow' | `packed-with-${UnreadPacking}`;

/** A layer contradicts itself or its digests, or is larger than one image may be. */
export class LayerTrouble extends Error {
  constructor(
    readonly reason: LayerReason,
    readonly what: string,
  ) {
    super(`the layer ${what}`);
    this.name = 'LayerTrouble';
  }
}
