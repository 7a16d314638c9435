import type { Checkpoint } from '../../domain/evidence';
import type { KeyList } from '../../transparency/key-list';
import { listEverything, type ListedVersion } from '../objects/list-everything';
import type { ObjectStore } from '../objects/object-address';
import { readVersion } from '../objects/read-version';
import { disagreeing, openCheckpoint, type OpenedCheckpoint } from './signed-checkpoint';

/** A checkpoint as the bucket holds it, with its signatures checked. */
export interface ExportedCheckpoint extends OpenedCheckpoint {
  readonly versionId: string;
  /** The signed document, verbatim. */
  readonly signed: string;
}

const PREFIX = 'ledger/checkpoints/';
const NAME = /^ledger\/checkpoints\/(\d{16})\.json$/;
const NUMBER_DIGITS = 16;
/** A checkpoint is a few thousand bytes. */
const BYTES_MAX = 32_768;

/** Name of the checkpoint at a sequence number; padded, so that a listing is in order. */
export const checkpointName = (sequence: number): string =>
  `${PREFIX}${String(sequence).padStart(NUMBER_DIGITS, '0')}.json`;

/** Names of all exported checkpoints with their versions, in the order of the ledger. */
export async function listCheckpoints(
  objects: ObjectStore,
): Promise<ReadonlyMap<string, readonly ListedVersion[]>> {
  const { versions } = await listEverything(objects, { bucket: 'evidence', prefix: PREFIX });
  const names = [...new Set(versions.map(({ name }) => name).filter((name) => NAME.test(name)))];
  return new Map(
    names.sort().map((name) => [name, versions.filter((version) => version.name === name)]),
  );
}

/**
 * The newest checkpoint in the bucket, which is the truth: its writer cannot remove a version, and the
 * databases' administrators can neither reach it nor sign another. Reading, so safe to repeat.
 *
 * @throws LetheError DIGEST_MISMATCH when versions of one name disagree or one does not count.
 */
export async function latestCheckpoint(
  objects: ObjectStore,
  keys: KeyList,
): Promise<ExportedCheckpoint | null> {
  const newest = [...(await listCheckpoints(objects)).values()].at(-1);
  return newest === undefined ? null : readCheckpoint(objects, newest, keys);
}

/**
 * Reads all versions of one name; they must say the same about the ledger, and the oldest one counts.
 *
 * @throws LetheError DIGEST_MISMATCH
 */
export async function readCheckpoint(
  objects: ObjectStore,
  versions: readonly ListedVersion[],
  keys: KeyList,
): Promise<ExportedCheckpoint> {
  const read: ExportedCheckpoint[] = [];
  for (const { name, versionId } of versions) {
    const signed = await readText(objects, { name, versionId });
    const opened = openCheckpoint(signed, keys);
    if (checkpointName(opened.checkpoint.sequence) !== name) {
      throw disagreeing('it has the name of another one');
    }
    read.push({ ...opened, versionId, signed });
  }
  const first = read.at(-1);
  if (first === undefined) throw disagreeing('it is gone');
  if (!read.every((other) => isSamePlace(other.checkpoint, first.checkpoint))) {
    throw disagreeing(
      `two are signed for entry ${first.checkpoint.sequence}: the ledger was forked`,
    );
  }
  return first;
}

const isSamePlace = (a: Checkpoint, b: Checkpoint): boolean =>
  a.hash === b.hash && a.tree.join() === b.tree.join();

async function readText(
  objects: ObjectStore,
  { name, versionId }: Pick<ListedVersion, 'name' | 'versionId'>,
): Promise<string> {
  const chunks: Buffer[] = [];
  const address = { bucket: 'evidence', name, versionId } as const;
  for await (const chunk of readVersion(objects, address, BYTES_MAX)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
