import type { DispositionActivities, Progress, RunReference } from '../../contracts/activities';
import type { WaitReason } from '../../domain/pacing';
import type { HostingService } from '../../domain/record-class';
import { refreshTenant } from '../control/refresh-tenant';
import { recordRisks } from '../control/read-forecast';
import { tripping } from '../control/stops';
import { isOfArchive, recordStrays } from '../control/strays';
import { activeServices, readTenantFacts } from '../control/tenant-facts';
import { assertKeysPresent } from '../disposition/assert-keys-present';
import { moveBatches, type MovePorts } from '../disposition/move-rows';
import { recordWait } from '../disposition/pace-waits';
import { Pacer, type PacerPorts } from '../disposition/pacer';
import { planRuns } from '../disposition/plan-runs';
import { closeEvent, markRun, readRun, type RunRow } from '../disposition/run-rows';
import { isSealed, sealAssets } from '../disposition/seal-assets';
import { sealConfiguration } from '../disposition/seal-configuration';
import { sealStrayArchives } from '../disposition/seal-stray-archives';
import { abandonRun, closeFinishedEvent, standingOf } from '../disposition/standing';
import type { VerifierPorts } from '../verification/ports';
import { readManifest } from '../verification/verdicts';
import { verifyConfiguration } from '../verification/verify-configuration';
import { verifyCopies } from '../verification/verify-copies';
import { verifyMoved } from '../verification/verify-moved';
import { verifyStrayArchives } from '../verification/verify-stray-archives';
import { restoreCohorts, type RestoreRunPorts } from './restore-run';

/** Everything the disposition of a run needs, by whose login it is. */
export interface DispositionPorts extends MovePorts {
  readonly verifier: VerifierPorts;
  readonly restore: RestoreRunPorts;
}

/** Word for what a step waits for, as the tenant's process shows it. */
const waiting = (reason: WaitReason, counts: Progress['counts'] = {}): Progress => ({
  done: false,
  blockedOn: `throttle:${reason}`,
  counts,
});

const done = (counts: Progress['counts'] = {}): Progress => ({
  done: true,
  blockedOn: null,
  counts,
});

/**
 * Plan, seal, verify, move, verify, restore. Every step reads first whether the run still stands: a
 * tenant that came back, or withdrew, ends it, and what was begun is brought back by a restore.
 */
export function createDispositionActivities(ports: DispositionPorts): DispositionActivities {
  const { archive, verifier } = ports;
  const whileStanding = async (
    input: RunReference,
    step: (run: RunRow) => Promise<Progress['counts'] | Progress>,
  ): Promise<Progress> => {
    const run = await readRun(archive.control, input.tenantId, input.runId);
    const standing = await standingOf(archive.control, run);
    if (standing === 'stands') return asProgress(await step(run));
    await abandonRun(archive.control, run, standing);
    return done({ abandoned: 1 });
  };
  return {
    planRuns: (input) => planRuns(archive, input),
    sealAndCopy: (input) =>
      whileStanding(input, async (run) => (await mayNotBegin(ports, run)) ?? seal(ports, run)),
    verifyCopies: (input) =>
      whileStanding(input, async (run) => (await mayNotBegin(ports, run)) ?? verify(ports, run)),
    moveRows: (input) => whileStanding(input, (run) => move(ports, run)),
    verifyMoved: (input) => whileStanding(input, (run) => confirmMoved(ports, run)),
    restoreRun: async (input) => {
      const run = await readRun(archive.control, input.tenantId, input.runId);
      const facts = await readTenantFacts(archive.control, input.tenantId);
      if (facts === null) throw new Error('a run without a tenant');
      const counts = await restoreCohorts(ports.restore, run, facts.now);
      // What belongs to all services was not there when some of them were attached.
      for (const service of activeServices(facts)) {
        await ports.restore.links.linkUnbound({
          tenantId: input.tenantId,
          service: service as HostingService,
          linkedAt: facts.now,
        });
      }
      await closeEvent(archive.control, input.tenantId, input.eventId);
      verifier.pulse.beat({ step: 'restored' });
      return done(counts);
    },
  };
}

