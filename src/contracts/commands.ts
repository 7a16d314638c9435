import type { HostingService, RecordClass } from '../domain/record-class';

/** Kinds of console configuration. @source DC-3 */
export const CONFIGURATION_KINDS = Object.freeze([
  'detection-setting',
  'whitelist',
  'console-setting',
] as const);

/** Which family a configuration change belongs to; the strict schema of its body is chosen by it. */
export type ConfigurationKind = (typeof CONFIGURATION_KINDS)[number];

/** Statement that end users have reached the age of consent, per jurisdiction. @source AT-1 */
export interface MinimumAgeAttestation {
  /** ISO 3166-1 alpha-2 country code, e.g. `SG`. */
  readonly jurisdiction: string;
  /** Minimum age in years that the tenant attests for its end users. */
  readonly minimumAge: number;
}

/** A body that never enters a history: where it waits and what it must hash to. */
export interface StagedBody {
  readonly stagingId: string;
  /** SHA-256 of the canonical body, hexadecimal. */
  readonly digest: string;
}

/** What a customer shares: content, so it goes through staging. @source SH-1 */
export interface SharingGrant {
  /** Registry address, `host` or `host:port`. */
  readonly registry: string;
  /** Repository names, prefixes ending in `/*`, or `*` for all that the registry holds. */
  readonly repositories: readonly string[];
  readonly validUntil: string;
}

/** Which repositories are to be read: content, so it goes through staging. @source DC-2 */
export interface RepositoryScan {
  /** Base URL of the registry, `http://` only where the operator allows it. */
  readonly registry: string;
  /** A name; or a prefix ending in `/*`, or `*`: every one that the registry's catalog lists there. */
  readonly repository: string;
  /** Services the repository belongs to; absent: linked to all of the tenant's. */
  readonly services?: readonly HostingService[];
}

/** Bodies of every command as histories keep them: no content; instants are RFC 3339 with an offset. */
export interface CommandBodies {
  readonly subscribe: {
    /** IANA zone of the contract: civil dates are its dates. */
    readonly zone: string;
    /** Working-day calendars; the strictest counts. */
    readonly calendars: readonly string[];
    readonly services: readonly HostingService[];
    readonly attestations: readonly MinimumAgeAttestation[];
  };
  readonly attachService: { readonly service: HostingService };
  readonly endService: {
    readonly service: HostingService;
    /** When the use really ended; in the past it needs a second person. Default: acceptance. */
    readonly endedAt?: string;
    readonly approvedBy?: string;
    /** Two signed {@link Decision}s, of who reports an end in the past and of who approves it. */
    readonly documents?: readonly string[];
  };
  readonly linkAsset: { readonly assetId: string; readonly services: readonly HostingService[] };
  /** A {@link SharingGrant} that waits in staging, under an opaque id. */
  readonly grantSharing: StagedBody & { readonly authorizationId: string };
  readonly revokeSharing: { readonly authorizationId: string };
  readonly changeConfiguration: StagedBody & {
    readonly configurationKind: ConfigurationKind;
    readonly settingId: string;
  };
  readonly endFeature: {
    readonly endedAt?: string;
    readonly approvedBy?: string;
    readonly documents?: readonly string[];
  };
  readonly reactivateFeature: Record<string, never>;
  readonly attestMinimumAge: { readonly attestations: readonly MinimumAgeAttestation[] };
  readonly withdrawAttestation: { readonly jurisdiction: string };
  readonly requestDeletion: { readonly requestId: string; readonly recordClass: RecordClass };
  readonly withdrawDeletion: { readonly requestId: string };
  /** A signed {@link DeletionOrder}, as it travels. */
  readonly submitOrder: { readonly order: string };
  /** A signed {@link DeletionApproval} by another person. */
  readonly approveOrder: { readonly approval: string };
  /** A signed {@link OrderStop} before the order is approved. */
  readonly denyOrder: { readonly denial: string };
  /** A signed {@link OrderStop} once it is. */
  readonly revokeOrder: { readonly revocation: string };
  readonly requestScan:
    | { readonly source: 'host-report'; readonly report: StagedBody }
    /** A {@link RepositoryScan} that waits in staging. */
    | (StagedBody & { readonly source: 'registry' });
}

/** Names of all commands. */
export type CommandKind = keyof CommandBodies;

/** A command as it travels: who, which key makes it safe to repeat, and the body. */
export interface Command<K extends CommandKind = CommandKind> {
  readonly kind: K;
  /** The same key with the same body is answered with the first result; with another body refused. */
  readonly idempotencyKey: string;
  /** Opaque id of the person or system; never a name or an address. */
  readonly requestedBy: string;
  readonly body: CommandBodies[K];
}

/** What a command is answered with. */
export interface CommandReceipt {
  readonly kind: CommandKind;
  readonly idempotencyKey: string;
  /** Instant of acceptance by the database clock. */
  readonly acceptedAt: string;
  /** True when the same key was accepted before and this is its first answer. */
  readonly repeated: boolean;
  /** Ids and instants that the command produced. */
  readonly result: Readonly<Record<string, string | number | boolean | null>>;
}

/** Every command kind, in the order of a tenant's life. */
export const COMMAND_KINDS = Object.freeze([
  'subscribe',
  'attachService',
  'endService',
  'linkAsset',
  'grantSharing',
  'revokeSharing',
  'changeConfiguration',
  'endFeature',
  'reactivateFeature',
  'attestMinimumAge',
  'withdrawAttestation',
  'requestDeletion',
  'withdrawDeletion',
  'submitOrder',
  'approveOrder',
  'denyOrder',
  'revokeOrder',
  'requestScan',
] as const satisfies readonly CommandKind[]);
