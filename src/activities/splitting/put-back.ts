import {
  manifestDigest,
  MANIFEST_BYTES_MAX,
  openManifest,
  readCohort,
  type ManifestContent,
} from '../../archive-format';
import { cohortKeyRef } from '../../contracts/keys';
import {
  parseArchiveObjectName,
  runPrefix,
  type ArchiveObjectPosition,
} from '../../domain/environment-names';
import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import type { CohortRow } from '../control/cohort-rows';
import type { LostSplit } from '../control/lost-splits';
import { textRow } from '../control/sql-text';
import { Batcher, type SealedBatch } from '../disposition/batches';
import { COPIES, type Copy, type WrittenObject } from '../disposition/cohort-archive';
import { isSealed } from '../disposition/seal-assets';
import { readRun, type RunRow } from '../disposition/run-rows';
import { listEverything } from '../objects/list-everything';
import { readVersion } from '../objects/read-version';
import { readCohortKey } from '../verification/read-copy';
import type { SplitPorts } from './ports';
import { recordSplit } from './record-split';
import { boundsOf, insertWithheld } from './withhold';

/** A stored object of the withheld run. */
interface Stored extends ArchiveObjectPosition {
  readonly copy: Copy;
  readonly name: string;
  readonly versionId: string;
  readonly bytes: number;
}

/** Records between two reports of progress. */
const REPORT_EVERY = 1000;

/**
 * Puts the withheld run of a split back that a restored control has lost: its rows follow from its own manifest and
 * records, which its own key authenticates, and its counts must be those of the evidence. Nothing follows from it
 * before the verifier has judged it.
 *
 * @param cohort - what it was withheld of; where control has lost that and its key has ended, the due day of which
 * that was withheld in its turn: both have the same event, services and bounds.
 * Effect: rows of the run with its manifest; then, in one transaction under the tenant's lock, the run and the split.
 * No object is written.
 * @idempotency what is back is not put back again.
 * @throws LetheError KEY_DESTROYED when it has ended since; ARCHIVE_INVALID, VERIFICATION_FAILED when what is stored
 * is not what was withheld; TAKEN_OVER when it was found as a stray.
 * @source CC-4
 */
export async function putBack(
  ports: SplitPorts,
  cohort: CohortRow,
  lost: LostSplit,
): Promise<void> {
  const { archive } = ports;
  const { tenantId, dueOn, holdId, withheldRunId } = lost;
  if (await isBack(ports, lost)) return;
  const parent = await readRun(archive.control, tenantId, cohort.runId);
  const run: RunRow = { ...parent, runId: withheldRunId };
  const dataKey = await readCohortKey(ports.verifier, run, dueOn);
  const stored = await listStored(ports, lost);
  const { manifest, digest } = await readStoredManifest(ports, { run, lost, stored, dataKey });
  if (!(await isSealed(archive.control, withheldRunId))) {
    const { batches, assetIds, setDigest } = await readIds(ports, {
      manifest,
      stored,
      dataKey,
      digest,
    });
    const sealed = {
      ...(await boundsOf(ports, cohort)),
      keyRef: cohortKeyRef(withheldRunId, dueOn),
      records: lost.withheld,
      newestObservedAt: cohort.newestObservedAt ?? manifest.newestObservedAt ?? '',
      counts: new Map(manifest.locations.map(({ location, records }) => [location, records])),
      objects: objectsOf(manifest, { stored, digest }),
      manifestDigest: digest,
    };
    const { attempt } = manifest;
    await insertWithheld(ports, {
      parent,
      run,
      attempt,
      sealed,
      batches,
      digest: setDigest,
      assetIds,
    });
  }
  const split = { tenantId, cohort: lost, holdId, withheldRunId, likeRunId: cohort.runId };
  await recordSplit(archive, { ...split, lostAt: lost.splitAt });
}

async function isBack({ archive }: SplitPorts, { withheldRunId }: LostSplit): Promise<boolean> {
  const row = await textRow(
    archive.control,
    'SELECT run_id FROM cohort_splits WHERE withheld_run_id = ?',
    [withheldRunId],
  );
  return row !== null;
}