const asProgress = (outcome: Progress['counts'] | Progress): Progress =>
  isProgress(outcome) ? outcome : done(outcome);

const isProgress = (outcome: Progress['counts'] | Progress): outcome is Progress =>
  typeof outcome['done'] === 'boolean';

/** Reading everything is a burden too: under a pause or in quiet hours it is not begun. No replica repeats it. */
async function mayNotBegin({ pacing }: DispositionPorts, run: RunRow): Promise<Progress | null> {
  if (!isArchived(run)) return null;
  const reason = await (await Pacer.of(withoutReplicas(pacing), run)).reasonToStop(0);
  return reason === null ? null : waiting(reason);
}

const withoutReplicas = (pacing: PacerPorts): PacerPorts => ({
  ...pacing,
  replicas: { ...pacing.replicas, replicas: [] },
});

async function move(ports: DispositionPorts, run: RunRow): Promise<Progress['counts'] | Progress> {
  if (!isArchived(run) || run.states.has('moved')) return {};
  if (!isOfArchive(run)) {
    await verifying(ports, run, undefined, () => assertKeysPresent(ports.archive, run));
  }
  const { counts, waitsFor } = await moveBatches(ports, run);
  if (waitsFor === null) return counts;
  await recordWait(ports.archive.control, run.runId, waitsFor);
  return waiting(waitsFor, counts);
}

const isArchived = (run: RunRow): boolean => run.recordClass === 'asset-basic-data';

const sealerOf = (run: RunRow): typeof sealAssets => {
  if (!isArchived(run)) return sealConfiguration;
  return isOfArchive(run) ? sealStrayArchives : sealAssets;
};

async function seal({ archive }: DispositionPorts, run: RunRow): Promise<Progress['counts']> {
  const counts = (await isSealed(archive.control, run.runId))
    ? {}
    : await sealerOf(run)(archive, run);
  // From now on the due days are known, and with them their windows.
  await refreshTenant(archive, run.tenantId);
  await recordRisks(archive, run.tenantId);
  const { digest, cohorts } = await readManifest(archive.control, run.runId);
  await archive.ledger.append({
    tenantId: run.tenantId,
    kind: 'run-sealed',
    subject: run.runId,
    details: {
      runId: run.runId,
      manifestDigest: digest,
      cohorts: cohorts.length,
      records: cohorts.reduce((sum, { records }) => sum + records, 0),
    },
  });
  return counts;
}

async function verify(ports: DispositionPorts, run: RunRow): Promise<Progress['counts']> {
  if (!isArchived(run)) return verifyConfiguration(ports.verifier, run);
  if (isOfArchive(run)) return verifyStrayArchives(ports.verifier, run);
  const counts = await verifying(ports, run, 's3:archive', () => verifyCopies(ports.verifier, run));
  await markRun(ports.archive.control, run.runId, 'archived');
  await ports.archive.ledger.append({
    tenantId: run.tenantId,
    kind: 'copies-verified',
    subject: run.runId,
    details: { runId: run.runId },
  });
  return counts;
}

/** A verification that fails stops destruction until a person has looked. */
const verifying = <T>(
  { breaker }: DispositionPorts,
  { tenantId, runId }: RunRow,
  ...[location, step]: [string | undefined, () => Promise<T>]
): Promise<T> => tripping(breaker, { tenantId, runId, dueOn: '', location }, step);

async function confirmMoved(ports: DispositionPorts, run: RunRow): Promise<Progress['counts']> {
  const { control, ledger } = ports.archive;
  if (isArchived(run) && !run.states.has('moved')) {
    const { strays } = await verifying(ports, run, undefined, () =>
      verifyMoved(ports.verifier, run),
    );
    // Under a request what came later lives on; after the end of a use nothing may be left.
    if (strays > 0 && run.cutoffAt === null) await recordStrays(control, run, strays);
  }
  await markRun(control, run.runId, 'moved');
  await ledger.append({
    tenantId: run.tenantId,
    kind: 'run-moved',
    subject: run.runId,
    details: { runId: run.runId },
  });
  await closeFinishedEvent(control, run);
  return {};
}
