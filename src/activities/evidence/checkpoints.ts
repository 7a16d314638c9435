import { LetheError, isLetheError } from '../../domain/errors';
import {
  LEDGER_START,
  isOlderThanCheckpoint,
  type Checkpoint,
  type ControlPosition,
  type LedgerPosition,
} from '../../domain/evidence';
import type { Sql } from '../../contracts/sql';
import { listEverything, type ListedVersion } from '../objects/list-everything';
import type { ObjectStore } from '../objects/object-address';
import { bucketOf } from '../objects/object-address';
import { lockVersion, type ObjectLock } from '../objects/object-lock';
import { putLocked } from '../objects/put-locked';
import { readVersion } from '../objects/read-version';
import { readControlPosition } from './control-position';
import type { Ledger } from './ledger';
import { readHead, verifyLedger, type LedgerVerdict } from './read-ledger';
import { canonicalText } from './text';

/** Stores that a checkpoint binds together. */
export interface CheckpointPorts {
  readonly ledger: Ledger;
  /** The evidence account's view of the buckets. */
  readonly objects: ObjectStore;
  /** A login that may select control. */
  readonly control: Sql;
}

/** A checkpoint as the bucket holds it. */
export interface ExportedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly versionId: string;
}

const PREFIX = 'ledger/checkpoints/';
const NAME = /^ledger\/checkpoints\/(\d{16})\.json$/;
const NUMBER_DIGITS = 16;
/** A checkpoint is a few hundred bytes. */
const BYTES_MAX = 16_384;

/** Name of the checkpoint at a sequence number; padded, so that a listing is in order. */
export const checkpointName = (sequence: number): string =>
  `${PREFIX}${String(sequence).padStart(NUMBER_DIGITS, '0')}.json`;

/**
 * Verifies what the ledger gained since the last checkpoint, writes where ledger and control stand to the
 * evidence bucket under a lock, and answers with the version. From then on nobody can rewrite or cut off
 * what lies before without being found, and a restored control store is recognised.
 *
 * Effect: one locked object, one row in the index.
 * @idempotency the same position is exported once; an attempt that broke off is finished.
 * @returns null while the ledger is empty.
 * @throws LetheError DIGEST_MISMATCH when the ledger does not follow from the last checkpoint: nothing is
 *   exported then, because a checkpoint must not confirm what was tampered with.
 */
export async function exportCheckpoint(
  ports: CheckpointPorts,
  lock: ObjectLock,
): Promise<ExportedCheckpoint | null> {
  const last = await latestCheckpoint(ports.objects);
  const { verified, broken } = await verifyFrom(ports.ledger, last);
  if (broken !== null) {
    throw new LetheError(
      'DIGEST_MISMATCH',
      `the evidence ledger is broken at entry ${broken.sequence} (${broken.reason}); no checkpoint was exported`,
    );
  }
  if (verified.sequence === LEDGER_START.sequence) return null;
  const exported =
    last?.checkpoint.sequence === verified.sequence
      ? await lockAgain(ports.objects, last, lock)
      : await putCheckpoint(ports, verified, lock);
  await ports.ledger.recordCheckpoint(verified, exported.versionId);
  return exported;
}

/**
 * The newest checkpoint in the bucket, which is the truth: its writer cannot remove a version and the
 * databases' administrators cannot reach it. Reading, so safe to repeat.
 *
 * @throws LetheError DIGEST_MISMATCH when versions of one name disagree or one is no checkpoint.
 */
export async function latestCheckpoint(objects: ObjectStore): Promise<ExportedCheckpoint | null> {
  const { versions } = await listEverything(objects, { bucket: 'evidence', prefix: PREFIX });
  const newest = versions
    .map(({ name }) => name)
    .filter((name) => NAME.test(name))
    .sort()
    .at(-1);
  if (newest === undefined) return null;
  return readAll(
    objects,
    versions.filter(({ name }) => name === newest),
  );
}

/** Whether somebody restored a store behind the last checkpoint, or tampered with the ledger since. */
export interface RestoreVerdict {
  readonly checkpoint: Checkpoint | null;
  /** True: freeze, and replay holds and commands, before anything is destroyed. */
  readonly older: boolean;
  readonly ledger: LedgerVerdict;
}

/**
 * Compares ledger and control with the last exported checkpoint; a worker asks at its start and refuses
 * to act on `older` or on a broken ledger. A bucket without checkpoints although some were exported counts
 * as unverifiable. Reading, so safe to repeat.
 *
 * @throws LetheError VERIFICATION_FAILED when the exported checkpoints are gone; STORE_UNAVAILABLE.
 */
