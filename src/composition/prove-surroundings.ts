import { assertControlStands } from '../activities/restore-gate/assert-control-stands';
import { assertMaySign } from '../activities/evidence/signed-checkpoint';
import { LetheError } from '../domain/errors';
import type { Config } from '../platform/config';
import { probeClock } from '../platform/mysql';
import type { EngineOptions, SharedParts } from './stores-of-roles';

/**
 * What a worker proves before it takes any work: that no session can move the databases' clock, that
 * production and simulation are what their name says, that its signing keys are valid now, and that nobody
 * restored control or the ledger behind what was exported without replaying what was lost: holds of the
 * time between would be forgotten.
 *
 * @throws LetheError CLOCK_UNSAFE, ENVIRONMENT_MISMATCH, CONFIGURATION_INVALID or VERIFICATION_FAILED; the
 * worker does not start then.
 */
export async function proveSurroundings(
  config: Config,
  { stores, signing }: EngineOptions,
  { ledger, checkpoints }: SharedParts,
): Promise<void> {
  await probeClock(stores.sql('control', 'control'));
  await probeClock(stores.sql('destroyer', 'keys'));
  const simulated = (await ledger.clock()) === 'simulated';
  if (simulated !== config.simulation) {
    throw new LetheError(
      'ENVIRONMENT_MISMATCH',
      'the environment has the other kind of clock than its name says',
      { field: 'LETHE_ENVIRONMENT' },
    );
  }
  const now = await ledger.instant();
  assertMaySign(signing.list, signing.log.keyId, now);
  assertMaySign(signing.list, signing.certificate.keyId, now);
  await assertControlStands(checkpoints);
}
