import type { HoldScope } from '../../contracts/holds';
import type { Sql, SqlPool } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import type { AcceptPorts } from '../control/accept-command';
import { refreshTenant } from '../control/refresh-tenant';
import { insertRow } from '../control/command-context';
import { placeFreeze } from '../control/freeze';
import { settleInterlock } from '../control/interlock';
import { scopeColumns } from '../control/holds';
import { readHold } from '../control/read-holds';
import { readFreezes } from '../control/read-interlocks';
import { required, textRow, toSqlTime } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import { markCohort } from '../disposition/run-rows';
import type { CheckpointReaders } from '../evidence/checkpoints';
import {
  checkControl,
  type ControlVerdict,
  type LostCommand,
  type LostFreeze,
  type LostHold,
  type LostPolicy,
  type LostReleaseStep,
  type LostTombstone,
  type UnknownSplit,
} from './check-control';
import { replayLimits, type LostLimits } from './lost-limits';
import { replayAuthority } from './lost-orders';
import { replayReturns } from './lost-returns';

/** Stores that a replay of control reads and writes. */
export interface ReplayControlPorts extends Pick<
  AcceptPorts,
  'control' | 'keys' | 'unstamp' | 'pause' | 'ledger' | 'derive'
> {
  readonly checkpoints: CheckpointReaders;
  readonly newToken: () => string;
}

/** What was put back, and what people still have to do. */
export interface ReplayedControl {
  /** Global freeze under which everything stands until two people lift it. */
  readonly freezeId: string;
  readonly holds: number;
  /** Requests, approvals and withdrawals of releases. */
  readonly releaseSteps: number;
  readonly freezes: number;
  readonly tombstones: number;
  /** Splits whose withheld run the worker puts back from its own archive. */
  readonly splits: number;
  /** Splits of due days that control does not know any more: what was withheld is a stray, and held. */
  readonly unknownSplits: readonly UnknownSplit[];
  /** Versions of the policy that are in force again. */
  readonly policies: number;
  /** Due days whose records are live by right. */
  readonly returns: number;
  /** Stops of orders, withdrawals, keys taken out and rules of approvals. */
  readonly authority: number;
  /** Caps, trips and the setting of the throttle; what was stricter counts again. */
  readonly limits: Pick<LostLimits, 'caps' | 'trips' | 'throttle'>;
  /** Ends of keys whose cohort control does not know any more. */
  readonly unknownTombstones: readonly LostTombstone[];
  /** Commands that their senders must send again, each under its own key. */
  readonly commands: readonly LostCommand[];
}

const NO_DIGEST = '0'.repeat(64);

/**
 * Brings a restored control store forward to what the evidence knows. First a global freeze; then caps, trips and the
 * throttle where they were stricter; the versions of the policy; the holds that were lost, with what people decided about their release; freezes;
 * returns, splits and ends of keys. The worker starts again afterwards, frozen, so that lost commands can be sent again.
 *
 * Effect: rows in control, interlocks in the key store, ledger entries.
 * @idempotency what is there is not lost any more; a freeze over all that is in force is used again.
 * @throws LetheError VERIFICATION_FAILED when the ledger itself is older or broken, or says something about limits that
 *   this build cannot read: all is frozen then, and nothing was put back.
 * @source CC-4
 */
export async function replayControl(
  ports: ReplayControlPorts,
  order: { readonly replayedBy: string },
): Promise<ReplayedControl> {
  const verdict = await checkControl(ports.checkpoints);
  if (verdict.ledgerUnsound) {
    throw new LetheError(
      'VERIFICATION_FAILED',
      'the evidence ledger is older than its checkpoint or broken: restore it first',
    );
  }
  const freezeId = await freezeAll(ports, order.replayedBy);
  assertReadable(verdict.limits);
  for (const freeze of verdict.freezes) await replayFreeze(ports.control, freeze);
  await replayLimits(ports, verdict.limits, order.replayedBy);
  // Before any window is computed again: what was promised counts.
  for (const policy of verdict.policies) await replayPolicy(ports.control, policy);
  for (const hold of verdict.holds) await replayHold(ports, hold);
  await replaySteps(ports, verdict.releaseSteps);
  // Before the freeze is lifted: no older state makes a stopped order count again.
  const stopped = await replayAuthority(ports.control, verdict.authority, order.replayedBy);
  // Before anything can be removed again: what came back is nothing that reappeared.
  const returned = await replayReturns(ports.control, verdict.returns);
  await computeAgain(ports, [...new Set([...stopped, ...returned])].sort());
  // Before ends of keys: what was withheld of them must be known when they are certified again.
  const unknownSplits: UnknownSplit[] = [];
  for (const split of verdict.splits) {
    if (!(await replaySplit(ports.control, split))) unknownSplits.push(split);
  }
  const unknown: LostTombstone[] = [];
  for (const tombstone of verdict.tombstones) {
    if (!(await replayTombstone(ports.control, tombstone))) unknown.push(tombstone);
  }
  await recordReplay(ports, verdict, { freezeId, unknown: unknown.length, ...order });
  return {
    freezeId,
    holds: verdict.holds.length,
    releaseSteps: verdict.releaseSteps.length,
    freezes: verdict.freezes.length,
    tombstones: verdict.tombstones.length - unknown.length,
    splits: verdict.splits.length - unknownSplits.length,
    unknownSplits,
    policies: verdict.policies.length,
    returns: verdict.returns.length,
    authority: verdict.authority.length,
    limits: verdict.limits,
    unknownTombstones: unknown,
    commands: verdict.commands,
  };
}

