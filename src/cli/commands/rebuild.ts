import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { BegunAgain, ProcessKeeper } from '../../client/process-keeper';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { actorOf } from '../lifecycle-command';
import { facts, type Answer } from '../output';
import type { Session } from '../session';

interface Options extends CommonOptions {
  readonly tenant?: string;
  readonly hold?: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

/** What is to begin again, and how. */
interface Rebuilding {
  readonly id: string;
  readonly tenantId: string | null;
  readonly check: (processes: ProcessKeeper) => Promise<unknown>;
  readonly begin: (processes: ProcessKeeper) => Promise<BegunAgain>;
}

/** `lethe rebuild`: begins the process of a tenant or of a hold again, from control. */
export function addRebuild(lethe: Command, cli: Cli): void {
  addCommand(lethe, 'rebuild', 'begin a lost process again; it reads everything from control')
    .option('--tenant <id>', 'of this tenant, tn_…')
    .option('--hold <id>', 'of this hold, hd_…')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <id>', 'the id once more, instead of being asked')
    .action(
      cli.action<Options>(async (options, session) => {
        const what = rebuildingOf(options);
        const rebuiltBy = actorOf(options.requestedBy, session.config);
        const { processes } = session;
        await what.check(processes);
        await confirm(cli.io, {
          id: what.id,
          consequence: 'Its process begins again and does what is due',
          given: options.confirm,
          json: options.json,
        });
        await record(session, what, rebuiltBy);
        return shown(await what.begin(processes), what, session);
      }),
    );
}

function rebuildingOf({ tenant, hold }: Options): Rebuilding {
  if ((tenant === undefined) === (hold === undefined)) {
    throw new LetheError('INVALID_INPUT', 'tenant is needed, or --hold; give one of the two', {
      field: 'tenant',
    });
  }
  if (tenant !== undefined) {
    return {
      id: parseId('TenantId', tenant, 'tenant'),
      tenantId: tenant,
      check: (processes) => processes.assertRebuildable(tenant),
      begin: (processes) => processes.rebuild(tenant),
    };
  }
  const id = parseId('HoldId', hold, 'hold');
  return {
    id,
    tenantId: null,
    check: (processes) => processes.assertHoldRebuildable(id),
    begin: (processes) => processes.rebuildHold(id),
  };
}

/** On record before it happens, so that no process begins again unrecorded. */
async function record(session: Session, what: Rebuilding, rebuiltBy: string): Promise<void> {
  await session.ledger.append({
    tenantId: what.tenantId,
    kind: 'process-rebuild-ordered',
    subject: `${what.id}/${randomBytes(16).toString('hex')}`,
    details: { ...(what.tenantId === null && { holdId: what.id }), rebuiltBy },
  });
}

async function shown(
  { workflowId, runId }: BegunAgain,
  { id, tenantId }: Rebuilding,
  session: Session,
): Promise<Answer> {
  const status = tenantId === null ? null : await session.reader.status(tenantId);
  const stage = status?.stage ?? null;
  const nextDueAt = status?.nextDueAt ?? null;
  return {
    data: { id, workflowId, runId, stage, nextDueAt },
    text: facts([
      ['process', workflowId],
      ['run', runId],
      ...(status === null
        ? []
        : ([
            ['stage', stage],
            ['next due at', nextDueAt],
          ] as const)),
    ]),
  };
}
