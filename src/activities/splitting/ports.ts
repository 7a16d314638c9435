import type { BreakerPorts } from '../control/breaker';
import type { ArchivePorts } from '../disposition/ports';
import type { VerifierPorts } from '../verification/ports';

/** Logins of a split: the archiver writes, the verifier reads and judges; neither can remove anything. */
export interface SplitPorts {
  readonly archive: ArchivePorts;
  readonly verifier: VerifierPorts;
  readonly breaker: BreakerPorts;
}
