/** Bounds of a conversation with a registry; every answer of it belongs to somebody else. */
export interface RegistryLimits {
  /** Milliseconds for one request from the name lookup to the last byte. */
  readonly requestMs: number;
  /** Bytes of one page of a listing; a registry that ignores `n` sends all tags at once. */
  readonly listBytes: number;
  /** Bytes of a manifest or an index; the distribution specification asks for at least 4 MiB. */
  readonly manifestBytes: number;
  /** Bytes of an image's configuration; real ones have a few kilobytes. */
  readonly configBytes: number;
  /** Bytes of one layer as it is stored, and milliseconds until its last byte, however often it breaks off. */
  readonly layerBytes: number;
  readonly layerMs: number;
  /** Bytes of a token service's answer. */
  readonly tokenBytes: number;
  /** Items asked for per page; a registry may refuse more than 100 and may ignore the number. */
  readonly pageItems: number;
  /** Pages of one listing. */
  readonly pages: number;
  /** Items of one listing. */
  readonly items: number;
  /** Milliseconds for all pages of one listing. */
  readonly listMs: number;
  /** Times a request is sent again after 429, 502, 503, 504 or a broken connection. */
  readonly retries: number;
  /** Milliseconds before the first repetition; doubled each time. */
  readonly retryBaseMs: number;
  /** Longest `Retry-After` that is waited for here; a longer one ends the request at once. */
  readonly retryAfterMsMax: number;
}

/** The bounds in production. */
export const REGISTRY_LIMITS: RegistryLimits = Object.freeze({
  requestMs: 30_000,
  listBytes: 4 * 1024 * 1024,
  manifestBytes: 4 * 1024 * 1024,
  configBytes: 4 * 1024 * 1024,
  layerBytes: 8 * 1024 * 1024 * 1024,
  layerMs: 10 * 60_000,
  tokenBytes: 64 * 1024,
  pageItems: 100,
  pages: 1_000,
  items: 10_000,
  listMs: 5 * 60_000,
  retries: 3,
  retryBaseMs: 250,
  retryAfterMsMax: 10_000,
});
