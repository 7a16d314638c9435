import type { Command } from 'commander';
import {
  readThrottle,
  setThrottle,
  type SetThrottle,
  type ThrottleInForce,
} from '../../activities/control/throttle';
import { LetheError } from '../../domain/errors';
import type { QuietHours, Throttle } from '../../domain/pacing';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { actorOf } from '../lifecycle-command';
import { facts } from '../output';

interface SetOptions extends CommonOptions {
  readonly maxRowsPerSecond?: string;
  readonly unlimited: boolean;
  readonly maxThreadsRunning?: string;
  readonly maxReplicaLag?: string;
  readonly resumeReplicaLag?: string;
  readonly quietHours?: string;
  readonly quietZone?: string;
  readonly pause: boolean;
  readonly resume: boolean;
  readonly requestedBy?: string;
}

/** `lethe throttle set|show`: how fast live rows are moved away; works without the workflow engine. */
export function addThrottle(lethe: Command, cli: Cli): void {
  const throttle = lethe
    .command('throttle')
    .description('how fast live rows are moved into the archive; no deadline moves with it');
  addSet(throttle, cli);
  addCommand(throttle, 'show', 'what counts now').action(
    cli.action<CommonOptions>(async (_, session) =>
      shown(await readThrottle(session.throttles.control)),
    ),
  );
}

function addSet(throttle: Command, cli: Cli): void {
  addCommand(throttle, 'set', 'change it from the next batch on; what is not named stays')
    .option('--max-rows-per-second <n>', 'move no more rows than this in a second')
    .option('--unlimited', 'move as fast as it goes', false)
    .option(
      '--max-threads-running <n>',
      'wait while the SQL server works on more statements at once',
    )
    .option('--max-replica-lag <seconds>', 'wait while a replica is further behind')
    .option('--resume-replica-lag <seconds>', 'go on when every replica is at most this far behind')
    .option('--quiet-hours <span>', 'HH:MM-HH:MM in which nothing that can wait is moved, or none')
    .option('--quiet-zone <zone>', "time zone of the quiet hours; default: each tenant's own")
    .option('--pause', 'move nothing at all until it is resumed', false)
    .option('--resume', 'go on', false)
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .action(
      cli.action<SetOptions>(async (options, session) => {
        const change = changeOf(options);
        if (Object.keys(change).length === 0)
          throw refused('pause', 'or another option is needed; name what is to change');
        const setBy = actorOf(options.requestedBy, session.config);
        const order: SetThrottle = { ...change, setBy };
        return shown(await setThrottle(session.throttles, order));
      }),
    );
}

type Change = Partial<Throttle>;

function changeOf(options: SetOptions): Change {
  const { maxThreadsRunning } = options;
  return {
    ...pauseOf(options),
    ...rateOf(options),
    ...quietHoursOf(options),
    ...replicaLagOf(options),
    ...(maxThreadsRunning !== undefined && {
      threadsRunningMax: whole(maxThreadsRunning, 'maxThreadsRunning'),
    }),
  };
}

function pauseOf({ pause, resume }: SetOptions): Change {
  if (pause && resume) throw refused('pause', 'goes without --resume');
  return pause || resume ? { paused: pause } : {};
}

function rateOf({ unlimited, maxRowsPerSecond }: SetOptions): Change {
  if (maxRowsPerSecond === undefined) return unlimited ? { rowsPerSecondMax: null } : {};
  if (unlimited) throw refused('unlimited', 'goes without --max-rows-per-second');
  return { rowsPerSecondMax: whole(maxRowsPerSecond, 'maxRowsPerSecond') };
}

function replicaLagOf({ maxReplicaLag, resumeReplicaLag }: SetOptions): Change {
  return {
    ...(maxReplicaLag !== undefined && {
      replicaLagMaxSeconds: whole(maxReplicaLag, 'maxReplicaLag'),
    }),
    ...(resumeReplicaLag !== undefined && {
      replicaLagResumeSeconds: whole(resumeReplicaLag, 'resumeReplicaLag'),
    }),
  };
}

function quietHoursOf({ quietHours, quietZone }: SetOptions): Change {
  if (quietHours !== undefined) return { quietHours: spanOf(quietHours, quietZone ?? null) };
  if (quietZone !== undefined) throw refused('quietZone', 'goes with --quiet-hours');
  return {};
}

function whole(text: string, field: string): number {
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text);
  throw refused(field, 'must be a whole number from 1 on');
}

function spanOf(text: string, zone: string | null): QuietHours | null {
  if (text === 'none') return null;
  const [, from, to] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) {
    throw refused('quietHours', 'must be HH:MM-HH:MM, or none');
  }
  return { from, to, zone };
}

const refused = (field: string, remedy: string): LetheError =>
  new LetheError('INVALID_INPUT', `${field} ${remedy}`, { field });

function shown(throttle: ThrottleInForce): {
  readonly data: ThrottleInForce;
  readonly text: string;
} {
  const { quietHours, rowsPerSecondMax } = throttle;
  return {
    data: throttle,
    text: facts([
      ['state', throttle.paused ? 'paused' : 'running'],
      ['rows per second', rowsPerSecondMax === null ? 'unlimited' : rowsPerSecondMax],
      ['threads running', throttle.threadsRunningMax],
      ['quiet hours', quietHours === null ? null : `${quietHours.from}-${quietHours.to}`],
      ['in the zone of', quietHours === null ? null : (quietHours.zone ?? 'each tenant')],
      ['replica lag, wait above', `${throttle.replicaLagMaxSeconds} s`],
      ['replica lag, go on at', `${throttle.replicaLagResumeSeconds} s`],
      ['set at', throttle.setAt],
      ['set by', throttle.setBy],
    ]),
  };
}
