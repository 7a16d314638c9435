import {
  createSetDigest,
  manifestDigest,
  sealManifest,
  type CohortIdentity,
  type ManifestOrigin,
  type ManifestPart,
  type SetDigest,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import type { DataKeys } from '../../contracts/stores';
import { archiveObjectName } from '../../domain/environment-names';
import { parseId } from '../../domain/identifiers';
import type { RecordLocation } from '../../domain/inventory';
import type { ObjectStore } from '../objects/object-address';
import type { ObjectLock } from '../objects/object-lock';
import { putLocked, type StoredObject } from '../objects/put-locked';
import type { CohortDraft } from './drafts';
import type { LiveRecord } from './live-records';
import { LocationParts, schemaOf, type PartOrigin, type WrittenPart } from './location-parts';
import type { RunRow } from './run-rows';
import type { FinishedPart } from './seal-parts';
import type { UploadQueue } from './upload-queue';

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

/** Where a cohort's archive belongs, and what is there already. */
export interface CohortPlace {
  readonly draft: CohortDraft;
  readonly attempt: string;
  /** True for an attempt that another worker began: names may be taken by what it left behind. */
  readonly isResumed: boolean;
  /** Parts that the attempt finished before. */
  readonly finished: readonly FinishedPart[];
  readonly uploads: UploadQueue;
  /** The cohort that it withholds records of; absent for what is sealed from live data. */
  readonly splitFrom?: ManifestOrigin;
  /** Puts a finished part on record. */
  readonly record: (part: FinishedPart) => Promise<void>;
}

/**
 * The archive of one cohort in the making: parts per location, encrypted under the cohort's key, written
 * to both copies under the attempt's own names, so that a late writer replaces nothing.
 */
export class CohortArchive {
  private readonly places = new Map<RecordLocation, LocationParts>();
  private readonly totals = new Map<RecordLocation, SetDigest>();
  private readonly parts: ManifestPart[] = [];
  private readonly objects: WrittenObject[] = [];
  /** Numbers of the parts that the attempt finished before. */
  private readonly taken: ReadonlySet<number>;
  private lastNumber = 0;
  private newestObservedAt = '';

  private constructor(
    private readonly ports: CohortArchivePorts,
    private readonly run: RunRow,
    private readonly place: CohortPlace & { readonly dataKey: Buffer },
  ) {
    this.taken = new Set(place.finished.map(({ part }) => part));
  }

  /** Makes or reads the cohort's key; nothing is written yet. */
  static async begin(
    ports: CohortArchivePorts,
    run: RunRow,
    place: CohortPlace,
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
    for (const place of this.places.values()) sum += place.bufferedBytes;
    return sum;
  }

  /** Takes a record; the answer is a part that is full and must be written, or null. */
  append(record: LiveRecord): (() => Promise<void>) | null {
    if (record.observedUntil > this.newestObservedAt) this.newestObservedAt = record.observedUntil;
    const full = this.partsOf(record.location).append(record);
    return full === null ? null : () => this.write(full);
  }

  /** Writes everything that waits. */
  async flush(): Promise<void> {
    for (const place of this.places.values()) {
      const rest = place.finish();
      if (rest !== null) await this.write(rest);
    }
  }

  /** Writes the manifest of the cohort, the commit point of its archive; every part is written by now. */
  async seal(createdAt: string): Promise<SealedCohort> {
    for (const place of this.places.values()) place.assertComplete();
    const { draft, dataKey, splitFrom } = this.place;
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
        ...(splitFrom === undefined ? {} : { splitFrom }),
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

  /** Numbers must follow without a gap: one that a dead attempt used and nobody needs gets an empty part. */
  async fillGaps(): Promise<void> {
    const [location] = this.totals.keys();
    const last = Math.max(0, ...this.parts.map(({ part }) => part));
    const written = new Set(this.parts.map(({ part }) => part));
    for (let part = 1; part < last && location !== undefined; part += 1) {
      if (!written.has(part)) await this.write(this.partsOf(location).empty(part));
    }
  }

  private get identity(): CohortIdentity {
    const { tenantId, recordClass, runId } = this.run;
    const { draft, attempt } = this.place;
    return { tenantId, recordClass, runId, dueOn: draft.dueOn, attempt };
  }

  private partsOf(location: RecordLocation): LocationParts {
    const known = this.places.get(location);
    if (known !== undefined) return known;
    const origin: PartOrigin = {
      identity: { ...this.identity, location },
      dataKey: this.place.dataKey,
      nextNumber: () => this.nextNumber(),
      finished: this.place.finished.filter((part) => part.location === location),
      onFound: (part) => {
        this.list(part);
      },
    };
    const place = new LocationParts(origin);
    this.places.set(location, place);
    return place;
  }

  private nextNumber(): number {
    do this.lastNumber += 1;
    while (this.taken.has(this.lastNumber));
    return this.lastNumber;
  }

  private async write(written: WrittenPart): Promise<void> {
    const { location, writer, digest, firstRecord } = written;
    const sealed = writer.finish();
    const figures = {
      records: sealed.records,
      plaintextBytes: sealed.plaintextBytes,
      plaintextMac: sealed.plaintextMac,
      bytes: sealed.bytes.length,
      sha256: sealed.sha256,
    };
    await this.place.uploads.push(sealed.bytes.length, async () => {
      const [archive, backup] = await this.putBoth(writer.part, sealed.bytes);
      const part = {
        ...figures,
        ...{ dueOn: this.place.draft.dueOn, part: writer.part, location, firstRecord },
        setDigest: digest.value(),
        versions: [archive, backup] as const,
      };
      // An empty part fills a gap and holds no place of a record.
      if (part.records > 0) await this.place.record(part);
      this.list(part);
    });
  }

  /** Takes a part that is written, now or by an attempt before, into the manifest. */
  private list(part: FinishedPart): void {
    const total = this.totals.get(part.location) ?? createSetDigest(this.place.dataKey);
    this.totals.set(part.location, total);
    total.include({ count: part.records, value: part.setDigest });
    const { location, records, plaintextBytes, plaintextMac, bytes, sha256 } = part;
    const objectName = this.nameOf(part.part);
    const figures = { records, plaintextBytes, plaintextMac, bytes, sha256 };
    this.parts.push({ location, part: part.part, objectName, ...figures });
    for (const [at, copy] of COPIES.entries()) {
      const versionId = part.versions[at] ?? '';
      this.objects.push({ copy, name: objectName, part: part.part, versionId, bytes, sha256 });
    }
  }

  private async put(part: 'manifest', body: Buffer): Promise<void> {
    const name = this.nameOf(part);
    const versions = await this.putBoth(part, body);
    const sha256 = manifestDigest(body);
    for (const [at, copy] of COPIES.entries()) {
      const versionId = versions[at] ?? '';
      this.objects.push({ copy, name, part, versionId, bytes: body.length, sha256 });
    }
  }

  private async putBoth(part: number | 'manifest', body: Buffer): Promise<[string, string]> {
    const order = {
      name: this.nameOf(part),
      body,
      lock: this.ports.lock(this.place.draft.earliestAt),
      mayExist: this.place.isResumed,
    };
    const [archive, backup] = await Promise.all([
      putLocked(this.ports.objects, { ...order, bucket: 'archive' }),
      putLocked(this.ports.objects, { ...order, bucket: 'backup' }),
    ]);
    return [archive.versionId, backup.versionId];
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
