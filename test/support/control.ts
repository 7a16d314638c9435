import { join } from 'node:path';
import type { AcceptPorts } from '../../src/activities/control/accept-command';
import { createControlActivities } from '../../src/activities/control';
import { createLinkWriter } from '../../src/activities/links/link-writer';
import { createStagingWriter } from '../../src/activities/staging/staging-writer';
import { bindDeriveWindow } from '../../src/activities/windows/derive-window';
import type { AcceptedCommand, ControlActivities } from '../../src/contracts/activities';
import type { Command, CommandBodies, CommandKind, StagedBody } from '../../src/contracts/commands';
import type { EvidenceLedger, LinkWriter } from '../../src/contracts/stores';
import { loadCalendars } from '../../src/platform/calendars';
import { loadPolicies } from '../../src/platform/policies/load-policies';
import type { SqlEnvironment } from './environment';

/** Control on the real SQL server, with ways to send commands. */
export interface ControlHarness {
  readonly activities: ControlActivities;
  /** What the activities work with, for calls past their edge. */
  readonly ports: AcceptPorts;
  readonly ledger: EvidenceLedger;
  readonly links: LinkWriter;
  newTenant(): string;
  /** Sends a command under a key of its own unless one is given. */
  send<K extends CommandKind>(
    tenantId: string,
    kind: K,
    ...rest: [CommandBodies[K], string?]
  ): Promise<AcceptedCommand>;
  /** Puts a body into staging, as the facade does. */
  stage(tenantId: string, body: unknown): Promise<StagedBody>;
  subscribed(...services: CommandBodies['subscribe']['services']): Promise<string>;
}

/** Body of a subscription in Shanghai. */
export const subscribeTo = (
  ...services: CommandBodies['subscribe']['services']
): CommandBodies['subscribe'] => ({
  zone: 'Asia/Shanghai',
  calendars: ['CN'],
  services,
  attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
});

/** Binds the control activities to an environment; acts are kept when there is a ledger to record them. */
export function createControlHarness(
  environment: SqlEnvironment,
  witness: (act: Parameters<EvidenceLedger['append']>[0]) => unknown = () => undefined,
  recording?: EvidenceLedger,
): ControlHarness {
  let tenants = 0;
  let keys = 0;
  const staging = createStagingWriter(environment.pool('stager'), 'configuration');
  const links = createLinkWriter(environment.pool('collector', 'assets'));
  const ledger: EvidenceLedger = {
    append: (act) => {
      witness(act);
      return recording?.append(act) ?? Promise.resolve();
    },
  };
  const ports: AcceptPorts = {
    control: environment.pool('control'),
    keys: environment.pool('control', 'keys'),
    unstamp: () => Promise.resolve(),
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    derive: bindDeriveWindow({
      policies: loadPolicies(join(__dirname, '..', '..', 'policies')),
      calendars: loadCalendars(join(__dirname, '..', '..', 'calendars')),
      tzdata: process.versions['tz'] ?? 'unknown',
    }),
    // Configuration bodies and the ledger have suites of their own against the real stores.
    configuration: { write: () => Promise.reject(new Error('not part of this suite')) },
    links,
    ledger,
  };
  const activities = createControlActivities(ports);
  const harness: ControlHarness = {
    activities,
    ports,
    ledger,
    links,
    newTenant: () => `tn_commands${String((tenants += 1)).padStart(9, '0')}`,
    send: (tenantId, kind, ...[body, key = `key-${(keys += 1)}`]) => {
      const command = { kind, idempotencyKey: key, requestedBy: 'console', body } as Command;
      return activities.acceptCommand({ tenantId, command, workflowNow: '' });
    },
    stage: (tenantId, body) => staging.stage(tenantId, body),
    subscribed: async (...services) => {
      const tenantId = harness.newTenant();
      await harness.send(tenantId, 'subscribe', subscribeTo(...services));
      return tenantId;
    },
  };
  return harness;
}
