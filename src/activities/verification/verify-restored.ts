import { LetheError } from '../../domain/errors';
import type { RunRow } from '../disposition/run-rows';
import type { VerifierPorts } from './ports';
import { IdSet } from './id-set';
import { readCohortCopy, readCohortKey } from './read-copy';
import { ReturnedIds } from './returned-ids';
import { readSeenRecords } from './read-live';
import { assertSameTotals, Totals } from './totals';
import { insertVerdicts, readManifest } from './verdicts';

/**
 * Reads every record of a cohort back live and compares it with the archive, byte for byte. Only after
 * this verdict may the archive be retired.
 *
 * Effect: one verdict, and which records it is about.
 * @idempotency repeating reads again and adds a further verdict.
 * @throws LetheError VERIFICATION_FAILED when a record is missing or differs: the archive stays.
 * @source AB-2
 */
export async function verifyRestored(
  ports: VerifierPorts,
  run: RunRow,
  dueOn: string,
): Promise<number> {
  const manifest = await readManifest(ports.control, run.runId);
  const keys = new Map([[dueOn, await readCohortKey(ports, run, dueOn)]]);
  const archived = new Totals(keys);
  const ids = new IdSet();
  const assets = new Set<string>();
  const returned = new ReturnedIds(ports.control, { runId: run.runId, dueOn });
  for await (const member of readCohortCopy(ports, { run, dueOn, copy: 'archive' })) {
    archived.add(dueOn, member);
    ids.add(member);
    await returned.add(member);
    assets.add(member.assetId);
    if (ids.size % 1000 === 0) ports.pulse.beat({ step: 'verify restored', dueOn });
  }
  await returned.end();
  const live = new Totals(keys);
  const group = { tenantId: run.tenantId, assetIds: [...assets] };
  for await (const records of readSeenRecords(ports, group)) {
    for (const record of records) if (ids.has(record)) live.add(dueOn, record);
  }
  assertSameTotals(archived.entries(), live.entries(), 'the archive and what was restored');
  const records = manifest.cohorts.find((cohort) => cohort.dueOn === dueOn)?.records;
  if (records !== live.count) {
    throw new LetheError('VERIFICATION_FAILED', 'another number of records was restored');
  }
  await ports.control.transaction((sql) =>
    insertVerdicts(sql, [
      {
        runId: run.runId,
        dueOn,
        subject: 'restored',
        manifestDigest: manifest.digest,
        outcome: 'ok',
        records,
        newestObservedAt: null,
      },
    ]),
  );
  return records;
}
