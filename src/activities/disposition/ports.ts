import type { SqlPool } from '../../contracts/sql';
import type { DataKeys, EvidenceLedger } from '../../contracts/stores';
import type { DeriveWindow } from '../../contracts/windows';
import type { DocumentStore } from '../mongo/documents';
import type { ObjectStore } from '../objects/object-address';
import type { ObjectLock } from '../objects/object-lock';

/** What every long piece of work reports to: its heartbeat, which also tells it to stop. */
export interface Pulse {
  /** Reports progress; throws when the attempt was cancelled, so that nothing new is begun. */
  beat(progress: Readonly<Record<string, string | number>>): void;
}

/** Logins and functions of the side that archives: it reads live data and cannot remove any. */
export interface ArchivePorts {
  /** The control login: facts, events and states. */
  readonly control: SqlPool;
  /** The archiver's login on control: manifests, batches, cohorts. */
  readonly manifests: SqlPool;
  readonly assets: SqlPool;
  readonly configuration: SqlPool;
  readonly documents: DocumentStore;
  readonly objects: ObjectStore;
  readonly keys: DataKeys;
  readonly ledger: EvidenceLedger;
  readonly derive: DeriveWindow;
  /** How versions are locked until their key is gone; retention-only providers get an instant. */
  readonly lock: (earliestAt: string) => ObjectLock;
  /** A fresh token of 26 lower-case letters and digits. */
  readonly newToken: () => string;
  readonly pulse: Pulse;
}
