import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { placeFreeze } from '../../activities/control/freeze';
import { termsOf } from '../../activities/control/decisions';
import { approveLift, requestLift } from '../../activities/control/lift-freeze';
import { readFreeze } from '../../activities/control/read-interlocks';
import type { FreezeRecord } from '../../contracts/control-reader';
import { LetheError } from '../../domain/errors';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm, idToType } from '../confirm';
import { ofKnownTenant } from '../known-tenant';
import { actorOf } from '../lifecycle-command';
import { facts, table } from '../output';
import type { Session } from '../session';
import { approvalOf, decide, withKey } from '../sign-decision';

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
  readonly key?: string;
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
        const { tenant } = options;
        const freezes = await session.reader.freezes(tenant);
        if (tenant !== undefined) {
          const own = freezes.filter(({ scope }) => scope === tenant);
          await ofKnownTenant(session, tenant, own);
        }
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

const CONFIRM = "the tenant's id, or the freeze's when it stops everything, instead of being asked";

/** Asks with what the freeze stops; a tenant is named by who decides. */
async function confirmed(
  cli: Cli,
  options: Pick<LiftOptions, 'freeze' | 'confirm' | 'json'>,
  { session, consequence }: { readonly session: Session; readonly consequence: string },
): Promise<void> {
  const freeze = await readFreeze(session.freezes.control, options.freeze);
  const tenantIds = freeze === null || freeze.scope === 'global' ? [] : [freeze.scope];
  const reach = tenantIds.length === 0 ? ' of every tenant' : ` of ${tenantIds.join('')}`;
  await confirm(cli.io, {
    id: idToType(options.freeze, tenantIds),
    consequence: `${consequence}${freeze === null ? '' : reach}`,
    given: options.confirm,
    json: options.json,
  });
}

function addLift(freeze: Command, cli: Cli): void {
  withKey(
    addCommand(
      freeze,
      'lift',
      'ask that a freeze be lifted; it ends when a second person approves',
    ),
  )
    .requiredOption('--freeze <id>', 'freeze, fz_…')
    .requiredOption('--reason <text>', 'why, in one line; without names or content of a tenant')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <id>', CONFIRM)
    .action(
      cli.action<LiftOptions>(async (options, session) => {
        const { freeze: id, reason, key, requestedBy: named } = options;
        const { by, ...signed } = await decide(session, { key, by: named }, () =>
          Promise.resolve({ decision: 'request-lift', subject: id, terms: termsOf(reason) }),
        );
        await confirmed(cli, options, {
          session,
          consequence: 'Once a second person approves, what is due is destroyed',
        });
        const lift = { freezeId: id, requestedBy: by, reason, ...signed };
        const asked = await requestLift(session.freezes, lift);
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
  withKey(
    addCommand(
      freeze,
      'approve',
      'approve that a freeze be lifted, as somebody else than who asked',
    ),
  )
    .requiredOption('--freeze <id>', 'freeze, fz_…')
    .option('--approved-by <id>', 'opaque id of who approves; default: LETHE_ACTOR')
    .option('--confirm <id>', CONFIRM)
    .action(
      cli.action<ApproveOptions>(async (options, session) => {
        const { freeze: freezeId, key, approvedBy: named } = options;
        const { by, ...signed } = await decide(session, { key, by: named }, async () => {
          const asked = (await readFreeze(session.freezes.control, freezeId))?.request ?? null;
          const approval = { decision: 'approve-lift', subject: freezeId } as const;
          return approvalOf(session, { ...approval, by: asked?.requestedBy ?? null });
        });
        await confirmed(cli, options, {
          session,
          consequence: 'What is due is destroyed as soon as the freeze is lifted',
        });
        const lifted = await approveLift(session.freezes, { freezeId, approvedBy: by, ...signed });
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
