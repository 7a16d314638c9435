import type { Command } from 'commander';
import { resetBreaker } from '../../activities/control/breaker';
import { termsOf } from '../../activities/control/decisions';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { facts, table } from '../output';
import { decide, withKey } from '../sign-decision';

interface ResetOptions extends CommonOptions {
  readonly trip: string;
  readonly reason: string;
  readonly requestedBy?: string;
  readonly key?: string;
  readonly confirm?: string;
}

/** `lethe breaker status|reset`: what the engine stopped by itself; works without the workflow engine. */
export function addBreaker(lethe: Command, cli: Cli): void {
  const breaker = lethe
    .command('breaker')
    .description('the circuit breaker: destruction stops by itself when something is wrong');
  addCommand(breaker, 'status', 'trips of the circuit breaker, open ones first').action(
    cli.action<CommonOptions>(async (_options, { reader }) => {
      const trips = await reader.trips();
      const rows = trips.map((trip) => [
        trip.tripId,
        trip.reset === null ? 'OPEN' : 'reset',
        trip.scope,
        trip.cause,
        trip.trippedAt,
        trip.runId,
        trip.reset?.resetBy ?? null,
      ]);
      const head = ['trip', 'state', 'stops', 'cause', 'tripped', 'run', 'reset by'];
      return { data: trips, text: rows.length === 0 ? 'no trips\n' : table(head, rows) };
    }),
  );
  withKey(addCommand(breaker, 'reset', 'let destruction go on after a trip whose cause was found'))
    .requiredOption('--trip <id>', 'trip, bt_…')
    .requiredOption('--reason <text>', 'what was found, in one line; without content of a tenant')
    .option('--requested-by <id>', 'opaque id of who resets it; default: LETHE_ACTOR')
    .option('--confirm <trip>', "the trip's id once more, instead of being asked")
    .action(
      cli.action<ResetOptions>(async (options, session) => {
        const { trip: tripId, reason, key, requestedBy } = options;
        const { by, ...signed } = await decide(session, { key, by: requestedBy }, () =>
          Promise.resolve({ decision: 'reset-breaker', subject: tripId, terms: termsOf(reason) }),
        );
        await confirm(cli.io, {
          id: options.trip,
          consequence: 'Destruction goes on in the scope of the trip',
          given: options.confirm,
          json: options.json,
        });
        const reset = { tripId, resetBy: by, reason, ...signed };
        const trip = await resetBreaker(session.freezes, reset);
        return {
          data: trip,
          text: facts([
            ['trip', trip.tripId],
            ['stopped', trip.scope],
            ['reset by', trip.reset?.resetBy ?? null],
            ['reset at', trip.reset?.resetAt ?? null],
          ]),
        };
      }),
    );
}
