import {
  MANIFEST_BYTES_MAX,
  manifestDigest,
  openManifest,
  readCohort,
  type ManifestContent,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import { LetheError } from '../../domain/errors';
import { required, textRows, type TextRow } from '../control/sql-text';
import type { Copy } from '../disposition/cohort-archive';
import type { RunRow } from '../disposition/run-rows';
import { isLocked } from '../objects/object-lock';
import { safeVersion } from '../objects/object-address';
import { readVersion } from '../objects/read-version';
import type { VerifierPorts } from './ports';
import type { SetMember } from './totals';
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
  const dataKey = await readCohortKey(ports, cohort.run, cohort.dueOn);
  const pinned = await pinnedObjects(ports, cohort);
  const manifest = await readManifestObject(ports, { cohort, pinned, dataKey });
  if (manifest.parts.length !== pinned.length - 1) throw differs('the number of parts');
  const open = (objectName: string): AsyncIterable<Buffer> => {
    const listed = manifest.parts.find((part) => part.objectName === objectName);
    const object = pinned.find(({ name }) => name === objectName);
    if (object === undefined || object.digest !== listed?.sha256) throw differs('a part');
    const address = { bucket: cohort.copy, name: object.name, versionId: object.versionId };
    return readVersion(ports.objects, address, listed.bytes);
  };
  yield* readCohort(open, { dataKey, manifest });
}

/** The key of one cohort of a run. @throws LetheError KEY_DESTROYED. */
export const readCohortKey = (
  ports: Pick<CopyReader, 'keys'>,
  run: RunRow,
  dueOn: string,
): Promise<Buffer> =>
  ports.keys.read({ keyRef: cohortKeyRef(run.runId, dueOn), tenantId: run.tenantId });

/** Reads back that every object of the copy is locked until its key is gone. */
export async function assertCopyLocked(
  ports: Pick<VerifierPorts, 'control' | 'objects' | 'lock'>,
  cohort: CohortCopy,
  earliestAt: string,
): Promise<void> {
  for (const { name, versionId } of await pinnedObjects(ports, cohort)) {
    const version = safeVersion(ports.objects, { bucket: cohort.copy, name, versionId });
    if (await isLocked(ports.objects, version, ports.lock(earliestAt))) continue;
    throw new LetheError('VERIFICATION_FAILED', 'an archived object is not locked');
  }
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
    pinned,
    dataKey,
  }: {
    readonly cohort: CohortCopy;
    readonly pinned: readonly PinnedObject[];
    readonly dataKey: Buffer;
  },
): Promise<ManifestContent> {
  const object = pinned.find(({ part }) => part === 0);
  if (object === undefined) throw differs('the manifest');
  const chunks: Buffer[] = [];
  const address = { bucket: cohort.copy, name: object.name, versionId: object.versionId };
  for await (const chunk of readVersion(ports.objects, address, MANIFEST_BYTES_MAX)) {
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (manifestDigest(bytes) !== object.digest) {
    throw differs('the digest of the manifest');
  }
  const { run, dueOn } = cohort;
  const { attempt } = await readManifest(ports.control, run.runId);
  const { tenantId, recordClass, runId } = run;
  return openManifest(bytes, { dataKey, expect: { tenantId, recordClass, runId, dueOn, attempt } });
}

const differs = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `${what} of an archived copy is not what was sealed`);
