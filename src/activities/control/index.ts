import type { ControlActivities } from '../../contracts/activities';
import { acceptCommand, type AcceptPorts } from './accept-command';
import { refreshTenant } from './refresh-tenant';
import { placeHold } from './holds';
import {
  approveHoldRelease,
  requestHoldRelease,
  settleHoldRelease,
  withdrawHoldRelease,
} from './release-hold';
import { reviewHold } from './review-hold';

/** The activities over control; the only way in which a tenant's facts change. */
export function createControlActivities(ports: AcceptPorts): ControlActivities {
  return {
    acceptCommand: (input) => acceptCommand(ports, input),
    refresh: ({ tenantId }) => refreshTenant(ports, tenantId),
    placeHold: (order) => placeHold(ports, order),
    requestHoldRelease: (order) => requestHoldRelease(ports, order),
    approveHoldRelease: (order) => approveHoldRelease(ports, order),
    withdrawHoldRelease: (order) => withdrawHoldRelease(ports, order),
    settleHoldRelease: (order) => settleHoldRelease(ports, order),
    reviewHold: (order) => reviewHold(ports, order),
  };
}
