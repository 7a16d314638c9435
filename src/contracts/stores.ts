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
