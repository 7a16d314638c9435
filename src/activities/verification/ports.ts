import type { SqlPool } from '../../contracts/sql';
import type { DataKeys } from '../../contracts/stores';
import type { DeriveWindow } from '../../contracts/windows';
import type { DocumentStore } from '../mongo/documents';
import type { ObjectStore } from '../objects/object-address';
import type { ObjectLock } from '../objects/object-lock';
import type { Pulse } from '../disposition/ports';
import type { PartProofs } from './part-proofs';

/** The verifier's own logins: they read everything and write verdicts only. */
export interface VerifierPorts {
  readonly control: SqlPool;
  readonly assets: SqlPool;
  readonly configuration: SqlPool;
  readonly keysTable: SqlPool;
  readonly documents: DocumentStore;
  readonly objects: ObjectStore;
  readonly inbox: ObjectStore;
  readonly keys: DataKeys;
  readonly derive: DeriveWindow;
  readonly lock: (earliestAt: string) => ObjectLock;
  readonly pulse: Pulse;
  readonly proofs: PartProofs;
}