/** Nobody can say what was decided then. Everything is frozen; control stays older, so that no worker starts. */
function assertReadable({ unreadable }: LostLimits): void {
  const first = unreadable[0];
  if (first === undefined) return;
  throw new LetheError(
    'VERIFICATION_FAILED',
    `evidence entry ${first.sequence} (${first.kind}) cannot be read or contradicts another: ` +
      'replay with the version of the engine that wrote it',
  );
}

async function freezeAll(ports: ReplayControlPorts, placedBy: string): Promise<string> {
  const standing = (await readFreezes(ports.control)).find(({ inForce }) => inForce);
  if (standing !== undefined) return standing.freezeId;
  const freezeId = `fz_${ports.newToken()}`;
  await placeFreeze(ports, { freezeId, scope: 'global', placedBy });
  return freezeId;
}

async function replayFreeze(control: SqlPool, freeze: LostFreeze): Promise<void> {
  await control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [freeze.scope]);
    await insertRow(sql, 'freezes', {
      freeze_id: freeze.freezeId,
      scope: freeze.scope,
      placed_at: toSqlTime(freeze.placedAt),
      placed_by: freeze.placedBy,
    });
    await sql.execute('CALL bump_interlock(?)', [freeze.scope]);
  });
}

async function replayPolicy(control: SqlPool, policy: LostPolicy): Promise<void> {
  await control.execute('CALL activate_policy(?, ?, ?, ?, ?, ?)', [
    ...[policy.version, policy.policyDigest, policy.planDigest],
    ...[policy.signedBy, policy.countersignedBy, toSqlTime(policy.activatedAt)],
  ]);
}

async function replayHold(ports: ReplayControlPorts, hold: LostHold): Promise<void> {
  const { holdId, tenantId, release } = hold;
  await ports.control.transaction(async (sql) => {
    await sql.execute('CALL lock_tenant(?)', [tenantId]);
    const known = await textRow(sql, 'SELECT hold_id FROM holds WHERE hold_id = ?', [holdId]);
    const now = await databaseNow(sql);
    if (known === null) {
      await insertRow(sql, 'holds', {
        hold_id: holdId,
        placed_at: toSqlTime(hold.placedAt),
        placed_by: hold.placedBy,
        // What entries of before do not say was lost: somebody has to look at it now.
        review_on: hold.reviewOn ?? now.slice(0, 10),
        ground_digest: NO_DIGEST,
        matter: hold.matter,
        ground_kind: hold.groundKind,
        owner: hold.owner,
      });
    }
    // Without its scopes it covers everything of the tenant.
    for (const scope of hold.scopes ?? [{ tenantId }]) await insertScope(sql, holdId, scope);
    await sql.execute('CALL bump_interlock(?)', [tenantId]);
    if (release === null) return;
    await replayStep(sql, {
      ...{ holdId, request: 0, act: 'approved', requestedBy: release.releasedBy },
      ...{ by: release.approvedBy, at: release.releasedAt, until: release.releasedAt },
    });
  });
  await settleInterlock(ports, tenantId);
  await refreshTenant(ports, tenantId);
}

async function insertScope(sql: Sql, holdId: string, scope: HoldScope): Promise<void> {
  const next = await textRow(
    sql,
    'SELECT COALESCE(MAX(scope_number), 0) + 1 AS number FROM hold_scopes WHERE hold_id = ?',
    [holdId],
  );
  await insertRow(sql, 'hold_scopes', {
    hold_id: holdId,
    scope_number: Number(required(next ?? {}, 'number')),
    tenant_id: scope.tenantId,
    ...scopeColumns(scope),
  });
}

/** Puts back what one person decided about a release; a step that is there stays. */
async function replayStep(sql: Sql, step: LostReleaseStep): Promise<void> {
  await sql.execute('CALL replay_hold_release(?, ?, ?, ?, ?, ?, ?)', [
    ...[step.holdId, step.request, step.act, step.requestedBy, step.by, toSqlTime(step.at)],
    step.until === null ? null : toSqlTime(step.until),
  ]);
}

