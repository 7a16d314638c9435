import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { handOutKey, type KeyPlace } from '../../activities/verification/hand-out-key';
import type { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { addCommand, type Cli, type CommonOptions } from '../cli';
import { confirm } from '../confirm';
import type { CliIo } from '../io';
import { actorOf } from '../lifecycle-command';
import { facts, type Answer } from '../output';
import type { Session } from '../session';
import { dayOf } from './archive-drill';
import { badInput } from './archive-folder';

/** Whose key goes into which file. */
interface KeyOptions extends CommonOptions {
  readonly tenant: string;
  readonly run: string;
  readonly dueOn: string;
  readonly out: string;
  readonly requestedBy?: string;
  readonly confirm?: string;
}

/** A key opens a whole due day: for its owner's eyes. */
const FILE_MODE = 0o600;

/**
 * Writes the key of one archived due day into a new file that `archive verify` and `archive restore` take.
 *
 * @throws LetheError as `handOutKey`; CONFIRMATION_REQUIRED.
 */
async function writeKey(io: CliIo, options: KeyOptions, session: Session): Promise<Answer> {
  const order = {
    handOutId: randomBytes(10).toString('hex'),
    tenantId: parseId('TenantId', options.tenant, 'tenant'),
    runId: parseId('RunId', options.run, 'run'),
    dueOn: dayOf(options.dueOn),
    requestedBy: actorOf(options.requestedBy, session.config),
  };
  // Before anything is put on record that the certificate will repeat.
  if (existsSync(options.out)) throw notNew();
  await confirm(io, {
    id: order.runId,
    consequence: 'The key leaves the engine, and the certificate of the due day will say so',
    given: options.confirm,
    json: options.json,
  });
  const keyRef = await handOutKey(session.drills, order, fileAt(options.out));
  const text = facts([
    ['key', keyRef],
    ['file', options.out],
    ['entry', order.handOutId],
    ['left to do', 'remove the file yourself when the reader has ended'],
  ]);
  return { data: { keyRef, file: options.out, handOutId: order.handOutId }, text };
}

function fileAt(path: string): KeyPlace {
  return {
    put: (keyRef, dataKey) => {
      const file = openNew(path);
      try {
        writeSync(file, `${keyRef} ${dataKey.toString('hex')}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    clear: () => {
      rmSync(path, { force: true });
    },
  };
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', FILE_MODE);
  } catch (cause) {
    throw notNew(cause);
  }
}

const notNew = (cause?: unknown): LetheError =>
  badInput('out', 'must name a file that can be made and is not there', cause);

/** Adds `archive key`. */
export function addKeyCommand(archive: Command, cli: Cli): void {
  addCommand(archive, 'key', 'writes the key of one due day into a file, for another reader')
    .requiredOption('--tenant <id>', 'tenant, tn_…')
    .requiredOption('--run <id>', 'run of the tenant, rn_…')
    .requiredOption('--due-on <date>', 'due day of the run, YYYY-MM-DD')
    .requiredOption('--out <file>', 'a file that is not there yet')
    .option('--requested-by <id>', 'opaque id of who asks; default: LETHE_ACTOR')
    .option('--confirm <id>', 'the id of the run once more; asked for at a terminal otherwise')
    .action(cli.action((options: KeyOptions, session) => writeKey(cli.io, options, session)));
}
