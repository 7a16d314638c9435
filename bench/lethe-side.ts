import { composeControl } from '../src/composition/control';
import { composeDisposition } from '../src/composition/disposition';
import { shareParts, type EngineOptions } from '../src/composition/stores-of-roles';
import type { Progress, RunReference } from '../src/contracts/activities';
import type { Command } from '../src/contracts/commands';
import { loadConfig, required } from '../src/platform/config';
import { openStores, type Stores } from '../src/platform/connections';
import { readCredentials } from '../src/platform/credentials';
import { engineOptionsOf } from './engine-options';

/** Steps that are measured, in the order in which the tenant's process takes them. */
const STEPS = ['sealAndCopy', 'verifyCopies', 'moveRows', 'verifyMoved'] as const;
const SUBSCRIBED_AT = '2030-01-01T00:00:00Z';
const ENDED_AT = '2030-03-01T00:00:00Z';

/** A step begins, or the whole has ended. */
export type SideMessage =
  | { readonly step: (typeof STEPS)[number]; readonly counts: Progress['counts'] | null }
  | { readonly ready: true };

/** Lets a tenant's life begin and end, so that its rows are due for the archive. */
async function endLife(stores: Stores, options: EngineOptions, tenantId: string): Promise<void> {
  const control = await composeControl(options, shareParts(options));
  const accept = async (instant: string, command: Partial<Command>): Promise<void> => {
    for (const database of ['control', 'keys', 'evidence'] as const) {
      await stores.sql('simulator', database).execute(
        `UPDATE simulation_clock SET offset_microseconds = TIMESTAMPDIFF(MICROSECOND, SYSDATE(6), ?)
          WHERE id = 1`,
        [instant.replace('T', ' ').replace('Z', '')],
      );
    }
    const key = { idempotencyKey: `${command.kind ?? ''}-1`, requestedBy: 'bench' };
    const whole = { ...key, ...command } as Command;
    await control.acceptCommand({ tenantId, command: whole, workflowNow: instant });
  };
  await accept(SUBSCRIBED_AT, {
    kind: 'subscribe',
    body: {
      zone: 'Asia/Shanghai',
      calendars: ['CN'],
      services: ['CVM'],
      attestations: [{ jurisdiction: 'SG', minimumAge: 13 }],
    },
  });
  await accept(ENDED_AT, { kind: 'endService', body: { service: 'CVM' } });
}

/** The product's own activities, called as its processes call them, in a process that does nothing else. */
async function main([tenantId = '']: readonly string[]): Promise<void> {
  const config = loadConfig();
  const file = required(config.credentialsFile, 'LETHE_CREDENTIALS_FILE');
  const stores = openStores(config, readCredentials(file));
  const options = engineOptionsOf(stores, required(config.kekFile, 'LETHE_KEK_FILE'));
  const activities = await composeDisposition(options, shareParts(options));
  await endLife(stores, options, tenantId);
  const rows = await stores
    .sql('control', 'control')
    .query('SELECT event_id FROM events WHERE tenant_id = ?', [tenantId]);
  const eventId = String(rows[0]?.['event_id']);
  const { runIds } = await activities.planRuns({ tenantId, eventId, mode: 'dispose' });
  const run: RunReference = { tenantId, eventId, runId: runIds[0] ?? '' };
  const say = (message: SideMessage): void => {
    process.send?.(message);
  };
  say({ ready: true });
  await new Promise((resolve) => process.once('message', resolve));
  for (const step of STEPS) {
    say({ step, counts: null });
    const { counts } = await activities[step](run);
    say({ step, counts });
  }
  await stores.close();
  process.disconnect();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`);
  process.exit(1);
});
