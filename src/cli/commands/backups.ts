import { Option, type Command } from 'commander';
import { expireBackup, registerBackup } from '../../activities/control/backups';
import type { BackupRecord } from '../../contracts/control-reader';
import {
  BACKUP_DATABASES,
  BACKUP_STORES,
  type BackupDatabase,
  type BackupStore,
} from '../../domain/backups';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import { actorOf } from '../lifecycle-command';
import { table, type Answer } from '../output';

interface AddOptions extends CommonOptions {
  readonly set: string;
  readonly store: BackupStore;
  readonly covers: readonly BackupDatabase[];
  readonly location: string;
  readonly takenAt: string;
  readonly expiresAt: string;
  readonly requestedBy?: string;
}

interface ExpireOptions extends CommonOptions {
  readonly set: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

/** `lethe backups add|list|expire`: which backups exist; certificates name them until they are gone. */
export function addBackups(lethe: Command, cli: Cli): void {
  const backups = lethe
    .command('backups')
    .description('the register of backups: certificates name them until they are gone');
  addAdd(backups, cli);
  addCommand(backups, 'list', 'every registered backup, newest first').action(
    cli.action<CommonOptions>(async (_options, { reader }) => answer(await reader.backups())),
  );
  addCommand(backups, 'expire', 'report that a backup is gone; certificates no longer name it')
    .requiredOption('--set <id>', 'backup, bs_…')
    .option('--requested-by <id>', 'opaque id of who reports it; default: LETHE_ACTOR')
    .option('--confirm <set>', "the backup's id once more, instead of being asked")
    .action(
      cli.action<ExpireOptions>(async (options, session) => {
        const expiredBy = actorOf(options.requestedBy, session.config);
        await confirm(cli.io, {
          id: options.set,
          consequence: 'Certificates will no longer say that this backup exists',
          given: options.confirm,
          json: options.json,
        });
        return answer(await expireBackup(session.freezes, { setId: options.set, expiredBy }));
      }),
    );
}

function addAdd(backups: Command, cli: Cli): void {
  addCommand(backups, 'add', 'register a backup that was taken')
    .requiredOption('--set <id>', 'backup, bs_…')
    .addOption(new Option('--store <store>').choices([...BACKUP_STORES]).makeOptionMandatory())
    .addOption(
      new Option('--covers <database...>', 'databases without the environment')
        .choices([...BACKUP_DATABASES])
        .makeOptionMandatory(),
    )
    .requiredOption('--location <address>', 'where it is kept; no secrets')
    .requiredOption('--taken-at <instant>', 'state that it holds, RFC 3339 with offset')
    .requiredOption('--expires-at <instant>', 'when it is to be gone')
    .option('--requested-by <id>', 'opaque id of who registers it; default: LETHE_ACTOR')
    .action(
      cli.action<AddOptions>(async (options, session) => {
        const { set: setId, store, covers, location, takenAt, expiresAt } = options;
        const registeredBy = actorOf(options.requestedBy, session.config);
        const order = { setId, store, covers, location, takenAt, expiresAt, registeredBy };
        return answer(await registerBackup(session.freezes, order));
      }),
    );
}

function answer(given: BackupRecord | readonly BackupRecord[]): Answer {
  const sets = Array.isArray(given) ? (given as readonly BackupRecord[]) : [given as BackupRecord];
  const rows = sets.map((set) => [
    set.setId,
    set.store,
    set.covers.join(','),
    set.takenAt,
    set.expiresAt,
    stateOf(set),
    set.location,
  ]);
  const head = ['set', 'store', 'covers', 'taken', 'to be gone', 'state', 'kept at'];
  return { data: given, text: rows.length === 0 ? 'no backups\n' : table(head, rows) };
}

function stateOf(set: BackupRecord): string {
  if (set.expiredAt !== null) return `gone ${set.expiredAt}`;
  if (set.overdue) return 'OVERDUE: delete it and report it with expire';
  return set.tooLong ? 'there; TOO LONG: 21 days at most' : 'there';
}
