import type { DestructionActivities } from '../../contracts/activities';
import { destroyDue } from './destroy-due';
import { verifyAndCertify, type VerifyAndCertifyPorts } from './verify-and-certify';

/** The irreversible part, and the proof of it by somebody else. */
export function createDestructionActivities(ports: VerifyAndCertifyPorts): DestructionActivities {
  return {
    destroyDue: (order) => destroyDue(ports.destruction, order),
    verifyAndCertify: (order) => verifyAndCertify(ports, order),
  };
}
