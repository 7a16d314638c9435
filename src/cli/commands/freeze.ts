import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { placeFreeze } from '../../activities/control/freeze';
import { approveLift, requestLift } from '../../activities/control/lift-freeze';
import type { FreezeRecord } from '../../contracts/control-reader';
import { LetheError } from '../../domain/errors';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { actorOf } from '../lifecycle-command';
import { facts, table } from '../output';

interface PlaceOptions extends CommonOptions {
  readonly tenant?: string;
  readonly all: boolean;
  readonly freeze?: string;
  readonly requestedBy?: string;
}

interface LiftOptions extends CommonOptions {
  readonly freeze: string;
  readonly reason: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

type ApproveOptions = Omit<LiftOptions, 'reason' | 'requestedBy'> & {
  readonly approvedBy?: string;
};

/** `lethe freeze set|lift|approve|status`: stops every destruction; works without the workflow engine. */
export function addFreeze(lethe: Command, cli: Cli): void {
  const freeze = lethe
    .command('freeze')
    .description('stop every destruction, of one tenant or of all, until two people lift it');
  addSet(freeze, cli);
  addLift(freeze, cli);
  addApprove(freeze, cli);
  addCommand(freeze, 'status', 'freezes over everything and, with a tenant, over that tenant')
    .option('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant?: string }>(async (options, session) => {
        const freezes = await session.reader.freezes(options.tenant);
        const head = ['freeze', 'scope', 'placed', 'by', 'state', 'lifted by', 'asked by', 'until'];
        return {
          data: freezes,
          text: freezes.length === 0 ? 'no freezes\n' : table(head, freezes.map(rowOf)),
        };
      }),
    );
}

const rowOf = (one: FreezeRecord): readonly (string | null)[] => [
  one.freezeId,
  one.scope,
  one.placedAt,
  one.placedBy,
  one.inForce ? 'in force' : 'lifted',
  one.liftedBy.join(', ') || null,
  one.request?.requestedBy ?? null,
  one.request === null || !one.inForce
    ? null
    : `${one.request.expiresAt}${one.request.expired ? ' (expired)' : ''}`,
];

function addSet(freeze: Command, cli: Cli): void {
  addCommand(freeze, 'set', 'stop destruction now; deadlines go on and are missed under it')
    .option('--tenant <id>', 'of this tenant, tn_…')
    .option('--all', 'of every tenant', false)
    .option('--freeze <id>', 'freeze, fz_…; a random one is made and printed')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .action(
      cli.action<PlaceOptions>(async (options, session) => {
        const scope = scopeOf(options);
        const placed = await placeFreeze(session.freezes, {
          freezeId: options.freeze ?? `fz_${randomBytes(16).toString('hex')}`,
          scope,
          placedBy: actorOf(options.requestedBy, session.config),
        });
        return {
          data: placed,
          text: facts([
            ['freeze', placed.freezeId],
            ['scope', placed.scope],
            ['in force since', placed.placedAt],
          ]),
        };
      }),
    );
}

function scopeOf({ tenant, all }: PlaceOptions): string {
  if (all === (tenant === undefined)) return tenant ?? 'global';
  throw new LetheError('INVALID_INPUT', 'tenant is needed, or --all; give one of the two', {
    field: 'tenant',
  });
}

function addLift(freeze: Command, cli: Cli): void {
  addCommand(freeze, 'lift', 'ask that a freeze be lifted; it ends when a second person approves')
    .requiredOption('--freeze <id>', 'freeze, fz_…')
    .requiredOption('--reason <text>', 'why, in one line; without names or content of a tenant')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <freeze>', "the freeze's id once more, instead of being asked")
    .action(
      cli.action<LiftOptions>(async (options, session) => {
        const requestedBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.freeze,
          consequence: 'Once a second person approves, what is due is destroyed',
          given: options.confirm,
          json: options.json,
        });
        const { freeze: id, reason } = options;
        const asked = await requestLift(session.freezes, { freezeId: id, requestedBy, reason });
        return {
          data: asked,
          text: facts([
            ['freeze', asked.freezeId],
            ['state', 'in force: somebody else must approve'],
            ['approval until', asked.request?.expiresAt ?? null],
            ['they type', `lethe freeze approve --freeze ${asked.freezeId}`],
          ]),
        };
      }),
    );
}

function addApprove(freeze: Command, cli: Cli): void {
  addCommand(freeze, 'approve', 'approve that a freeze be lifted, as somebody else than who asked')
    .requiredOption('--freeze <id>', 'freeze, fz_…')
    .option('--approved-by <id>', 'opaque id of who approves; default: LETHE_ACTOR')
    .option('--confirm <freeze>', "the freeze's id once more, instead of being asked")
    .action(
      cli.action<ApproveOptions>(async (options, session) => {
        const approvedBy = actorOf(options.approvedBy, session.config);
        await confirm(cli.io, {
          id: options.freeze,
          consequence: 'What is due is destroyed as soon as the freeze is lifted',
          given: options.confirm,
          json: options.json,
        });
        const lifted = await approveLift(session.freezes, { freezeId: options.freeze, approvedBy });
        if (lifted.scope !== 'global') await session.client.tellFactsChanged(lifted.scope);
        return {
          data: lifted,
          text: facts([
            ['freeze', lifted.freezeId],
            ['lifted by', lifted.liftedBy.join(', ')],
            ['state', lifted.inForce ? 'in force' : 'lifted'],
          ]),
        };
      }),
    );
}
