/**
 * The policies that were reviewed as code: id and version, and the SHA-256 over the canonical JSON of the
 * document. The engine takes no other, so changing a number takes a change here that colleagues see.
 */
export const REVIEWED_POLICIES: Readonly<Record<string, string>> = Object.freeze({
  'container-security@1': 'b38fe17d2d62e7fb0bf92a40fdb8736ed69288e7aa5c7a4e22d98e5692522e86',
});
