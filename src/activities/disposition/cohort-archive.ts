import {
  createPartWriter,
  createSetDigest,
  manifestDigest,
  sealManifest,
  type CohortIdentity,
  type ManifestPart,
  type PartWriter,
  type RecordSchema,
  type SetDigest,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import { RECORD_TABLES } from '../../contracts/record-tables';
import type { DataKeys } from '../../contracts/stores';
import { archiveObjectName } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import type { RecordLocation } from '../../domain/inventory';
import type { ObjectStore } from '../objects/object-address';
import type { ObjectLock } from '../objects/object-lock';
import { putLocked, type StoredObject } from '../objects/put-locked';
import type { CohortDraft } from './drafts';
import type { LiveRecord } from './live-assets';
import type { RunRow } from './run-rows';

/** Parts grow to about this size before they are written, in bytes of plaintext: 8 MiB. */
const PART_BYTES = 8 * 1024 * 1024;
/** All parts in the making together hold at most about this much memory: 48 MiB. */
const BUFFERED_BYTES_MAX = 48 * 1024 * 1024;

/** The two copies of everything archived. */
export const COPIES = Object.freeze(['archive', 'backup'] as const);
/** One of the two copies. */
export type Copy = (typeof COPIES)[number];

/** An object as written to one copy. */
export interface WrittenObject extends StoredObject {
  readonly copy: Copy;
  readonly name: string;
  readonly part: number | 'manifest';
}

/** A cohort's archive when everything is written. */
export interface SealedCohort {
  readonly dueOn: string;
  readonly keyRef: string;
  readonly records: number;
  readonly newestObservedAt: string;
  readonly earliestAt: string;
  readonly baseEarliestAt: string | null;
  readonly counts: ReadonlyMap<RecordLocation, number>;
  readonly objects: readonly WrittenObject[];
  readonly manifestDigest: string;
}

/** What writing a cohort's archive needs. */
export interface CohortArchivePorts {
  readonly objects: ObjectStore;
  readonly lock: (earliestAt: string) => ObjectLock;
  readonly keys: DataKeys;
}

interface OpenPart {
  readonly location: RecordLocation;
  writer: PartWriter;
}

/**
 * The archive of one cohort in the making: parts per location, encrypted under the cohort's key, written
 * to both copies under the attempt's own names, so that a late writer replaces nothing.
 */
export class CohortArchive {
  private readonly open = new Map<RecordLocation, OpenPart>();
  private readonly totals = new Map<RecordLocation, SetDigest>();
  private readonly parts: ManifestPart[] = [];
  private readonly objects: WrittenObject[] = [];
  private newestObservedAt = '';
  private partsBegun = 0;

  private constructor(
    private readonly ports: CohortArchivePorts,
    private readonly run: RunRow,
    private readonly place: {
      readonly draft: CohortDraft;
      readonly attempt: string;
      readonly dataKey: Buffer;
    },
  ) {}

  /** Makes or reads the cohort's key; nothing is written yet. */
  static async begin(
    ports: CohortArchivePorts,
    run: RunRow,
    place: { readonly draft: CohortDraft; readonly attempt: string },
  ): Promise<CohortArchive> {
    const dataKey = await ports.keys.ensure({
      keyRef: cohortKeyRef(run.runId, place.draft.dueOn),
      tenantId: run.tenantId,
      notBefore: place.draft.minimumAt,
    });
    return new CohortArchive(ports, run, { ...place, dataKey });
  }

  /** Bytes that wait in memory. */
  get bufferedBytes(): number {
    let sum = 0;
    for (const { writer } of this.open.values()) sum += writer.bufferedBytes;
    return sum;
  }

  /** Takes a record; writes its part when that is full. */
  async append(record: LiveRecord): Promise<void> {
    const part = this.partOf(record.location);
    part.writer.append(record.content);
    this.totalOf(record.location).add(record);
    if (record.observedUntil > this.newestObservedAt) this.newestObservedAt = record.observedUntil;
    if (part.writer.plaintextBytes >= PART_BYTES) await this.write(part);
  }

  /** Writes everything that waits. */
  async flush(): Promise<void> {
    for (const part of [...this.open.values()]) await this.write(part);
  }

  /** Writes the manifest of the cohort, the commit point of its archive. */
  async seal(createdAt: string): Promise<SealedCohort> {
    await this.flush();
    const { draft, dataKey } = this.place;
    const keyRef = cohortKeyRef(this.run.runId, draft.dueOn);
    const locations = [...this.totals].map(([location, total]) => ({
      location,
      schema: schemaOf(location),
      records: total.count,
      setDigest: total.value(),
    }));
    const manifest = sealManifest(
      {
        ...this.identity,
        generation: this.run.generation,
        event: { kind: this.run.eventKind, at: this.run.eventAt },
        keyRef,
        newestObservedAt: this.newestObservedAt,
        createdAt,
        parts: [...this.parts].sort((a, b) => a.part - b.part),
        locations,
      },
      dataKey,
    );
    await this.put('manifest', manifest);
    return {
      dueOn: draft.dueOn,
      keyRef,
      records: locations.reduce((sum, { records }) => sum + records, 0),
      newestObservedAt: this.newestObservedAt,
      earliestAt: draft.earliestAt,
      baseEarliestAt: draft.baseEarliestAt,
      counts: new Map(locations.map(({ location, records }) => [location, records])),
      objects: this.objects,
      manifestDigest: manifestDigest(manifest),
    };
  }

  private get identity(): CohortIdentity {
    const { tenantId, recordClass, runId } = this.run;
    const { draft, attempt } = this.place;
    return { tenantId, recordClass, runId, dueOn: draft.dueOn, attempt };
  }

  private partOf(location: RecordLocation): OpenPart {
    const known = this.open.get(location);
    if (known !== undefined) return known;
    const writer = createPartWriter({
      identity: { ...this.identity, location, part: (this.partsBegun += 1) },
      schema: schemaOf(location),
      dataKey: this.place.dataKey,
    });
    const part = { location, writer };
    this.open.set(location, part);
    return part;
  }

  private totalOf(location: RecordLocation): SetDigest {
    const total = this.totals.get(location) ?? createSetDigest(this.place.dataKey);
    this.totals.set(location, total);
    return total;
  }

  private async write({ location, writer }: OpenPart): Promise<void> {
    this.open.delete(location);
    const sealed = writer.finish();
    this.parts.push({
      location,
      part: writer.part,
      objectName: this.nameOf(writer.part),
      records: sealed.records,
      plaintextBytes: sealed.plaintextBytes,
      plaintextMac: sealed.plaintextMac,
      bytes: sealed.bytes.length,
      sha256: sealed.sha256,
    });
    await this.put(writer.part, sealed.bytes);
  }

  private async put(part: number | 'manifest', body: Buffer): Promise<void> {
    const name = this.nameOf(part);
    const lock = this.ports.lock(this.place.draft.earliestAt);
    const written = await Promise.all(
      COPIES.map(async (copy) => ({
        copy,
        name,
        part,
        ...(await putLocked(this.ports.objects, { bucket: copy, name, body, lock })),
      })),
    );
    this.objects.push(...written);
  }

  private nameOf(part: number | 'manifest'): string {
    return archiveObjectName({
      tenantId: parseId('TenantId', this.run.tenantId, 'tenantId'),
      runId: parseId('RunId', this.run.runId, 'runId'),
      dueOn: this.place.draft.dueOn,
      attempt: this.place.attempt,
      part,
    });
  }
}

function schemaOf(location: RecordLocation): RecordSchema {
  const table = RECORD_TABLES.find((candidate) => candidate.location === location);
  return table === undefined ? { kind: 'bson' } : { kind: 'sql', columns: table.columns };
}

/** Keeps the memory of many cohorts in the making below its bound by writing the largest. */
export async function spill(cohorts: Iterable<CohortArchive>): Promise<void> {
  const all = [...cohorts];
  const sum = all.reduce((bytes, cohort) => bytes + cohort.bufferedBytes, 0);
  if (sum < BUFFERED_BYTES_MAX) return;
  const largest = all.sort((a, b) => b.bufferedBytes - a.bufferedBytes)[0];
  await largest?.flush();
}
