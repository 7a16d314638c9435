import { createHash, type Hash } from 'node:crypto';
import type { RecordLocation } from '../../domain/inventory';

/** Records of one batch: SQL rows are many to a statement, documents are stamped first. */
const SQL_BATCH = 1000;
const DOCUMENT_BATCH = 500;

/** One batch of a sealed manifest; `ids` is the exact text whose SHA-256 is `idDigest`. */
export interface SealedBatch {
  readonly location: RecordLocation;
  readonly batchNumber: number;
  /** Empty for a move, which takes rows of many due days at once. */
  readonly dueOn: string;
  /** Empty where every id names its asset. */
  readonly assetId: string;
  readonly ids: string;
  readonly idCount: number;
  readonly idDigest: string;
}

/** An id as a batch lists it. */
export interface BatchedId {
  readonly location: RecordLocation;
  readonly dueOn: string;
  readonly assetId: string;
  readonly versionId: string;
}

interface Open {
  readonly dueOn: string;
  readonly assetId: string;
  readonly ids: unknown[];
}

/**
 * Cuts a stream of ids into batches: SQL ids as pairs of asset and version, document ids per asset. The
 * numbers of a location run without gaps.
 */
export class Batcher {
  private readonly open = new Map<RecordLocation, Open>();
  private readonly numbers = new Map<RecordLocation, number>();
  private readonly digest: Hash = createHash('sha256');

  /** Adds an id and returns the batch that it completed or that had to end before it. */
  add(id: BatchedId): SealedBatch | null {
    const isDocument = id.location.startsWith('mongodb:');
    const assetId = isDocument ? id.assetId : '';
    let ended: SealedBatch | null = null;
    let open = this.open.get(id.location);
    if (open !== undefined && (open.assetId !== assetId || open.dueOn !== id.dueOn)) {
      ended = this.end(id.location, open);
      open = undefined;
    }
    open ??= { dueOn: id.dueOn, assetId, ids: [] };
    this.open.set(id.location, open);
    open.ids.push(isDocument ? id.versionId : [id.assetId, id.versionId]);
    const full = open.ids.length >= (isDocument ? DOCUMENT_BATCH : SQL_BATCH);
    return full && ended === null ? this.end(id.location, open) : ended;
  }

  /** The batches that are still open. */
  rest(): readonly SealedBatch[] {
    return [...this.open].map(([location, open]) => this.end(location, open));
  }

  /** Digest over all batches so far, in the order in which they ended. */
  digestWith(trailer: string): string {
    return this.digest.copy().update(trailer).digest('hex');
  }

  private end(location: RecordLocation, open: Open): SealedBatch {
    this.open.delete(location);
    const batchNumber = (this.numbers.get(location) ?? 0) + 1;
    this.numbers.set(location, batchNumber);
    const ids = JSON.stringify(open.ids);
    const idDigest = createHash('sha256').update(ids).digest('hex');
    this.digest.update(`${location} ${batchNumber} ${open.dueOn} ${open.ids.length} ${idDigest}\n`);
    return {
      location,
      batchNumber,
      dueOn: open.dueOn,
      assetId: open.assetId,
      ids,
      idCount: open.ids.length,
      idDigest,
    };
  }
}
