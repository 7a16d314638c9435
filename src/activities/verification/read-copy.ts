import { createHash } from 'node:crypto';
import {
  assertProven,
  MANIFEST_BYTES_MAX,
  manifestDigest,
  openManifest,
  proofOrdersOf,
  readCohort,
  type ManifestContent,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import type { RecordLocation } from '../../domain/inventory';
import { atOnce } from '../at-once';
import { required, textRows, type TextRow } from '../control/sql-text';
import type { Copy } from '../disposition/cohort-archive';
import type { RunRow } from '../disposition/run-rows';
import { isLocked } from '../objects/object-lock';
import { safeVersion } from '../objects/object-address';
import { readVersion } from '../objects/read-version';
import type { VerifierPorts } from './ports';
import type { SetMember, SetTotal } from './totals';
import { readManifest } from './verdicts';

/** One cohort's archive in one copy. */
export interface CohortCopy {
  readonly run: RunRow;
  readonly dueOn: string;
  readonly copy: Copy;
}

/** Stores that reading an archive needs. */
export type CopyReader = Pick<VerifierPorts, 'control' | 'objects' | 'keys'>;

interface PinnedObject {
  readonly part: number;
  readonly name: string;
  readonly versionId: string;
  readonly digest: string;
}

/**
 * Streams every record of a cohort's copy: exactly the object versions that control pins, each checked
 * against its digest, decrypted, counted and hashed against the manifest. Only the end without a failure
 * is the proof.
 *
 * @throws LetheError ARCHIVE_INVALID, VERIFICATION_FAILED, KEY_DESTROYED or STORE_UNAVAILABLE.
 */
export async function* readCohortCopy(
  ports: CopyReader,
  cohort: CohortCopy,
): AsyncGenerator<SetMember> {
  const { open, dataKey, manifest } = await openCohortCopy(ports, cohort);
  yield* readCohort(open, { dataKey, manifest });
}

/** Parts of a cohort that are read and proven at the same time. */
const PARTS_AT_ONCE = 2;

/**
 * Reads a cohort's copy to its end and gives what it was proven to hold: the number and the digest of each
 * location's records, as they were computed from what was read.
 *
 * Bounds: two sealed parts in memory.
 * @throws LetheError as `readCohortCopy`.
 */
export async function proveCohortCopy(
  ports: CopyReader & Pick<VerifierPorts, 'proofs'>,
  cohort: CohortCopy,
  onPart: (records: number) => void,
): Promise<readonly (SetTotal & { readonly location: RecordLocation })[]> {
  const { open, dataKey, manifest } = await openCohortCopy(ports, cohort);
  const orders = proofOrdersOf(dataKey, manifest);
  const proofs = await atOnce(orders, PARTS_AT_ONCE, async ({ objectName, ...order }) => {
    const stored = await wholeObject(open(objectName), order.listed.bytes);
    const proof = await ports.proofs.prove(stored, order);
    onPart(proof.records);
    return proof;
  });
  assertProven(dataKey, manifest, proofs);
  return manifest.locations.map(({ location, records, setDigest }) => ({
    location,
    records,
    setDigest,
  }));
}

/** An object in a buffer of its own; one that is shorter than listed stays so and is not proven. */
async function wholeObject(source: AsyncIterable<Buffer>, bytes: number): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  for await (const chunk of source) filled += chunk.copy(whole, filled);
  return filled === bytes ? whole : whole.subarray(0, filled);
}

/** A copy whose manifest has been read and proven; its parts are proven while they are read. */
export interface OpenedCopy {
  readonly open: (objectName: string) => AsyncIterable<Buffer>;
  readonly dataKey: Buffer;
  readonly manifest: ManifestContent;
  /** SHA-256 of the manifest as it is stored. */
  readonly manifestDigest: string;
}

/**
 * Opens a cohort's copy by what control pins of it.
 *
 * @param onObject - is told of each object before it is read, so that a failure can name it.
 * @throws LetheError as `readCohortCopy`.
 */
export async function openCohortCopy(
  ports: CopyReader,
  cohort: CohortCopy,
  onObject: (objectName: string) => void = () => undefined,
): Promise<OpenedCopy> {
  const dataKey = await readCohortKey(ports, cohort.run, cohort.dueOn);
  const pinned = await pinnedObjects(ports, cohort);
  const stored = pinned.find(({ part }) => part === 0);
  if (stored === undefined) throw differs('the manifest');
  onObject(stored.name);
  const manifest = await readManifestObject(ports, { cohort, stored, dataKey });
  if (manifest.parts.length !== pinned.length - 1) throw differs('the number of parts');
  const open = (objectName: string): AsyncIterable<Buffer> => {
    const listed = manifest.parts.find((part) => part.objectName === objectName);
    const object = pinned.find(({ name }) => name === objectName);
    if (object === undefined || object.digest !== listed?.sha256) throw differs('a part');
    onObject(objectName);
    const address = { bucket: cohort.copy, name: object.name, versionId: object.versionId };
    return readVersion(ports.objects, address, listed.bytes);
  };
  return { open, dataKey, manifest, manifestDigest: stored.digest };
}

