import type { SqlPool } from '../../contracts/sql';
import type { EvidenceLedger, HostingSystem } from '../../contracts/stores';
import type { DeriveWindow } from '../../contracts/windows';
import type { BreakerPorts } from '../control/breaker';
import type { ObjectStore } from '../objects/object-address';
import type { PurgePorts } from '../disposition/purge-batch';
import type { Pulse } from '../disposition/ports';

/** Logins of the irreversible part; none of them can do more than its own step. */
export interface DestructionPorts {
  /** The control login: facts, states, tombstones. */
  readonly control: SqlPool;
  /** The issuer's logins: permits in control, permits in the key store. */
  readonly issuer: SqlPool;
  readonly keyIssuer: SqlPool;
  /** The destroyer's login on the key store. */
  readonly destroyer: SqlPool;
  /** The destroyer's account at the object store. */
  readonly objects: ObjectStore;
  readonly purge: PurgePorts;
  /** Where a trip of the circuit breaker takes effect. */
  readonly breaker: BreakerPorts;
  readonly hosting: HostingSystem;
  readonly ledger: EvidenceLedger;
  readonly derive: DeriveWindow;
  readonly newToken: () => string;
  readonly pulse: Pulse;
}
