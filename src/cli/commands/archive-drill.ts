import { randomBytes } from 'node:crypto';
import { rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import {
  drillRestore,
  type DrillOrder,
  type DrillReport,
  type Scratch,
} from '../../activities/verification/drill';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { CommonOptions } from '../cli';
import { actorOf } from '../lifecycle-command';
import { facts, table, type Answer } from '../output';
import type { Session } from '../session';
import { badInput } from './archive-folder';
import { assertNewFolder, beginRestore } from './archive-restore';

/** Options of a drill; without `toScratch` there is none. */
export interface DrillOptions extends CommonOptions {
  readonly toScratch?: string;
  readonly tenant?: string;
  readonly run?: string;
  readonly dueOn?: string;
  readonly copy?: 'archive' | 'backup';
  readonly keep?: boolean;
  readonly requestedBy?: string;
}

/** Adds what a drill is told. */
export const addDrillOptions = (command: Command): Command =>
  command
    .option('--to-scratch <folder>', 'a drill: from the bucket into a new folder, then removed')
    .option('--tenant <id>', 'drill: tenant, tn_…')
    .option('--run <id>', 'drill: run of the tenant, rn_…')
    .option('--due-on <date>', 'drill: due day of the run, YYYY-MM-DD')
    .addOption(
      new Option('--copy <copy>', 'drill: which of the two copies; default: archive').choices([
        'archive',
        'backup',
      ]),
    )
    .option('--keep', 'drill: leaves what was restored in the folder')
    .option('--requested-by <id>', 'drill: opaque id of who asks; default: LETHE_ACTOR');

const DRILL_OPTIONS = {
  tenant: 'tenant',
  run: 'run',
  dueOn: 'due-on',
  copy: 'copy',
  keep: 'keep',
  requestedBy: 'requested-by',
} as const satisfies Partial<Record<keyof DrillOptions, string>>;

/**
 * Refuses options of a drill where there is none.
 *
 * @throws LetheError INVALID_INPUT naming the option.
 */
export function assertNoDrill(options: DrillOptions): void {
  for (const [name, option] of Object.entries(DRILL_OPTIONS)) {
    if (options[name as keyof typeof DRILL_OPTIONS] !== undefined) {
      throw badInput(option, 'belongs to a drill; give --to-scratch as well');
    }
  }
}

/**
 * Restores one due day from a bucket into a scratch folder, proves it and removes it again.
 *
 * @throws LetheError as `drillRestore`.
 */
export async function drillFromBucket(
  options: DrillOptions & { readonly toScratch: string },
  session: Session,
): Promise<Answer> {
  const { copy = 'archive', keep = false, toScratch } = options;
  const order: DrillOrder = {
    drillId: randomBytes(10).toString('hex'),
    tenantId: parseId('TenantId', options.tenant, 'tenant'),
    runId: parseId('RunId', options.run, 'run'),
    dueOn: dayOf(options.dueOn),
    copy,
    requestedBy: actorOf(options.requestedBy, session.config),
  };
  const scratch = openScratch(toScratch);
  try {
    return shown(await drillRestore(session.drills, order, { scratch, keep }));
  } finally {
    scratch.release();
  }
}

/**
 * A due day as an option.
 *
 * @throws LetheError INVALID_INPUT naming it.
 */
export function dayOf(given: string | undefined): string {
  if (given !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(given)) return given;
  throw badInput('due-on', 'must be a due day of the run, YYYY-MM-DD');
}

const STOPPING = ['SIGINT', 'SIGTERM'] as const;

/**
 * The folder of a drill. It removes what it made and nothing else; a signal ends the drill in order, so
 * that no tenant data stays behind.
 */
function openScratch(folder: string): Scratch & { readonly release: () => void } {
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  STOPPING.forEach((signal) => process.once(signal, stop));
  const written: { made?: string | undefined; tenantId?: string } = {};
  return {
    begin: (manifest) => {
      const made = assertNewFolder(folder, 'to-scratch');
      Object.assign(written, { made, tenantId: manifest.tenantId });
      return beginRestore(folder, manifest);
    },
    clear: async () => {
      if (written.tenantId === undefined) return;
      await removing(async () => {
        await rm(join(folder, written.tenantId ?? ''), { recursive: true, force: true });
        if (written.made !== undefined) removeFolders(folder, written.made);
      });
    },
    assertGoesOn: () => {
      if (stopped) throw new LetheError('VERIFICATION_FAILED', 'the drill was stopped');
    },
    release: () => {
      STOPPING.forEach((signal) => process.off(signal, stop));
    },
  };
}

/** Removes a folder and those above it up to the first one that was made; none that holds anything. */
function removeFolders(folder: string, made: string): void {
  for (let path = resolve(folder); path.startsWith(resolve(made)); path = dirname(path)) {
    rmdirSync(path);
  }
}

async function removing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw new LetheError(
      'STORE_REFUSED',
      'the scratch folder cannot be removed and may hold tenant data: remove it by hand',
      { field: 'to-scratch', cause },
    );
  }
}

function shown(report: DrillReport): Answer {
  const rows = report.locations.map((one) => [
    one.location,
    one.records,
    one.bytes,
    one.setDigest.slice(0, 16),
  ]);
  const text = facts([
    ['restored', 'every record is as it was sealed'],
    ['drill', report.drillId],
    ['run', report.runId],
    ['due on', report.dueOn],
    ['copy', report.copy],
    ['records', report.records],
    ['bytes', report.bytes],
    ['stored bytes', report.storedBytes],
    ['seconds', (report.milliseconds / 1000).toFixed(1)],
    ['scratch folder', report.kept ? 'KEPT: tenant data in clear, remove it yourself' : 'removed'],
  ]);
  return {
    data: report,
    text: `${text}\n${table(['location', 'records', 'bytes', 'digest'], rows)}`,
  };
}
