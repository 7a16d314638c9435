import { Option, type Command } from 'commander';
import { assertControlStands } from '../../activities/restore-gate/assert-control-stands';
import { checkControl, type ControlVerdict } from '../../activities/restore-gate/check-control';
import {
  findReappeared,
  type ReappearedBatch,
} from '../../activities/restore-gate/find-reappeared';
import { replayControl, type ReplayedControl } from '../../activities/restore-gate/replay-control';
import { replayStore, type ReplayedStore } from '../../activities/restore-gate/replay-store';
import { BACKUP_STORES, type BackupStore } from '../../domain/backups';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { openCheckpoints, openFinder, openReplay, openReplayControl } from '../gate-session';
import { actorOf } from '../lifecycle-command';
import { facts, table, type Answer } from '../output';
import type { Session } from '../session';

type GateStore = BackupStore | 'control';

interface Options extends CommonOptions {
  readonly store: GateStore;
}

interface ReplayOptions extends Options {
  readonly requestedBy?: string;
  readonly confirm?: string;
}

const storeOption = (): Option =>
  new Option('--store <store>', 'what was restored')
    .choices([...BACKUP_STORES, 'control'])
    .makeOptionMandatory();

/** `lethe restore-gate check|replay`: before a store that was restored may serve. */
export function addRestoreGate(lethe: Command, cli: Cli): void {
  const gate = lethe
    .command('restore-gate')
    .description('what a restored backup brought back or forgot, and its removal under permits');
  addCommand(gate, 'check', 'look; exit code 1 while the store must not serve')
    .addOption(storeOption())
    .action(
      cli.action<Options>(async ({ store }, session) => {
        const readers = openCheckpoints(session);
        if (store === 'control') return describeControl(await checkControl(readers));
        // One that has forgotten what was removed would find nothing.
        await assertControlStands(readers, 'whole');
        return describeStore(store, await findReappeared(await openFinder(session), store));
      }),
    );
  addCommand(
    gate,
    'replay',
    'remove again what came back; for control: holds, freezes, limits, ends of keys',
  )
    .addOption(storeOption())
    .option('--requested-by <id>', 'opaque id of who replays; default: LETHE_ACTOR')
    .option('--confirm <store>', "the store's name once more, instead of being asked")
    .action(
      cli.action<ReplayOptions>(async (options, session) => {
        const replayedBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.store,
          consequence:
            options.store === 'control'
              ? 'Everything is frozen until two people lift it'
              : 'What was removed once is removed again',
          given: options.confirm,
          json: options.json,
        });
        return replay(options.store, session, replayedBy);
      }),
    );
}

async function replay(store: GateStore, session: Session, replayedBy: string): Promise<Answer> {
  return store === 'control'
    ? describeReplayedControl(await replayControl(openReplayControl(session), { replayedBy }))
    : describeReplayed(await replayStore(await openReplay(session), store));
}

const HEAD = ['tenant', 'run', 'location', 'batch', 'records'];
const rowOf = (batch: ReappearedBatch): readonly (string | number)[] => [
  batch.tenantId,
  batch.runId,
  batch.location,
  batch.batchNumber,
  batch.records,
];

function describeStore(store: BackupStore, batches: readonly ReappearedBatch[]): Answer {
  if (batches.length === 0) {
    return {
      data: { store, clear: true, batches },
      text: `${store} may serve: nothing came back\n`,
    };
  }
  const text = `${store} MUST NOT SERVE: this came back\n${table(HEAD, batches.map(rowOf))}`;
  return { data: { store, clear: false, batches }, text, exitCode: 1 };
}

function describeReplayed(replayed: ReplayedStore): Answer {
  const { store, batches, records, kept } = replayed;
  const head = facts([
    ['store', store],
    ['removed again', `${records} records of ${batches} batches`],
    ['may serve', kept.length === 0 ? 'yes, when check says so too' : 'NO'],
  ]);
  const rows = kept.map((batch) => [...rowOf(batch), batch.code, batch.because]);
  const rest = kept.length === 0 ? '' : `\n${table([...HEAD, 'kept by', 'because'], rows)}`;
  return { data: replayed, text: `${head}${rest}`, exitCode: kept.length === 0 ? 0 : 1 };
}

