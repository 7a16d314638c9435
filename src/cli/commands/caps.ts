import { Option, type Command } from 'commander';
import { setCap } from '../../activities/control/caps';
import { termsOf } from '../../activities/control/decisions';
import type { CapRecord, CapValue } from '../../contracts/control-reader';
import { CAPS, type CapName } from '../../domain/caps';
import { LetheError } from '../../domain/errors';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { table } from '../output';
import { decide, withKey } from '../sign-decision';

interface SetOptions extends CommonOptions {
  readonly cap: CapName;
  readonly amount: string;
  readonly percent?: string;
  readonly reason: string;
  readonly requestedBy?: string;
  readonly key?: string;
  readonly confirm?: string;
}

/** `lethe caps list|set`: how much may end in a stretch of time; works without the workflow engine. */
export function addCaps(lethe: Command, cli: Cli): void {
  const caps = lethe
    .command('caps')
    .description('how much may end in a stretch of time before a run is stopped');
  addCommand(
    caps,
    'list',
    'every cap: what is in force, what is pending, who set it and why',
  ).action(
    cli.action<CommonOptions>(async (_options, { reader }) => {
      const known = await reader.caps();
      return { data: known, text: describe(known) };
    }),
  );
  withKey(addCommand(caps, 'set', 'set a cap; stricter counts at once, looser only after a delay'))
    .addOption(
      new Option('--cap <name>', 'which one').choices(Object.keys(CAPS)).makeOptionMandatory(),
    )
    .requiredOption('--amount <number>', 'this much always passes')
    .option('--percent <number>', 'or this part of what there is, if it is more; up to 3 digits')
    .requiredOption('--reason <text>', 'why, in one line; without names or content of a tenant')
    .option('--requested-by <id>', 'opaque id of who sets it; default: LETHE_ACTOR')
    .option('--confirm <cap>', "the cap's name once more, instead of being asked")
    .action(
      cli.action<SetOptions>(async (options, session) => {
        const { cap, reason, key, requestedBy } = options;
        const amount = wholeNumber(options.amount, 'amount');
        const share = thousandths(options.percent);
        const { by, ...signed } = await decide(session, { key, by: requestedBy }, () =>
          Promise.resolve({
            decision: 'set-cap',
            subject: cap,
            terms: termsOf(amount, share, reason),
          }),
        );
        const order = { cap, amount, share, setBy: by, reason, ...signed };
        await confirm(cli.io, {
          id: options.cap,
          consequence: 'A cap decides how much can be lost by one mistake',
          given: options.confirm,
          json: options.json,
        });
        const known = await setCap(session.freezes, order);
        return { data: known, text: describe([known]) };
      }),
    );
}

function describe(caps: readonly CapRecord[]): string {
  return table(
    ['cap', 'in force', 'pending', 'set by', 'why', 'what it counts'],
    caps.map(({ cap, inForce, pending }) => [
      cap,
      inForce === null ? 'nothing: every permit is refused' : shown(cap, inForce),
      pending === null ? null : `${shown(cap, pending)} from ${pending.effectiveAt}`,
      (pending ?? inForce)?.setBy ?? null,
      (pending ?? inForce)?.reason ?? null,
      CAPS[cap].summary,
    ]),
  );
}

/** `10 tenants, or 10 % of the tenants that have data`. */
function shown(cap: CapName, { amount, share }: CapValue): string {
  const { unit, shareOf } = CAPS[cap];
  const own = `${amount} ${unit}`;
  return shareOf === null || share === 0 ? own : `${own}, or ${share / 10} % of ${shareOf}`;
}

function wholeNumber(text: string, field: string): number {
  if (/^\d{1,13}$/.test(text)) return Number(text);
  throw new LetheError('INVALID_INPUT', `${field} must be a whole number`, { field });
}

function thousandths(percent: string | undefined): number {
  if (percent === undefined) return 0;
  if (/^\d{1,4}(\.\d)?$/.test(percent)) return Math.round(Number(percent) * 10);
  throw new LetheError('INVALID_INPUT', 'percent must be a number with one decimal at most', {
    field: 'percent',
  });
}
