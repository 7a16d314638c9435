import { LetheError } from '../../../domain/errors';
import { openPeriod, type TenantFacts } from '../tenant-facts';

/**
 * Configuration is taken while the Feature is in use and the attestations stand; what came later would
 * lie in a generation whose end is already planned.
 *
 * @throws LetheError FEATURE_NOT_ACTIVE; ATTESTATION_REQUIRED while one is withdrawn.
 * @source CC-3, AT-1
 */
export function assertFeatureInUse(facts: TenantFacts): void {
  if (openPeriod(facts, 'Feature') === undefined) {
    throw new LetheError('FEATURE_NOT_ACTIVE', 'the Feature is not in use; reactivate it first');
  }
  if (facts.attestationWithdrawn) {
    throw new LetheError(
      'ATTESTATION_REQUIRED',
      'an attestation was withdrawn; attest the minimum age again first',
    );
  }
}
