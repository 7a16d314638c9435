import { takeReports, type InboxPorts } from '../activities/inbox';
import { orderDueScans, type OrderPorts } from '../activities/schedule/order-scans';
import { createReportStaging } from '../activities/staging/report-staging';
import { createStagingWriter } from '../activities/staging/staging-writer';
import type { ControlActivities } from '../contracts/activities';
import type { DutyRound } from '../contracts/sweep';
import type { EngineOptions, SharedParts } from './stores-of-roles';

/** Wires what the platform's process sees to beside its looks; an order is committed like any command. */
export function composeDuties(
  options: EngineOptions,
  parts: SharedParts,
  { acceptCommand }: Pick<ControlActivities, 'acceptCommand'>,
): readonly (() => Promise<DutyRound>)[] {
  const { stores, pulse } = options;
  const control = stores.sql('control', 'control');
  const inbox: InboxPorts = {
    objects: parts.objects('ingest'),
    control,
    staging: createReportStaging(stores.sql('stager', 'control')),
    order: async (tenantId, command) =>
      (await acceptCommand({ tenantId, command, workflowNow: '' })).receipt,
    ledger: parts.ledger,
    pulse,
  };
  const schedule: OrderPorts = {
    control,
    staging: createStagingWriter(stores.sql('stager', 'control'), 'configuration'),
    order: inbox.order,
    pulse,
  };
  return [
    ...(options.takesReports === true ? [() => takeReports(inbox)] : []),
    () => orderDueScans(schedule),
  ];
}
