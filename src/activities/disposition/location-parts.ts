import {
  createPartWriter,
  createSetDigest,
  type PartIdentity,
  type PartWriter,
  type RecordSchema,
  type SetDigest,
} from '../../archive-format';
import { RECORD_TABLES } from '../../contracts/record-tables';
import type { RecordLocation } from '../../domain/inventory';
import type { LiveRecord } from './live-records';
import type { FinishedPart } from './seal-parts';

/** Parts grow to about this size before they are written, in bytes of plaintext: 8 MiB. */
const PART_BYTES = 8 * 1024 * 1024;

/** The records of a finished part are no longer those that it was made of: the attempt is given up. */
export class OtherRecords extends Error {}

/** A part that takes nothing more and is to be written. */
export interface WrittenPart {
  readonly location: RecordLocation;
  readonly writer: PartWriter;
  readonly digest: SetDigest;
  readonly firstRecord: number;
}

/** Whose parts they are. */
export interface PartOrigin {
  readonly identity: Omit<PartIdentity, 'part'>;
  readonly dataKey: Buffer;
  /** A number that no part of the cohort has. */
  readonly nextNumber: () => number;
  /** Parts that an earlier worker finished, in the order of their first records. */
  readonly finished: readonly FinishedPart[];
  /** Told of a finished part once its records were found again. */
  readonly onFound: (part: FinishedPart) => void;
}

/**
 * The parts of one cohort and location in the making. Records come in the same order in every pass, so the
 * place of a record says whether a part that is finished holds it: then it is only compared.
 */
export class LocationParts {
  private place = 0;
  private open: WrittenPart | undefined;
  private readonly finished: FinishedPart[];
  private found: { readonly part: FinishedPart; readonly digest: SetDigest } | undefined;

  constructor(private readonly origin: PartOrigin) {
    this.finished = [...origin.finished];
  }

  /** Bytes that wait in memory. */
  get bufferedBytes(): number {
    return this.open?.writer.bufferedBytes ?? 0;
  }

  /**
   * Takes a record; the answer is a part that is to be written, or null.
   *
   * @throws OtherRecords when a finished part holds something else.
   */
  append(record: LiveRecord): WrittenPart | null {
    const ended = this.finished[0]?.firstRecord === this.place ? this.finish() : null;
    if (this.found === undefined && this.finished[0]?.firstRecord === this.place) {
      const part = this.finished.shift();
      if (part !== undefined) this.found = { part, digest: createSetDigest(this.origin.dataKey) };
    }
    this.place += 1;
    if (this.found !== undefined) {
      this.compare(record, this.found);
      return ended;
    }
    const open = this.open ?? this.begin();
    open.writer.append(record.content);
    open.digest.add(record);
    return open.writer.plaintextBytes >= PART_BYTES ? this.finish() : null;
  }

  /** Ends the open part. */
  finish(): WrittenPart | null {
    const open = this.open ?? null;
    this.open = undefined;
    return open;
  }

  /** A part without records, for a number that would be missing. */
  empty(part: number): WrittenPart {
    return this.partUnder(part);
  }

  /** @throws OtherRecords when records of a finished part were not found again. */
  assertComplete(): void {
    if (this.found !== undefined || this.finished.length > 0) throw new OtherRecords();
  }

  private begin(): WrittenPart {
    this.open = this.partUnder(this.origin.nextNumber());
    return this.open;
  }

  private partUnder(part: number): WrittenPart {
    const { identity, dataKey } = this.origin;
    const { location } = identity;
    const schema = schemaOf(location);
    return {
      location,
      writer: createPartWriter({ identity: { ...identity, part }, schema, dataKey }),
      digest: createSetDigest(dataKey),
      firstRecord: this.place - 1,
    };
  }

  private compare(
    record: LiveRecord,
    { part, digest }: { readonly part: FinishedPart; readonly digest: SetDigest },
  ): void {
    digest.add(record);
    if (digest.count < part.records) return;
    if (digest.value() !== part.setDigest) throw new OtherRecords();
    this.found = undefined;
    this.origin.onFound(part);
  }
}

/** How the records of a location are written down. */
export function schemaOf(location: RecordLocation): RecordSchema {
  const table = RECORD_TABLES.find((candidate) => candidate.location === location);
  return table === undefined ? { kind: 'bson' } : { kind: 'sql', columns: table.columns };
}
