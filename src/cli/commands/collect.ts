import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { collectHost, localAssetId, reportText } from '../../collector';
import { FINGERPRINT_KINDS } from '../../contracts/observations';
import type { HostReport } from '../../contracts/schemas/host-report';
import { LetheError } from '../../domain/errors';
import type { Cli } from '../cli';
import type { CliIo } from '../io';
import { printFailure, table } from '../output';

/** What to collect and where to put it. */
export interface CollectCommandOptions {
  readonly root: string;
  /** Where the kernel shows its processes; `/proc` for the root of this machine, else none. */
  readonly proc?: string;
  /** Made from the machine's own id when absent. */
  readonly assetId?: string;
  /** File for the report; standard output when absent. */
  readonly out?: string;
  readonly collectedAt: string;
  /** False: all directories are not searched. */
  readonly search?: boolean;
  /** Errors as JSON. */
  readonly json: boolean;
}

/** Only its owner may read a report: it says how the machine could be attacked. */
const PRIVATE = 0o600;

/**
 * Reads a host without any server and gives the report as one line of JSON; a table of counts and of
 * what stayed unread goes to standard error. Ends with 0 when there is a report, with 1 when it cannot
 * be written, with 2 for bad input. Running it again replaces the file as a whole.
 */
export function runCollect(options: CollectCommandOptions, io: CliIo): number {
  try {
    const report = collectHost({
      root: options.root,
      proc: options.proc ?? (options.root === '/' ? '/proc' : null),
      assetId: options.assetId ?? localAssetId(options.root),
      collectedAt: options.collectedAt,
      ...(options.search !== undefined && { search: options.search }),
    });
    const text = `${reportText(report)}\n`;
    if (options.out === undefined) io.stdout(text);
    else deliver(options.out, text);
    io.stderr(summaryOf(report));
    return 0;
  } catch (error) {
    return printFailure(io, options.json, error);
  }
}

function deliver(out: string, text: string): void {
  try {
    writePrivately(out, text);
  } catch (cause) {
    throw new LetheError('ACCESS_DENIED', '--out cannot be written; name a file in a folder', {
      field: 'out',
      cause,
    });
  }
}

/** Writes beside the file and moves it there: nobody sees half a report or one that others may read. */
function writePrivately(out: string, text: string): void {
  const draft = `${out}.${randomBytes(8).toString('hex')}`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(draft, flags, PRIVATE);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
    renameSync(draft, out);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function summaryOf(report: HostReport): string {
  const rows = FINGERPRINT_KINDS.map((kind) => {
    const records = report.fingerprints.filter((record) => record.kind === kind).length;
    return [kind, records, unreadText(report, kind)] as const;
  });
  const assets = [
    ['containers', report.containers.length, unreadText(report, 'container')] as const,
    ['clusters', report.clusters.length, unreadText(report, 'cluster')] as const,
  ];
  return table(['kind', 'records', 'unread'], [...rows, ...assets]);
}

const unreadText = (report: HostReport, kind: string): string =>
  report.unread
    .filter((trouble) => trouble.kind === kind)
    .map(({ reason, count }) => `${reason} (${count})`)
    .join(', ');

/** Adds `collect`, whose instant is now unless one is given. */
export function addCollectCommand(lethe: Command, cli: Cli): void {
  lethe
    .command('collect')
    .description('reads a host into a report; needs no server')
    .option('--root <folder>', 'root of the files to read', '/')
    .option('--proc <folder>', 'processes of the machine; /proc for this one, none for a folder')
    .option('--asset-id <id>', 'as_...; made from the machine id when absent')
    .option('--out <file>', 'file for the report, readable by its owner only')
    .option('--collected-at <instant>', 'RFC 3339; now when absent')
    .option('--no-search', 'leave out what is found by searching all directories, and say so')
    .option('--json', 'errors as JSON; the report always is', false)
    .action((options: GivenOptions) => {
      const collectedAt = options.collectedAt ?? new Date().toISOString();
      cli.exitCode = runCollect({ ...options, collectedAt }, cli.io);
    });
}

type GivenOptions = Omit<CollectCommandOptions, 'collectedAt'> &
  Partial<Pick<CollectCommandOptions, 'collectedAt'>>;
