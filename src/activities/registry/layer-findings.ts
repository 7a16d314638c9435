import { nameText } from '../../collector/text';
import type { Inspections } from '../../image-layers';
import { findSecrets, holdsSecret } from '../../sensitive-values';
import type { FoundVirus } from './clamd';
import { sensitiveAt, type Risk } from './image-risks';
import type { KeyedHash } from './keyed-hash';

/** Digests of files that are known to be malware. */
export interface KnownMalware {
  /** Changes whenever another file would be found. */
  readonly version: string;
  has(sha256: string): boolean;
}

/** Findings of one layer; one that has more is bad enough. */
const FINDINGS_MAX = 1_000;

/** What was found in one layer, and how much more than is kept. */
export interface LayerFindings {
  readonly risks: Risk[];
  omitted: number;
}

/**
 * Makes the inspections of one layer. What a later layer hides is found too: whoever has the image has
 * every layer of it. The secrets themselves end here. @source SD-1
 */
export function inspectLayer(
  index: number,
  hash: KeyedHash,
  malware: KnownMalware | undefined,
): { readonly found: LayerFindings; readonly inspect: Inspections } {
  const found: LayerFindings = { risks: [], omitted: 0 };
  const add = (risks: readonly Risk[]): void => {
    const room = FINDINGS_MAX - found.risks.length;
    found.risks.push(...risks.slice(0, room));
    found.omitted += Math.max(0, risks.length - room);
  };
  const placed = (path: string): string => `layers[${index}]:${shownPath(path, hash)}`;
  const inspect: Inspections = {
    text: (path, text) => {
      add(sensitiveAt(placed(path), findSecrets(text), hash));
    },
    ...(malware !== undefined && {
      digest: (path: string, sha256: string) => {
        if (malware.has(sha256)) add([malwareAt(placed(path), sha256)]);
      },
    }),
  };
  return { found, inspect };
}

/** What clamd found in a layer, as risks in their places. */
export const virusRisks = (
  index: number,
  found: readonly FoundVirus[],
  hash: KeyedHash,
): readonly Risk[] =>
  found.slice(0, FINDINGS_MAX).map(({ path, sha256, signature }) => ({
    kind: 'malware',
    ruleId: 'clamd-signature',
    severity: 'critical',
    place: `layers[${index}]:${shownPath(path, hash)}`,
    secretHashes: [],
    sha256,
    signature,
  }));

const malwareAt = (place: string, sha256: string): Risk => ({
  kind: 'malware',
  ruleId: 'listed-digest',
  severity: 'critical',
  place,
  secretHashes: [],
  sha256,
});

/** A path as it may be kept: bounded, visible, and no secret itself. */
export const shownPath = (path: string, hash: KeyedHash): string =>
  holdsSecret(path) ? `redacted:${hash(path)}` : nameText(`/${path}`);
