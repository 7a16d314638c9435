/** A document as every collection stores it; the body is the only free part. */
export interface StoredDocument {
  /** Deterministic version id. */
  readonly _id: string;
  readonly tenantId: string;
  /** Asset, or generation of the configuration: what is read and destroyed together. */
  readonly assetId: string;
  readonly contentDigest: string;
  readonly [field: string]: unknown;
}

/** Names a collection by its place in the inventory, e.g. `mongodb:assets.fingerprints`. */
export type CollectionLocation = `mongodb:${'assets' | 'configuration'}.${string}`;

/** Documents of explicitly named ids; there is no way to address them by a predicate. */
export interface DocumentBatch {
  readonly location: CollectionLocation;
  readonly tenantId: string;
  readonly assetId: string;
  readonly ids: readonly string[];
}