/** Objects that are read at the same time. */
const OBJECTS_AT_ONCE = 4;

/**
 * Proves that another copy consists of the bytes of one that was proven: as many objects under the same
 * names, and every one of them read back with the digest of its counterpart. What those bytes decrypt to
 * is known then.
 *
 * @throws LetheError VERIFICATION_FAILED naming what differs; STORE_REFUSED, STORE_UNAVAILABLE.
 */
export async function assertSameBytes(
  ports: CopyReader,
  cohort: Omit<CohortCopy, 'copy'>,
  copies: { readonly proven: Copy; readonly other: Copy },
): Promise<void> {
  const proven = await pinnedObjects(ports, { ...cohort, copy: copies.proven });
  const others = await pinnedObjects(ports, { ...cohort, copy: copies.other });
  if (others.length !== proven.length) throw differs('the number of objects');
  await atOnce(others, OBJECTS_AT_ONCE, async ({ name, versionId, digest }) => {
    if (proven.find((object) => object.name === name)?.digest !== digest)
      throw differs('an object');
    const hash = createHash('sha256');
    const address = { bucket: copies.other, name, versionId };
    for await (const chunk of readVersion(ports.objects, address)) hash.update(chunk);
    if (hash.digest('hex') !== digest) throw differs('an object');
  });
}

/** The key of one cohort of a run. @throws LetheError KEY_DESTROYED. */
export const readCohortKey = (
  ports: Pick<CopyReader, 'keys'>,
  run: RunRow,
  dueOn: string,
): Promise<Buffer> =>
  ports.keys.read({ keyRef: cohortKeyRef(run.runId, dueOn), tenantId: run.tenantId });

/**
 * Reads back that every object of the copy is locked until its key is gone.
 *
 * @throws LetheError VERIFICATION_FAILED when an object is not locked.
 */
export async function assertCopyLocked(
  ports: Pick<VerifierPorts, 'control' | 'objects' | 'lock'>,
  cohort: CohortCopy,
  earliestAt: string,
): Promise<void> {
  const objects = await pinnedObjects(ports, cohort);
  await atOnce(objects, OBJECTS_AT_ONCE, async ({ name, versionId }) => {
    const version = safeVersion(ports.objects, { bucket: cohort.copy, name, versionId });
    if (await isLocked(ports.objects, version, ports.lock(earliestAt))) return;
    throw new LetheError('VERIFICATION_FAILED', 'an archived object is not locked');
  });
}

async function pinnedObjects(
  ports: Pick<VerifierPorts, 'control'>,
  cohort: CohortCopy,
): Promise<readonly PinnedObject[]> {
  const rows: readonly TextRow[] = await textRows(
    ports.control,
    `SELECT part, object_name, version_id, digest FROM manifest_objects
      WHERE run_id = ? AND due_on = ? AND copy = ? ORDER BY part`,
    [cohort.run.runId, cohort.dueOn, cohort.copy],
  );
  return rows.map((row) => ({
    part: Number(required(row, 'part')),
    name: required(row, 'object_name'),
    versionId: required(row, 'version_id'),
    digest: required(row, 'digest'),
  }));
}

async function readManifestObject(
  ports: CopyReader,
  {
    cohort,
    stored,
    dataKey,
  }: {
    readonly cohort: CohortCopy;
    readonly stored: PinnedObject;
    readonly dataKey: Buffer;
  },
): Promise<ManifestContent> {
  const chunks: Buffer[] = [];
  const address = { bucket: cohort.copy, name: stored.name, versionId: stored.versionId };
  for await (const chunk of readVersion(ports.objects, address, MANIFEST_BYTES_MAX)) {
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (manifestDigest(bytes) !== stored.digest) {
    throw differs('the digest of the manifest');
  }
  const { run, dueOn } = cohort;
  const { attempt } = await readManifest(ports.control, run.runId);
  const { tenantId, recordClass, runId } = run;
  return openManifest(bytes, { dataKey, expect: { tenantId, recordClass, runId, dueOn, attempt } });
}

const differs = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${what} of an archived copy is not what was sealed`);
