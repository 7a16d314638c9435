import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { liftFreeze, placeFreeze } from '../../activities/control/freeze';
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
  readonly requestedBy?: string;
  readonly confirm?: string;
}

/** `lethe freeze place|lift|list`: stops every destruction; works without the workflow engine. */
export function addFreeze(lethe: Command, cli: Cli): void {
  const freeze = lethe
    .command('freeze')
    .description('stop every destruction, of one tenant or of all, until two people lift it');
  addPlace(freeze, cli);
  addLift(freeze, cli);
  addCommand(freeze, 'list', 'freezes over everything and, with a tenant, over that tenant')
    .option('--tenant <id>', 'tenant, tn_…')
    .action(
      cli.action<CommonOptions & { readonly tenant?: string }>(async (options, session) => {
        const freezes = await session.reader.freezes(options.tenant);
        const rows = freezes.map((one) => [
          one.freezeId,
          one.scope,
          one.placedAt,
          one.inForce ? 'in force' : 'lifted',
          one.liftedBy.join(', ') || null,
        ]);
        return {
          data: freezes,
          text:
            rows.length === 0
              ? 'no freezes\n'
              : table(['freeze', 'scope', 'placed', 'state', 'lifted by'], rows),
        };
      }),
    );
}

function addPlace(freeze: Command, cli: Cli): void {
  addCommand(freeze, 'place', 'stop destruction now; deadlines go on and are missed under it')
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
  addCommand(freeze, 'lift', 'lift a freeze; it ends when a second person has lifted it too')
    .requiredOption('--freeze <id>', 'freeze, fz_…')
    .option('--requested-by <id>', 'opaque id of who lifts it; default: LETHE_ACTOR')
    .option('--confirm <freeze>', "the freeze's id once more, instead of being asked")
    .action(
      cli.action<LiftOptions>(async (options, session) => {
        const liftedBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.freeze,
          consequence: 'Once two people have lifted it, what is due is destroyed',
          given: options.confirm,
          json: options.json,
        });
        const lifted = await liftFreeze(session.freezes, { freezeId: options.freeze, liftedBy });
        if (!lifted.inForce && lifted.scope !== 'global') {
          await session.client.tellFactsChanged(lifted.scope);
        }
        return {
          data: lifted,
          text: facts([
            ['freeze', lifted.freezeId],
            ['lifted by', lifted.liftedBy.join(', ')],
            ['state', lifted.inForce ? 'in force: a second person must lift it too' : 'lifted'],
          ]),
        };
      }),
    );
}
