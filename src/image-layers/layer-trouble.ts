/** Why a layer cannot be read to its end. */
export type LayerReason =
  'digest-mismatch' | 'malformed' | 'too-large' | 'unsupported' | 'too-slow';

/** A layer contradicts itself or its digests, or is larger than one image may be. */
export class LayerTrouble extends Error {
  constructor(
    readonly reason: LayerReason,
    what: string,
  ) {
    super(`the layer ${what}`);
    this.name = 'LayerTrouble';
  }
}