/** Every object of the withheld run in both copies: one version of each name, and nothing else. */
async function listStored({ verifier }: SplitPorts, lost: LostSplit): Promise<readonly Stored[]> {
  const prefix = runPrefix(
    parseId('TenantId', lost.tenantId, 'tenantId'),
    parseId('RunId', lost.withheldRunId, 'withheldRunId'),
  );
  const found: Stored[] = [];
  for (const copy of COPIES) {
    const { versions, deleteMarkers, uploads } = await listEverything(verifier.objects, {
      ...{ bucket: copy, prefix },
    });
    if (deleteMarkers.length + uploads.length > 0) throw differs('something was left beside it');
    for (const version of versions) {
      const position = parseArchiveObjectName(version.name);
      if (position?.dueOn !== lost.dueOn) throw differs('an object has a name of its own');
      if (found.some((other) => other.copy === copy && other.name === version.name)) {
        throw differs('an object was written twice');
      }
      found.push({ ...position, copy, ...version });
    }
  }
  return found;
}

async function readStoredManifest(
  { verifier }: SplitPorts,
  {
    run,
    lost,
    stored,
    dataKey,
  }: {
    readonly run: RunRow;
    readonly lost: LostSplit;
    readonly stored: readonly Stored[];
    readonly dataKey: Buffer;
  },
): Promise<{ readonly manifest: ManifestContent; readonly digest: string }> {
  const object = stored.find(({ copy, part }) => copy === 'archive' && part === 'manifest');
  if (object === undefined) throw differs('its manifest is not there');
  const chunks: Buffer[] = [];
  const address = { bucket: 'archive', name: object.name, versionId: object.versionId } as const;
  for await (const chunk of readVersion(verifier.objects, address, MANIFEST_BYTES_MAX)) {
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const { tenantId, recordClass, runId } = run;
  const expect = { tenantId, recordClass, runId, dueOn: lost.dueOn, attempt: object.attempt };
  const manifest = openManifest(bytes, { dataKey, expect });
  const from = manifest.splitFrom;
  if (from?.runId !== lost.runId || from.dueOn !== lost.dueOn || from.holdId !== lost.holdId) {
    throw differs('its manifest names another origin');
  }
  const records = manifest.locations.reduce((sum, location) => sum + location.records, 0);
  if (records !== lost.withheld) throw differs('it holds another number of records');
  return { manifest, digest: manifestDigest(bytes) };
}

/** The objects as they were written: one of each name in each copy, with what the manifest says of its bytes. */
function objectsOf(
  manifest: ManifestContent,
  { stored, digest }: { readonly stored: readonly Stored[]; readonly digest: string },
): readonly WrittenObject[] {
  if (stored.length !== COPIES.length * (manifest.parts.length + 1)) {
    throw differs('it has another number of objects');
  }
  return stored.map(({ copy, name, versionId, part, bytes }) => {
    if (part === 'manifest') return { copy, name, versionId, part, bytes, sha256: digest };
    const listed = manifest.parts.find((one) => one.objectName === name);
    if (listed?.part !== part || listed.bytes !== bytes)
      throw differs('a part is not the listed one');
    return { copy, name, versionId, part, bytes, sha256: listed.sha256 };
  });
}

async function readIds(
  { archive, verifier }: SplitPorts,
  {
    manifest,
    stored,
    dataKey,
    digest,
  }: {
    readonly manifest: ManifestContent;
    readonly stored: readonly Stored[];
    readonly dataKey: Buffer;
    readonly digest: string;
  },
): Promise<{
  readonly batches: readonly SealedBatch[];
  readonly assetIds: readonly string[];
  readonly setDigest: string;
}> {
  const open = (objectName: string): AsyncIterable<Buffer> => {
    const object = stored.find(({ copy, name }) => copy === 'archive' && name === objectName);
    if (object === undefined) throw differs('a part is not there');
    const { name, versionId, bytes } = object;
    return readVersion(verifier.objects, { bucket: 'archive', name, versionId }, bytes);
  };
  const { dueOn } = manifest;
  const batcher = new Batcher();
  const batches: SealedBatch[] = [];
  const assetIds = new Set<string>();
  let seen = 0;
  for await (const { location, assetId, versionId } of readCohort(open, { dataKey, manifest })) {
    seen += 1;
    if (seen % REPORT_EVERY === 0) archive.pulse.beat({ step: 'put back', dueOn, seen });
    assetIds.add(assetId);
    const ended = batcher.add({ location, assetId, versionId, dueOn });
    if (ended !== null) batches.push(ended);
  }
  batches.push(...batcher.rest());
  const setDigest = batcher.digestWith(`${dueOn} ${digest}\n`);
  return { batches, assetIds: [...assetIds], setDigest };
}

const differs = (what: string): LetheError =>
  new LetheError('VERIFICATION_FAILED', `a withheld run that control has lost: ${what}`);
