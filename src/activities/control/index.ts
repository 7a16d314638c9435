import type { ControlActivities } from '../../contracts/activities';
import { acceptCommand, refreshTenant, type AcceptPorts } from './accept-command';
import { placeHold, releaseHold } from './holds';

/** The activities over control; the only way in which a tenant's facts change. */
export function createControlActivities(ports: AcceptPorts): ControlActivities {
  return {
    acceptCommand: (input) => acceptCommand(ports, input),
    refresh: ({ tenantId }) => refreshTenant(ports, tenantId),
    placeHold: (order) => placeHold(ports, order),
    releaseHold: (order) => releaseHold(ports, order),
  };
}
