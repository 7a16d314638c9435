import type { Observation } from '../../contracts/observations';
import type { HostingService } from '../../domain/record-class';
import type { SqlPool } from '../../contracts/sql';
import type { DocumentStore } from '../mongo/documents';

/** Logins and functions of the side that writes observations: it can insert and read, nothing else. */
export interface IngestPorts {
  /** The collector's login on control: facts, leases, orders, staging and results. */
  readonly control: SqlPool;
  /** The collector's login on live asset data. */
  readonly assets: SqlPool;
  readonly documents: DocumentStore;
  /** Tells that the work is alive; may throw when it was cancelled, so that nothing new is begun. */
  readonly heartbeat: () => void;
  /** Resolves after `milliseconds`, or earlier when the work is cancelled. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** An order to read one repository of a registry. */
export interface RegistryOrder {
  readonly tenantId: string;
  readonly scanId: string;
  /** Base URL of the registry. */
  readonly registry: string;
  readonly repository: string;
  /** Services the repository belongs to; absent: all the tenant has. */
  readonly services?: readonly HostingService[];
}

/** What a reading of a registry is given beside its order. */
export interface RegistryReading extends RegistryOrder {
  /** When the reading began, by the database's clock; the observation's instant. */
  readonly observedAt: string;
  /** Asked before every request; false when the customer's authorization has ended. @source SH-1 */
  readonly stillAuthorized: () => Promise<boolean>;
  /** Layers that earlier scans, or earlier attempts at this one, have stored. */
  readonly layers: {
    find(chains: readonly string[], readWith: string): Promise<readonly unknown[]>;
    /** Stores a part of the observation at once; nothing is concluded from what is not in it. */
    keep(part: Observation): Promise<void>;
  };
}

/** What a reading of a registry's catalog is given; `repository` is the scope. */
export type CatalogReading = Pick<
  RegistryReading,
  'tenantId' | 'registry' | 'repository' | 'stillAuthorized'
>;

/** What scans need beside the stores. */
export interface ScanPorts extends IngestPorts {
  /**
   * Reads a delivered host report; pure.
   *
   * @throws LetheError INVALID_INPUT and its like when it is no report.
   */
  readonly parseReport: (
    bytes: Buffer,
    scan: { readonly tenantId: string; readonly scanId: string },
  ) => Observation;
  /**
   * Reads a registry; stops when `signal` says that it may not be read any longer.
   *
   * @returns null when the time of one attempt is up: the next one goes on behind what was kept.
   * @throws LetheError retryable codes while the registry is away, others when it cannot be read.
   */
  readonly observeRegistry: (
    reading: RegistryReading,
    signal: AbortSignal,
  ) => Promise<Observation | null>;
  /**
   * Names of the repositories that a registry's catalog lists within a scope, and how many entries there are
   * no names.
   *
   * @throws LetheError as `observeRegistry` does; ACCESS_DENIED or STORE_REFUSED when it gives no catalog.
   */
  readonly listRepositories: (
    reading: CatalogReading,
    signal: AbortSignal,
  ) => Promise<{ readonly names: readonly string[]; readonly malformed: number }>;
  /** Tells how far a scan of many repositories is. */
  readonly through?: (done: number, listed: number) => void;
  /** Milliseconds after which an attempt begins no further repository; absent: five minutes. */
  readonly attemptMilliseconds?: number;
}
