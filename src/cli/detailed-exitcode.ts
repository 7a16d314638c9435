import type { Cli, CommonOptions } from './cli';
import type { Answer } from './output';
import type { Session } from './session';

/** Options of a command that can tell by its exit code whether something would change. */
export interface DetailedOptions extends CommonOptions {
  readonly detailedExitcode: boolean;
}

/** A preview: how it is made, shown, and whether it changes anything. */
export interface Preview<Options, Found> {
  readonly work: (options: Options, session: Session) => Promise<Found>;
  readonly answer: (found: Found) => Answer;
  readonly isChange: (found: Found) => boolean;
}

/** Exit code of a preview that changes something. */
const CHANGES = 2;

/**
 * Makes the function that commander runs for a preview. With `--detailed-exitcode` it ends with 0 when nothing would
 * change, with 1 when it failed for whatever reason, and with 2 when something would.
 */
export function detailed<Options extends DetailedOptions, Found>(
  cli: Cli,
  { work, answer, isChange }: Preview<Options, Found>,
): (options: Options) => Promise<void> {
  return async (options) => {
    const outcome: { found?: Found } = {};
    await cli.action<Options>(async (given, session) => {
      outcome.found = await work(given, session);
      return answer(outcome.found);
    })(options);
    if (!options.detailedExitcode) return;
    if (outcome.found === undefined) cli.exitCode = 1;
    else if (isChange(outcome.found)) cli.exitCode = CHANGES;
  };
}