export async function compareWithCheckpoint(ports: CheckpointPorts): Promise<RestoreVerdict> {
  const last = await latestCheckpoint(ports.objects);
  if (last === null) {
    const rows = await ports.ledger.pool.query('SELECT sequence FROM checkpoints LIMIT 1');
    if (rows.length > 0) {
      throw new LetheError(
        'VERIFICATION_FAILED',
        'the exported checkpoints are gone from the bucket',
      );
    }
    return { checkpoint: null, older: false, ledger: await verifyFrom(ports.ledger, null) };
  }
  const { checkpoint } = last;
  const head = await readHead(ports.ledger.pool);
  const { facts } = await readControlPosition(ports.control, checkpoint.control.asOf);
  return {
    checkpoint,
    older: isOlderThanCheckpoint({ ledger: head, facts }, checkpoint),
    ledger: await verifyFrom(ports.ledger, last),
  };
}

async function verifyFrom(ledger: Ledger, last: ExportedCheckpoint | null): Promise<LedgerVerdict> {
  return last === null
    ? verifyLedger(ledger.pool)
    : verifyLedger(ledger.pool, {
        from: { sequence: last.checkpoint.sequence, hash: last.checkpoint.hash },
      });
}

async function putCheckpoint(
  ports: CheckpointPorts,
  position: LedgerPosition,
  lock: ObjectLock,
): Promise<ExportedCheckpoint> {
  const checkpoint: Checkpoint = {
    version: 1,
    sequence: position.sequence,
    hash: position.hash,
    at: await ports.ledger.instant(),
    clock: await ports.ledger.clock(),
    control: await readControlPosition(ports.control),
  };
  const name = checkpointName(position.sequence);
  try {
    const { versionId } = await putLocked(ports.objects, {
      bucket: 'evidence',
      name,
      body: Buffer.from(canonicalText(checkpoint), 'utf8'),
      lock,
    });
    return { checkpoint, versionId };
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'DUPLICATE_KEY') throw error;
  }
  // An earlier attempt wrote it and did not come to lock it, or another process was faster.
  const there = await latestCheckpoint(ports.objects);
  if (there?.checkpoint.hash !== position.hash) throw disagreeing();
  return lockAgain(ports.objects, there, lock);
}

async function lockAgain(
  objects: ObjectStore,
  exported: ExportedCheckpoint,
  lock: ObjectLock,
): Promise<ExportedCheckpoint> {
  const { checkpoint, versionId } = exported;
  const bucket = bucketOf(objects, 'evidence');
  await lockVersion(
    objects,
    { bucket, name: checkpointName(checkpoint.sequence), versionId },
    lock,
  );
  return exported;
}

/** All versions of one name must say the same about the ledger; the oldest one is the checkpoint. */
async function readAll(
  objects: ObjectStore,
  versions: readonly ListedVersion[],
): Promise<ExportedCheckpoint> {
  const read: ExportedCheckpoint[] = [];
  for (const { name, versionId } of versions) {
    const chunks: Buffer[] = [];
    const address = { bucket: 'evidence', name, versionId } as const;
    for await (const chunk of readVersion(objects, address, BYTES_MAX)) chunks.push(chunk);
    read.push({ checkpoint: parseCheckpoint(Buffer.concat(chunks), name), versionId });
  }
  const first = read.at(-1);
  if (first === undefined) throw disagreeing();
  if (read.some(({ checkpoint }) => checkpoint.hash !== first.checkpoint.hash)) throw disagreeing();
  return first;
}

function parseCheckpoint(bytes: Buffer, name: string): Checkpoint {
  let value: Partial<Checkpoint> | null;
  try {
    value = JSON.parse(bytes.toString('utf8')) as Partial<Checkpoint> | null;
  } catch {
    throw disagreeing();
  }
  const valid =
    value?.version === 1 &&
    Number.isSafeInteger(value.sequence) &&
    checkpointName(value.sequence ?? 0) === name &&
    /^[0-9a-f]{64}$/.test(value.hash ?? '') &&
    isControlPosition(value.control);
  if (!valid) throw disagreeing();
  return value as Checkpoint;
}

const isControlPosition = (value: ControlPosition | undefined): boolean =>
  typeof value?.asOf === 'string' &&
  typeof value.facts === 'object' &&
  Object.values(value.facts).every(Number.isSafeInteger);

const disagreeing = (): LetheError =>
  new LetheError('DIGEST_MISMATCH', 'the exported checkpoints disagree or are not readable');
