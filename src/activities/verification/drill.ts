import { readCohort, type ArchivedRecord, type ManifestContent } from '../../archive-format';
import { actor } from '../../contracts/field-checks';
import type { EvidenceLedger } from '../../contracts/stores';
import { isLetheError, LetheError, type FailureCode } from '../../domain/errors';
import type { RecordLocation } from '../../domain/inventory';
import { required, textRow, textRows } from '../control/sql-text';
import type { Copy } from '../disposition/cohort-archive';
import { readRun } from '../disposition/run-rows';
import { recordTakingOut } from '../evidence/taken-out';
import {
  openCohortCopy,
  readCohortKey,
  type CohortCopy,
  type CopyReader,
  type OpenedCopy,
} from './read-copy';

/** Logins of a drill: the verifier's, which read, and the ledger's. */
export interface DrillPorts extends CopyReader {
  readonly ledger: EvidenceLedger;
  /** Milliseconds of this process's life. */
  readonly elapsedMs: () => number;
}

/** Which cohort is restored from which copy, and who wants to know. */
export interface DrillOrder {
  /** Names this drill in the evidence; lower-case letters and digits. */
  readonly drillId: string;
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly copy: Copy;
  readonly requestedBy: string;
}

/** Files of one cohort in the making, in a place that holds nothing else. */
interface ScratchFiles {
  write(record: ArchivedRecord): Promise<void>;
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** The place that a drill restores into. */
export interface Scratch {
  /** @throws LetheError INVALID_INPUT when the place is not empty. */
  begin(manifest: ManifestContent): Promise<ScratchFiles>;
  /** Removes everything that the drill has written; safe when it has written nothing. */
  clear(): Promise<void>;
  /** Throws when somebody wants the drill to end. */
  assertGoesOn(): void;
}

/** What came back from one location, as it was counted while it was written. */
export interface DrilledLocation {
  readonly location: RecordLocation;
  readonly records: number;
  /** Of the records themselves, in the clear. */
  readonly bytes: number;
  /** Proven to be the digest of what was read. */
  readonly setDigest: string;
}

/** What a drill has proven. */
export interface DrillReport extends Omit<DrillOrder, 'requestedBy'> {
  readonly generation: number;
  readonly manifestDigest: string;
  readonly locations: readonly DrilledLocation[];
  readonly records: number;
  readonly bytes: number;
  readonly parts: number;
  /** Of the parts as they are stored. */
  readonly storedBytes: number;
  readonly milliseconds: number;
  /** Whether what was restored is still in the scratch place. */
  readonly kept: boolean;
}

/**
 * Restores one cohort from one copy into a scratch place and proves it against its sealed manifest and
 * against the numbers that control recorded when it was sealed. Nothing live is touched and no permit is
 * needed, so it works under a hold and under a freeze.
 *
 * Effect: files in the scratch place, removed again unless `keep`; one ledger entry, and one more before what
 *   is kept gets its name: the certificate of the due day names that.
 * @idempotency every drill has an id and an entry of its own.
 * @throws LetheError KEY_DESTROYED also when the key ended during the drill, and nothing is kept then;
 *   ARCHIVE_INVALID, VERIFICATION_FAILED or STORE_REFUSED naming the object; INVALID_INPUT.
 * @source AB-2, ST-1
 */
export async function drillRestore(
  ports: DrillPorts,
  order: DrillOrder,
  { scratch, keep }: { readonly scratch: Scratch; readonly keep: boolean },
): Promise<DrillReport> {
  actor(order.requestedBy, 'requestedBy');
  await assertArchived(ports, order);
  const startedAt = ports.elapsedMs();
  let read: CohortReading;
  try {
    read = await readInto(ports, order, { scratch, keep });
  } catch (error) {
    await scratch.clear();
    if (isLetheError(error) && error.code !== 'INVALID_INPUT') {
      await record(ports, order, { outcome: 'failed', reason: reasonOf(error.code), kept: false });
    }
    throw error;
  }
  if (!keep) await scratch.clear();
  const milliseconds = Math.round(ports.elapsedMs() - startedAt);
  const { records, bytes, manifestDigest } = read;
  const figures = { records, bytes, milliseconds };
  await record(ports, order, { outcome: 'restored', manifestDigest, ...figures, kept: keep });
  const { drillId, tenantId, runId, dueOn, copy } = order;
  return { drillId, tenantId, runId, dueOn, copy, ...read, milliseconds, kept: keep };
}

type CohortReading = Omit<DrillReport, keyof DrillOrder | 'milliseconds' | 'kept'>;

async function readInto(
  ports: DrillPorts,
  order: DrillOrder,
  { scratch, keep }: { readonly scratch: Scratch; readonly keep: boolean },
): Promise<CohortReading> {
  const { drillId, dueOn, copy, requestedBy } = order;
  const run = await readRun(ports.control, order.tenantId, order.runId);
  const opened = await openNamed(ports, { run, dueOn, copy });
  const { manifest, manifestDigest } = opened;
  const files = await scratch.begin(manifest);
  const counted = new Counted();
  try {
    for await (const archived of opened.records) {
      scratch.assertGoesOn();
      counted.add(archived);
      await files.write(archived);
    }
    await assertAsSealed(ports, order, counted.of(manifest));
    if (keep) {
      const act = { actId: drillId, what: 'records', takenBy: requestedBy } as const;
      const { tenantId, runId } = order;
      await recordTakingOut(ports.ledger, { tenantId, runId, dueOn, ...act });
    }
    // What was destroyed meanwhile must not live on in a scratch place.
    await readCohortKey(ports, run, dueOn);
    await files.commit();
  } finally {
    await files.close();
  }
  return figuresOf(manifest, manifestDigest, counted.of(manifest));
}

/** Opens a copy so that a failure while an object is read names it. */
async function openNamed(
  ports: CopyReader,
  cohort: CohortCopy,
): Promise<
  Pick<OpenedCopy, 'manifest' | 'manifestDigest'> & {
    readonly records: AsyncGenerator<ArchivedRecord>;
  }
> {
  let reading = '';
  try {
    const opened = await openCohortCopy(ports, cohort, (objectName) => {
      reading = objectName;
    });
    return { ...opened, records: named(readCohort(opened.open, opened), () => reading) };
  } catch (error) {
    throw naming(reading, error);
  }
}

async function* named(
  records: AsyncGenerator<ArchivedRecord>,
  reading: () => string,
): AsyncGenerator<ArchivedRecord> {
  try {
    yield* records;
  } catch (error) {
    throw naming(reading(), error);
  }
}

const figuresOf = (
  manifest: ManifestContent,
  manifestDigest: string,
  locations: readonly DrilledLocation[],
): CohortReading => ({
  generation: manifest.generation,
  manifestDigest,
  locations,
  records: sum(locations.map(({ records }) => records)),
  bytes: sum(locations.map(({ bytes }) => bytes)),
  parts: manifest.parts.length,
  storedBytes: sum(manifest.parts.map(({ bytes }) => bytes)),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** What was given out, counted apart from the reader that proves it. */
class Counted {
  private readonly found = new Map<RecordLocation, { records: number; bytes: number }>();

  add({ location, content }: ArchivedRecord): void {
    const known = this.found.get(location) ?? { records: 0, bytes: 0 };
    this.found.set(location, {
      records: known.records + 1,
      bytes: known.bytes + content.length,
    });
  }

  of({ locations }: ManifestContent): readonly DrilledLocation[] {
    return locations.map(({ location, setDigest }) => ({
      location,
      ...(this.found.get(location) ?? { records: 0, bytes: 0 }),
      setDigest,
    }));
  }
}

/** Control counted on its own when the run was sealed; the manifest alone could not speak for itself. */
async function assertAsSealed(
  ports: Pick<DrillPorts, 'control'>,
  { runId, dueOn }: DrillOrder,
  locations: readonly DrilledLocation[],
): Promise<void> {
  const rows = await textRows(
    ports.control,
    'SELECT location, records FROM cohort_counts WHERE run_id = ? AND due_on = ? AND records > 0',
    [runId, dueOn],
  );
  const sealed = rows.map((row) => `${required(row, 'location')} ${required(row, 'records')}`);
  const restored = locations
    .filter(({ records }) => records > 0)
    .map(({ location, records }) => `${location} ${records}`);
  if (sealed.sort().join('\n') === restored.sort().join('\n')) return;
  throw new LetheError(
    'VERIFICATION_FAILED',
    'the copy holds another number of records than control counted at the seal',
  );
}

/** @throws LetheError INVALID_INPUT when the tenant has no such archived due day. */
export async function assertArchived(
  ports: Pick<DrillPorts, 'control'>,
  { tenantId, runId, dueOn }: Pick<DrillOrder, 'tenantId' | 'runId' | 'dueOn'>,
): Promise<void> {
  const row = await textRow(
    ports.control,
    `SELECT r.record_class FROM cohorts c JOIN runs r ON r.run_id = c.run_id
      WHERE c.run_id = ? AND c.due_on = ? AND c.tenant_id = ? AND r.tenant_id = c.tenant_id`,
    [runId, dueOn, tenantId],
  );
  if (row === null) {
    throw new LetheError('INVALID_INPUT', 'run has no such due day for this tenant', {
      field: 'run',
    });
  }
  if (required(row, 'record_class') === 'asset-basic-data') return;
  throw new LetheError('INVALID_INPUT', 'run is of configuration, which is never archived', {
    field: 'run',
  });
}

/** Ids only: a failure at an object says at which. */
function naming(objectName: string, error: unknown): unknown {
  if (objectName === '' || !isLetheError(error) || !OF_OBJECTS.includes(error.code)) return error;
  return new LetheError(error.code, `${error.message}: ${objectName}`, { cause: error });
}

const OF_OBJECTS: readonly FailureCode[] = [
  'ARCHIVE_INVALID',
  'VERIFICATION_FAILED',
  'STORE_REFUSED',
  'STORE_UNAVAILABLE',
  'ACCESS_DENIED',
];

/** A code as a word of the ledger. */
const reasonOf = (code: FailureCode): string => code.toLowerCase().replaceAll('_', '-');

async function record(
  ports: Pick<DrillPorts, 'ledger'>,
  { drillId, requestedBy, tenantId, runId, dueOn, copy }: DrillOrder,
  outcome: Readonly<Record<string, string | number | boolean>>,
): Promise<void> {
  await ports.ledger.append({
    tenantId,
    kind: 'restore-drill',
    subject: `${runId}/${dueOn}/${drillId}`,
    details: { runId, dueOn, copy, requestedBy, ...outcome },
  });
}
