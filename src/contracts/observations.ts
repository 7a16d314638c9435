import type { HostingService } from '../domain/record-class';

/** The 15 kinds of fingerprints the agreement names. @source DC-1 */
export const FINGERPRINT_KINDS = Object.freeze([
  'resource-monitoring',
  'account',
  'port',
  'software-application',
  'process',
  'database',
  'web-application',
  'web-service',
  'web-framework',
  'web-site',
  'jar-package',
  'startup-service',
  'scheduled-task',
  'environment-variable',
  'kernel-module',
] as const);

/** A kind of fingerprint. */
export type FingerprintKind = (typeof FINGERPRINT_KINDS)[number];

/** What an asset can be. @source DC-1, DC-2 */
export const ASSET_KINDS = Object.freeze([
  'host',
  'container',
  'cluster',
  'image-repository',
] as const);

/** A kind of asset. */
export type AssetKind = (typeof ASSET_KINDS)[number];

/** Where an observed record is stored; the asset's own basics go to `mysql:assets.assets`. */
export type ObservedLocation =
  'mongodb:assets.fingerprints' | 'mongodb:assets.images' | 'mysql:assets.image_risks';

/** One thing that was seen on an asset. */
export interface ObservedRecord {
  readonly location: ObservedLocation;
  /** Fingerprint kind, `image`, or kind of risk. */
  readonly kind: string;
  /** What makes two sightings the same thing, e.g. `tcp:0.0.0.0:22`; hashed before it is stored as an id. */
  readonly identity: string;
  /** Plain JSON without secrets; stored as it is. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * Services an asset belongs to: named ones, those it is linked to already (`linked`; none is refused),
 * those of another asset of the same observation, or all the tenant has. @source HS-1
 */
export type ObservedLinks =
  | { readonly to: 'services'; readonly services: readonly HostingService[] }
  | { readonly to: 'linked' }
  | { readonly to: 'same-as'; readonly assetId: string }
  | { readonly to: 'all' };

/** One asset as one scan saw it. */
export interface ObservedAsset {
  readonly assetId: string;
  readonly assetKind: AssetKind;
  readonly links: ObservedLinks;
  /** Basics of the asset itself. */
  readonly basics: Readonly<Record<string, unknown>>;
  /** Kinds that were read completely: of these, what is missing has vanished; of others nothing is known. */
  readonly completeKinds: readonly string[];
  readonly records: readonly ObservedRecord[];
}

/** Everything one scan saw, whatever its source. */
export interface Observation {
  readonly tenantId: string;
  readonly scanId: string;
  readonly source: 'host-report' | 'registry';
  /** When it was seen; not later than the database's clock and not earlier than the asset's last scan. */
  readonly observedAt: string;
  readonly assets: readonly ObservedAsset[];
}
