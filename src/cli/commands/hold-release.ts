import type { Command } from 'commander';
import type { ReleaseState } from '../../contracts/holds';
import { parseId } from '../../domain/identifiers';
import { termsOf } from '../../activities/control/decisions';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm, idToType } from '../confirm';
import { actorOf } from '../lifecycle-command';
import { facts, type Answer } from '../output';
import type { Session } from '../session';
import { approvalOf, decide, withKey } from '../sign-decision';

interface ReleaseOptions extends CommonOptions {
  readonly hold: string;
  readonly requestedBy?: string;
  readonly key?: string;
  readonly confirm?: string;
}

type ApproveOptions = Omit<ReleaseOptions, 'requestedBy'> & { readonly approvedBy?: string };
type WithdrawOptions = CommonOptions & { readonly hold: string; readonly withdrawnBy?: string };
type ReviewOptions = CommonOptions & {
  readonly hold: string;
  readonly reviewOn: string;
  readonly reviewedBy?: string;
};

/** `lethe hold release|approve|withdraw|review`: two people, a delay, and a way back. @source CC-4 */
export function addRelease(hold: Command, cli: Cli): void {
  addRequest(hold, cli);
  addApprove(hold, cli);
  addWithdraw(hold, cli);
  addReview(hold, cli);
}

const CONFIRM =
  "the tenant's id, or the hold's when it covers several tenants, instead of being asked";

/** Asks with the tenants that the hold covers; one alone is named by who decides. */
async function confirmed(
  cli: Cli,
  options: Pick<ReleaseOptions, 'hold' | 'confirm' | 'json'>,
  { session, consequence }: { readonly session: Session; readonly consequence: string },
): Promise<void> {
  const scopes = (await session.reader.hold(options.hold))?.scopes ?? [];
  const tenantIds = [...new Set(scopes.map(({ tenantId }) => tenantId))];
  const covered = tenantIds.length === 0 ? '' : ` of ${tenantIds.join(', ')}`;
  await confirm(cli.io, {
    id: idToType(options.hold, tenantIds),
    consequence: `${consequence}${covered} can be destroyed`,
    given: options.confirm,
    json: options.json,
  });
}

function addRequest(hold: Command, cli: Cli): void {
  withKey(addCommand(hold, 'release', 'ask that a hold be released; somebody else must approve'))
    .requiredOption('--hold <id>', 'hold, hd_…')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <id>', CONFIRM)
    .action(
      cli.action<ReleaseOptions>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const { key, requestedBy: named } = options;
        const { by, ...signed } = await decide(session, { key, by: named }, () =>
          Promise.resolve({ decision: 'request-release', subject: holdId, terms: termsOf() }),
        );
        await confirmed(cli, options, {
          session,
          consequence: `Once a second person approves and the delay is over, what hold ${holdId} kept`,
        });
        return answerOf(
          await session.client.requestHoldRelease(holdId, { requestedBy: by, ...signed }),
        );
      }),
    );
}

function addApprove(hold: Command, cli: Cli): void {
  withKey(
    addCommand(hold, 'approve', 'approve the release of a hold, as somebody else than who asked'),
  )
    .requiredOption('--hold <id>', 'hold, hd_…')
    .option('--approved-by <id>', 'opaque id of who approves; default: LETHE_ACTOR')
    .option('--confirm <id>', CONFIRM)
    .action(
      cli.action<ApproveOptions>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const { key, approvedBy: named } = options;
        const { by, ...signed } = await decide(session, { key, by: named }, async () => {
          const asked = (await session.reader.hold(holdId))?.request ?? null;
          const approval = { decision: 'approve-release', subject: holdId } as const;
          return approvalOf(session, { ...approval, by: asked?.requestedBy ?? null });
        });
        await confirmed(cli, options, {
          session,
          consequence: `When the delay is over and its windows are open, what hold ${holdId} kept`,
        });
        return answerOf(
          await session.client.approveHoldRelease(holdId, { approvedBy: by, ...signed }),
        );
      }),
    );
}

function addWithdraw(hold: Command, cli: Cli): void {
  addCommand(hold, 'withdraw', 'withdraw a release that has not taken effect; the hold stays')
    .requiredOption('--hold <id>', 'hold, hd_…')
    .option('--withdrawn-by <id>', 'opaque id of who withdraws; default: LETHE_ACTOR')
    .action(
      cli.action<WithdrawOptions>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const withdrawnBy = actorOf(options.withdrawnBy, session.config);
        return answerOf(await session.client.withdrawHoldRelease(holdId, { withdrawnBy }));
      }),
    );
}

function addReview(hold: Command, cli: Cli): void {
  addCommand(hold, 'review', 'record that somebody looked at a hold, and when somebody must again')
    .requiredOption('--hold <id>', 'hold, hd_…')
    .requiredOption('--review-on <date>', 'the next day of review, YYYY-MM-DD')
    .option('--reviewed-by <id>', 'opaque id of who looked; default: LETHE_ACTOR')
    .action(
      cli.action<ReviewOptions>(async (options, session) => {
        const holdId = parseId('HoldId', options.hold, 'hold');
        const reviewedBy = actorOf(options.reviewedBy, session.config);
        const { reviewOn } = options;
        return answerOf(await session.client.reviewHold(holdId, { reviewedBy, reviewOn }));
      }),
    );
}

const STATES: Readonly<Record<ReleaseState['state'], string>> = {
  'in-force': 'in force',
  'release-requested': 'in force: somebody else must approve its release',
  'release-approved': 'in force until its release takes effect',
  released: 'released',
};

const answerOf = (state: ReleaseState): Answer => ({
  data: state,
  text: facts([
    ['hold', state.holdId],
    ['state', STATES[state.state]],
    ['asked by', state.requestedBy],
    ['approval until', state.request?.expiresAt ?? null],
    ['approved by', state.approvedBy],
    ['takes effect', state.releasedAt],
    [
      'they type',
      state.state === 'release-requested' ? `lethe hold approve --hold ${state.holdId}` : null,
    ],
  ]),
});
