import { LetheError, isLetheError } from '../../domain/errors';
import {
  LEDGER_START,
  isOlderThanCheckpoint,
  type Checkpoint,
  type LedgerPosition,
} from '../../domain/evidence';
import type { Sql } from '../../contracts/sql';
import { EMPTY_RANGE, alignedPart, leafHash } from '../../transparency/merkle';
import type { SigningKeys } from '../../transparency/signing-keys';
import { TILE_WIDTH, growTiledTree, type TiledTree } from '../../transparency/tiles';
import { bucketOf, type ObjectStore } from '../objects/object-address';
import { lockVersion, type ObjectLock } from '../objects/object-lock';
import { putLocked } from '../objects/put-locked';
import { readControlPosition } from './control-position';
import {
  checkpointName,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
  type ExportedCheckpoint,
} from './exported-checkpoints';
import type { Ledger } from './ledger';
import { readHead, verifyLedger, type LedgerVerdict } from './read-ledger';
import { disagreeing, openCheckpoint, signCheckpoint } from './signed-checkpoint';
import { readTexts, storeTiles } from './tree-store';

/** Stores that a checkpoint binds together, and the keys that vouch for it. */
export interface CheckpointPorts {
  readonly ledger: Ledger;
  /** The evidence account's view of the buckets. */
  readonly objects: ObjectStore;
  /** A login that may select control. */
  readonly control: Sql;
  readonly keys: Pick<SigningKeys, 'log' | 'list'>;
}

/** What comparing with an exported checkpoint needs: no key that signs. */
export type CheckpointReaders = Omit<CheckpointPorts, 'keys'> & {
  readonly keys: Pick<SigningKeys, 'list'>;
};

/**
 * Verifies what the ledger gained since the last checkpoint, stores the tiles of the tree over it, signs
 * where ledger and control stand, writes that to the evidence bucket under a lock, and answers with the
 * version. From then on nobody can rewrite or cut off what lies before without being found, and a restored
 * control store is recognised.
 *
 * Effect: one locked object, one row in the index, tiles.
 * @idempotency the same position is exported once; an attempt that broke off is finished.
 * @returns null while the ledger is empty.
 * @throws LetheError DIGEST_MISMATCH when the ledger does not follow from the last checkpoint: nothing is
 *   exported then, because a checkpoint must not confirm what was tampered with.
 */
export async function exportCheckpoint(
  ports: CheckpointPorts,
  lock: ObjectLock,
): Promise<ExportedCheckpoint | null> {
  const last = await latestCheckpoint(ports.objects, ports.keys.list);
  const { verdict, tree } = await readOn(ports.ledger, last);
  if (verdict.broken !== null) {
    const { sequence, reason } = verdict.broken;
    throw new LetheError(
      'DIGEST_MISMATCH',
      `the evidence ledger is broken at entry ${sequence} (${reason}); no checkpoint was exported`,
    );
  }
  if (verdict.verified.sequence === LEDGER_START.sequence) return null;
  await storeTiles(ports.ledger.pool, tree.tiles);
  const exported =
    last?.checkpoint.sequence === verdict.verified.sequence
      ? await lockAgain(ports.objects, last, lock)
      : await putCheckpoint(ports, { position: verdict.verified, tree }, lock);
  await ports.ledger.recordCheckpoint(verdict.verified, exported);
  return exported;
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
export async function compareWithCheckpoint(ports: CheckpointReaders): Promise<RestoreVerdict> {
  const last = await latestCheckpoint(ports.objects, ports.keys.list);
  if (last === null) {
    const rows = await ports.ledger.pool.query('SELECT sequence FROM checkpoints LIMIT 1');
    if (rows.length > 0) {
      throw new LetheError(
        'VERIFICATION_FAILED',
        'the exported checkpoints are gone from the bucket',
      );
    }
    return { checkpoint: null, older: false, ledger: (await readOn(ports.ledger, null)).verdict };
  }
  const { checkpoint } = last;
  const head = await readHead(ports.ledger.pool);
  const { facts } = await readControlPosition(ports.control, checkpoint.control.asOf);
  return {
    checkpoint,
    older: isOlderThanCheckpoint({ ledger: head, facts }, checkpoint),
    ledger: (await readOn(ports.ledger, last)).verdict,
  };
}

/**
 * Reads on from a checkpoint: the chain of what came since, and the tree over all. The entries of the tile
 * that the checkpoint left unfinished are read again and must lead to its signed root.
 */
async function readOn(
  { pool }: Ledger,
  last: ExportedCheckpoint | null,
): Promise<{ readonly verdict: LedgerVerdict; readonly tree: TiledTree }> {
  const tree = growTiledTree(alignedPart(last?.range ?? EMPTY_RANGE, TILE_WIDTH));
  const seen = ({ text }: { readonly text: string }): void => {
    tree.append(leafHash(text));
  };
  if (last === null) return { verdict: await verifyLedger(pool, { seen }), tree };
  const { sequence, hash } = last.checkpoint;
  for (const text of await readTexts(pool, { after: tree.size, to: sequence })) seen({ text });
  const kept = tree.size === sequence && tree.root().equals(last.head.root);
  const verdict = await verifyLedger(pool, { from: { sequence, hash }, seen });
  const rewritten = verdict.broken === null && !kept;
  return {
    tree,
    verdict: rewritten ? { ...verdict, broken: { sequence, reason: 'rewritten' } } : verdict,
  };
}

async function putCheckpoint(
  ports: CheckpointPorts,
  found: { readonly position: LedgerPosition; readonly tree: TiledTree },
  lock: ObjectLock,
): Promise<ExportedCheckpoint> {
  const { sequence, hash } = found.position;
  const { signed } = signCheckpoint(
    {
      sequence,
      hash,
      at: await ports.ledger.instant(),
      clock: await ports.ledger.clock(),
      control: await readControlPosition(ports.control),
    },
    found.tree.range(),
    ports.keys,
  );
  const name = checkpointName(sequence);
  try {
    const { versionId } = await putLocked(ports.objects, {
      ...{ bucket: 'evidence', name, lock },
      body: Buffer.from(signed, 'utf8'),
    });
    return { ...openCheckpoint(signed, ports.keys.list), versionId, signed };
  } catch (error) {
    if (!isLetheError(error) || error.code !== 'DUPLICATE_KEY') throw error;
  }
  // An earlier attempt wrote it and did not come to lock it, or another process was faster.
  const versions = (await listCheckpoints(ports.objects)).get(name) ?? [];
  const there = await readCheckpoint(ports.objects, versions, ports.keys.list);
  if (there.checkpoint.hash !== hash) throw disagreeing('another one has its name');
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