function describeControl(verdict: ControlVerdict): Answer {
  const { holds, releaseSteps, freezes, tombstones, splits, policies, returns, commands } = verdict;
  const { authority, limits } = verdict;
  const { caps, trips, throttle, unreadable } = limits;
  const lists = [
    ...[holds, releaseSteps, freezes, tombstones, splits, policies, returns, commands],
    ...[authority, caps, trips, unreadable],
  ];
  const lost = lists.reduce((sum, list) => sum + list.length, throttle === null ? 0 : 1);
  const clear = lost === 0 && !verdict.older && !verdict.ledgerUnsound;
  const text = facts([
    ['control', clear ? 'is what the evidence says' : 'HAS LOST WHAT THE EVIDENCE KNOWS'],
    ['last checkpoint', verdict.checkpoint],
    ['older than it', verdict.older ? 'yes' : 'no'],
    ['evidence', verdict.ledgerUnsound ? 'ITSELF OLDER OR BROKEN' : 'sound'],
    ['lost holds', holds.length],
    ['lost steps of releases', releaseSteps.length],
    ['lost freezes', freezes.length],
    ['lost caps that were tightened', caps.length],
    ['lost open trips of the circuit breaker', trips.length],
    ['lost setting of the throttle', throttle === null ? 'no' : 'yes'],
    [
      'evidence that cannot be read',
      unreadable.map(({ sequence }) => sequence).join(', ') || 'none',
    ],
    ['lost ends of keys', tombstones.length],
    ['lost splits of due days', splits.length],
    ['lost versions of the policy', policies.length],
    ['lost returns of due days', returns.length],
    ['lost stops of orders, withdrawals, keys taken out and rules', authority.length],
    ['lost commands', commands.length],
  ]);
  return {
    data: { ...verdict, clear },
    text: `${text}${commandTable(commands)}`,
    exitCode: clear ? 0 : 1,
  };
}

function describeReplayedControl(replayed: ReplayedControl): Answer {
  const { unknownTombstones: unknown, commands, limits } = replayed;
  const text = facts([
    ['frozen by', replayed.freezeId],
    ['holds put back', replayed.holds],
    ['steps of releases put back', replayed.releaseSteps],
    ['freezes put back', replayed.freezes],
    ['caps put back', limits.caps.length],
    ['open trips put back', limits.trips.length],
    ['stricter throttle put back', limits.throttle === null ? 'no' : 'yes'],
    ['quiet hours to set again', limits.throttle?.hasOtherQuietHours === true ? 'yes' : 'no'],
    ['ends of keys put back', replayed.tombstones],
    ['splits put back', replayed.splits],
    ['splits of unknown due days', replayed.unknownSplits.length],
    ['versions of the policy put back', replayed.policies],
    ['returns of due days put back', replayed.returns],
    ['stops of orders, keys taken out and rules put back', replayed.authority],
    ['ends of unknown cohorts', unknown.length],
    ['commands to send again', commands.length],
  ]);
  const done = unknown.length === 0 && commands.length === 0;
  const strays = straysTable(replayed.unknownSplits);
  return {
    data: replayed,
    text: `${text}${strays}${commandTable(commands)}`,
    exitCode: done ? 0 : 1,
  };
}

/** What was withheld of due days that control does not know: it is found as a stray, and its hold keeps it. */
function straysTable(splits: ReplayedControl['unknownSplits']): string {
  if (splits.length === 0) return '';
  const rows = splits.map((one) => [one.tenantId, one.withheldRunId, one.dueOn, one.holdId]);
  return `\nkept as strays until their holds end\n${table(['tenant', 'run', 'due on', 'hold'], rows)}`;
}

function commandTable(commands: ControlVerdict['commands']): string {
  if (commands.length === 0) return '';
  const rows = commands.map((one) => [one.tenantId, one.command, one.idempotencyKey]);
  return `\nsend again, each under its key\n${table(['tenant', 'command', 'key'], rows)}`;
}
