import type { DestructionActivities, Progress } from '../../contracts/activities';
import type { SplitPorts } from '../splitting/ports';
import { splitDue } from '../splitting/split-due';
import { destroyDue } from './destroy-due';
import { verifyAndCertify, type VerifyAndCertifyPorts } from './verify-and-certify';

/** The irreversible part, and the proof of it by somebody else. */
export function createDestructionActivities(
  ports: VerifyAndCertifyPorts & { readonly splitting: SplitPorts },
): DestructionActivities {
  return {
    destroyDue: (order) => splitAndDestroy(ports, order),
    verifyAndCertify: (order) => verifyAndCertify(ports, order),
  };
}

/** What holds cover of what is due is withheld first; the rest goes, and what is not split stays held. */
async function splitAndDestroy(
  ports: Pick<VerifyAndCertifyPorts, 'destruction'> & { readonly splitting: SplitPorts },
  order: { readonly tenantId: string; readonly workflowNow: string },
): Promise<Progress> {
  const { split, blockedOn } = await splitDue(ports.splitting, order);
  const progress = await destroyDue(ports.destruction, order);
  return {
    done: progress.done && blockedOn === null,
    blockedOn: blockedOn ?? progress.blockedOn,
    counts: split === 0 ? progress.counts : { ...progress.counts, split },
  };
}
