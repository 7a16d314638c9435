import type { HostingService } from '../domain/record-class';
import type { ConfigurationKind, StagedBody } from './commands';

/** Appends to the evidence ledger; the same act (kind and subject) is recorded once. */
export interface EvidenceLedger {
  append(act: {
    readonly tenantId: string | null;
    readonly kind: string;
    /** Names the act, e.g. the command's key or the run and due day. */
    readonly subject: string;
    /** Ids, counts, digests and instants; never content. */
    readonly details: Readonly<Record<string, unknown>>;
  }): Promise<void>;
}

/** Writes configuration, encrypted under the key of its generation. @source ST-2 */
export interface ConfigurationWriter {
  /**
   * Takes the staged body, validates it strictly and inserts a version. Safe to repeat: the version's
   * id follows from the command.
   */
  write(change: {
    readonly tenantId: string;
    readonly generation: number;
    readonly configurationKind: ConfigurationKind;
    readonly settingId: string;
    readonly body: StagedBody;
    readonly idempotencyKey: string;
    readonly changedAt: string;
  }): Promise<{ readonly versionId: string }>;
}

/** Links assets to Hosting Services; rows are inserted, never changed. @source HS-1 */
export interface LinkWriter {
  link(order: {
    readonly tenantId: string;
    readonly assetId: string;
    readonly services: readonly HostingService[];
    readonly linkedAt: string;
  }): Promise<void>;
  /** Adds a service to the assets that belong to none in particular. */
  linkUnbound(order: {
    readonly tenantId: string;
    readonly service: HostingService;
    readonly linkedAt: string;
  }): Promise<void>;
}

/** Data keys: one per (run, due day) and one per (tenant, configuration generation). */
export interface DataKeys {
  /**
   * Returns the 32-byte key, making it first when there is none. `notBefore`: no permit destroys it
   * earlier; it is fixed when the key is made.
   *
   * @throws LetheError KEY_DESTROYED when it has a tombstone; it is never made again.
   */
  ensure(key: {
    readonly keyRef: string;
    readonly tenantId: string;
    readonly notBefore: string;
  }): Promise<Buffer>;
  /** @throws LetheError KEY_DESTROYED, or STORE_REFUSED when there never was one. */
  read(key: { readonly keyRef: string; readonly tenantId: string }): Promise<Buffer>;
}

/** What a body in staging is for; each purpose is taken by one login. */
export type StagingPurpose = 'configuration' | 'host-report' | 'hold-ground';

/** Puts a body where only the accepting side can take it; nothing can be read back here. */
export interface StagingWriter {
  /** Stages the canonical JSON of `body`; the digest is of those bytes. */
  stage(tenantId: string, body: unknown): Promise<StagedBody>;
}

/** Where bodies wait, by what they are for: an account that can insert and read nothing back. */
export interface BodyStaging {
  readonly configuration: StagingWriter;
  readonly reports: StagingWriter;
  readonly grounds: StagingWriter;
}

/** What the hosting system of record says of one service of a tenant. */
export interface HostedService {
  readonly service: HostingService;
  readonly state: 'active' | 'ended';
  /** Start of the newest use; null when it is not known. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/** The hosting system of record; asked again before anything is destroyed. @source AB-2 */
export interface HostingSystem {
  /** @throws LetheError SERVICE_STATE_UNKNOWN when it gives no clear answer: data is kept then. */
  servicesOf(tenantId: string): Promise<readonly HostedService[]>;
}