/** Steps of releases, and the windows that follow from them; withdrawals keep what a backup let go. */
async function replaySteps(
  ports: ReplayControlPorts,
  steps: readonly LostReleaseStep[],
): Promise<void> {
  for (const step of steps) await replayStep(ports.control, step);
  const tenants = new Set<string>();
  for (const holdId of new Set(steps.map((step) => step.holdId))) {
    const hold = await readHold(ports.control, holdId);
    for (const { tenantId } of hold?.scopes ?? []) tenants.add(tenantId);
  }
  await computeAgain(ports, [...tenants].sort());
}

/** Older permits of the tenants die, and their windows follow what is known now. */
async function computeAgain(ports: ReplayControlPorts, tenants: readonly string[]): Promise<void> {
  for (const tenantId of tenants) {
    await ports.control.transaction(async (sql) => {
      await sql.execute('CALL lock_tenant(?)', [tenantId]);
      await sql.execute('CALL bump_interlock(?)', [tenantId]);
    });
    await settleInterlock(ports, tenantId);
    await refreshTenant(ports, tenantId);
  }
}

/** False when control does not know the cohort: its run began after the backup was taken. */
async function replayTombstone(control: SqlPool, tombstone: LostTombstone): Promise<boolean> {
  const { runId, dueOn } = tombstone;
  const row = await textRow(
    control,
    `SELECT r.generation, m.digest FROM cohorts c JOIN runs r ON r.run_id = c.run_id
       JOIN manifests m ON m.run_id = c.run_id WHERE c.run_id = ? AND c.due_on = ?`,
    [runId, dueOn],
  );
  if (row === null) return false;
  await insertRow(control, 'tombstones', {
    run_id: runId,
    due_on: dueOn,
    tenant_id: tombstone.tenantId,
    generation: Number(required(row, 'generation')),
    key_ref: tombstone.keyRef,
    manifest_digest: required(row, 'digest'),
    permit_id: tombstone.permitId,
    destroyed_at: toSqlTime(tombstone.destroyedAt),
  });
  // Its end is finished and verified again: objects, certificate.
  await markCohort(control, { runId, dueOn }, 'destroying');
  return true;
}

/**
 * False when control does not know the due day as it was split, or the hold. What was withheld of a run that is lost
 * itself is put back after that one.
 */
async function replaySplit(control: SqlPool, split: UnknownSplit): Promise<boolean> {
  const { runId, dueOn, holdId, tenantId } = split;
  const row = await textRow(
    control,
    `SELECT (SELECT m.digest FROM cohorts c JOIN manifests m ON m.run_id = c.run_id
              WHERE c.run_id = ? AND c.due_on = ? AND c.tenant_id = ?) AS digest,
            EXISTS (SELECT 1 FROM lost_splits l
              WHERE l.withheld_run_id = ? AND l.due_on = ? AND l.tenant_id = ?) AS is_lost,
            EXISTS (SELECT 1 FROM holds h WHERE h.hold_id = ?) AS has_hold`,
    [runId, dueOn, tenantId, runId, dueOn, tenantId, holdId],
  );
  const digest = row?.['digest'] ?? null;
  const isKnown = digest === null ? row?.['is_lost'] === '1' : digest === split.manifestDigest;
  if (!isKnown || row?.['has_hold'] !== '1') return false;
  await insertRow(control, 'lost_splits', {
    ...{ run_id: runId, due_on: dueOn, hold_id: holdId, tenant_id: tenantId },
    withheld_run_id: split.withheldRunId,
    manifest_digest: split.manifestDigest,
    withheld: split.withheld,
    rest: split.rest,
    split_at: toSqlTime(split.splitAt),
    put_back_at: toSqlTime(await databaseNow(control)),
  });
  return true;
}

async function recordReplay(
  ports: ReplayControlPorts,
  verdict: ControlVerdict,
  outcome: {
    readonly freezeId: string;
    readonly unknown: number;
    readonly replayedBy: string;
  },
): Promise<void> {
  const replayedAt = await databaseNow(ports.control);
  await ports.ledger.append({
    tenantId: null,
    kind: 'control-replayed',
    subject: `${outcome.freezeId}/${Date.parse(replayedAt)}`,
    details: {
      checkpoint: verdict.checkpoint,
      freezeId: outcome.freezeId,
      replayedBy: outcome.replayedBy,
      replayedAt,
      holds: verdict.holds.length,
      releaseSteps: verdict.releaseSteps.length,
      freezes: verdict.freezes.length,
      tombstones: verdict.tombstones.length,
      splits: verdict.splits.length,
      policies: verdict.policies.length,
      returns: verdict.returns.length,
      authority: verdict.authority.length,
      caps: verdict.limits.caps.length,
      trips: verdict.limits.trips.length,
      throttles: verdict.limits.throttle === null ? 0 : 1,
      unknownTombstones: outcome.unknown,
      commands: verdict.commands.length,
    },
  });
}
