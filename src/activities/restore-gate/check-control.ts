import type { SqlPool } from '../../contracts/sql';
import type { LedgerEntry } from '../../domain/evidence';
import type { HoldScope } from '../../contracts/holds';
import type { LostSplit } from '../control/lost-splits';
import { textRows } from '../control/sql-text';
import { compareWithCheckpoint, type CheckpointReaders } from '../evidence/checkpoints';
import { readHead, readLedger } from '../evidence/read-ledger';
import { lostAuthority, type LostAuthority } from './lost-orders';
import { noLimits, noteLimit } from './limits-in-evidence';
import { lostLimits, type LostLimits } from './lost-limits';
import { lostReturns, noteReturn, type LostReturn, type Returns } from './lost-returns';

/** A hold that the evidence knows and control does not. What entries of before do not say is null. */
export interface LostHold {
  readonly holdId: string;
  readonly tenantId: string;
  readonly placedAt: string;
  readonly placedBy: string;
  readonly matter: string | null;
  readonly groundKind: string | null;
  readonly owner: string | null;
  readonly reviewOn: string | null;
  /** Scopes over this tenant; null: everything of it. */
  readonly scopes: readonly HoldScope[] | null;
  /** A release of before, which took effect when it was made. */
  readonly release: {
    readonly releasedAt: string;
    readonly releasedBy: string;
    readonly approvedBy: string;
  } | null;
}

/** A step of a release that the evidence knows and control does not; also of a hold that control has. */
export interface LostReleaseStep {
  readonly holdId: string;
  readonly request: number;
  readonly act: 'requested' | 'approved' | 'withdrawn';
  readonly requestedBy: string;
  readonly by: string;
  readonly at: string;
  /** End of a request, effect of an approval. */
  readonly until: string | null;
}

/** A freeze that the evidence knows and control does not. */
export interface LostFreeze {
  readonly freezeId: string;
  readonly scope: string;
  readonly placedAt: string;
  readonly placedBy: string;
}

/** A key that is gone and whose end control does not know. */
export interface LostTombstone {
  readonly tenantId: string;
  readonly runId: string;
  readonly dueOn: string;
  readonly keyRef: string;
  readonly permitId: string;
  readonly destroyedAt: string;
}

/** A version of the policy that came into force and that control does not know. */
export interface LostPolicy {
  readonly version: number;
  readonly policyDigest: string;
  readonly planDigest: string;
  readonly signedBy: string;
  readonly countersignedBy: string;
  readonly activatedAt: string;
}

/** A split that the evidence knows and control does not, and the manifest of what was split. */
export interface UnknownSplit extends Omit<LostSplit, 'manifestDigest'> {
  readonly manifestDigest: string;
}

/** A command that was accepted and is gone from control; its sender sends it again under its key. */
export interface LostCommand {
  readonly tenantId: string;
  readonly idempotencyKey: string;
  readonly command: string;
}

/** What control has lost, by the evidence. */
export interface ControlVerdict {
  /** Sequence of the last exported checkpoint; null when there is none. */
  readonly checkpoint: number | null;
  /** Control or the ledger is older than the checkpoint: somebody restored it. */
  readonly older: boolean;
  /** The ledger itself is older or broken: it cannot say what control has lost. */
  readonly ledgerUnsound: boolean;
  readonly holds: readonly LostHold[];
  readonly releaseSteps: readonly LostReleaseStep[];
  readonly freezes: readonly LostFreeze[];
  readonly tombstones: readonly LostTombstone[];
  /** Due days of which something was withheld in a run that control has lost. */
  readonly splits: readonly UnknownSplit[];
  readonly policies: readonly LostPolicy[];
  /** Due days whose records are live by right. */
  readonly returns: readonly LostReturn[];
  readonly commands: readonly LostCommand[];
  /** What takes orders out of force: stops, withdrawals, keys taken out, rules. */
  readonly authority: readonly LostAuthority[];
  /** Caps that were tightened, open trips of the circuit breaker, the throttle. */
  readonly limits: LostLimits;
}

/**
 * Compares control with the evidence, entry by entry: holds, freezes, limits, splits, versions of the policy, ends of
 * keys and commands that are on record there and missing here. Reading, so safe to repeat.
 *
 * @throws LetheError as {@link compareWithCheckpoint} does.
 */
export async function checkControl(ports: CheckpointReaders): Promise<ControlVerdict> {
  const { checkpoint, older, ledger } = await compareWithCheckpoint(ports);
  const head = await readHead(ports.ledger.pool);
  const unsound =
    ledger.broken !== null || (checkpoint !== null && head.sequence < checkpoint.sequence);
  const lost = await findLost(ports, { after: 0, upTo: head.sequence });
  return { checkpoint: checkpoint?.sequence ?? null, older, ledgerUnsound: unsound, ...lost };
}

/** What of the evidence was looked at, and is missing in control. */
export type Lost = Pick<
  ControlVerdict,
  | 'holds'
  | 'releaseSteps'
  | 'freezes'
  | 'tombstones'
  | 'splits'
  | 'policies'
  | 'returns'
  | 'commands'
  | 'authority'
  | 'limits'
>;

/** What was found so far; a later entry may take a hold or a freeze back. */
interface Finding {
  readonly holds: Map<string, LostHold>;
  /** Each once, although every tenant of the hold has an entry. */
  readonly steps: Map<string, LostReleaseStep>;
  readonly freezes: Map<string, LostFreeze>;
  readonly tombstones: LostTombstone[];
  /** Each once, although every renewal of its verdict may have an entry. */
  readonly splits: Map<string, UnknownSplit>;
  readonly policies: LostPolicy[];
  readonly commands: LostCommand[];
  readonly authority: LostAuthority[];
}

/** What an entry of each kind means when control does not know its act. */
const LOSSES: Readonly<Record<string, (found: Finding, entry: LedgerEntry) => void>> = {
  'hold-placed': ({ holds }, entry) => holds.set(entry.subject, holdOf(entry)),
  'hold-release-requested': ({ steps }, entry) => {
    const by = textOf(entry, 'requestedBy');
    const until = textOf(entry, 'expiresAt');
    addStep(steps, entry, { act: 'requested', by, at: textOf(entry, 'requestedAt'), until });
  },
  'hold-release-approved': ({ steps }, entry) => {
    const by = textOf(entry, 'approvedBy');
    const until = textOf(entry, 'releasedAt');
    addStep(steps, entry, { act: 'approved', by, at: textOf(entry, 'approvedAt'), until });
  },
  'hold-release-withdrawn': ({ steps }, entry) => {
    const by = textOf(entry, 'withdrawnBy');
    addStep(steps, entry, { act: 'withdrawn', by, at: textOf(entry, 'withdrawnAt'), until: null });
  },
  'hold-released': (found, entry) => {
    release(found, entry);
  },
  'freeze-placed': ({ freezes }, entry) =>
    freezes.set(entry.subject, entry.details as unknown as LostFreeze),
  'freeze-lifted': ({ freezes }, entry) => freezes.delete(entry.subject),
  'key-destroyed': ({ tombstones }, entry) => {
    const details = entry.details as unknown as Omit<LostTombstone, 'tenantId'>;
    tombstones.push({ ...details, tenantId: entry.tenantId ?? '' });
  },
  'cohort-split': ({ splits }, entry) => {
    const split = splitOf(entry);
    if (split !== null && !splits.has(entry.subject)) splits.set(entry.subject, split);
  },
  'policy-activated': ({ policies }, entry) => {
    policies.push(entry.details as unknown as LostPolicy);
  },
  'command-accepted': ({ commands }, entry) => {
    const tenantId = entry.tenantId ?? '';
    const idempotencyKey = entry.subject.slice(tenantId.length + 1);
    commands.push({ tenantId, idempotencyKey, command: textOf(entry, 'command') });
  },
};

/**
 * What entries after one position, up to another, know and control does not. Control is read after the ledger's
 * head, so what is decided meanwhile is not taken for lost. Reading, so safe to repeat.
 */
export async function findLost(
  { ledger, control }: Pick<CheckpointReaders, 'ledger' | 'control'>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<Lost> {
  const known = await readKnown(control);
  const returns: Returns = new Map();
  const limits = noLimits();
  const found: Finding = {
    ...{ holds: new Map(), steps: new Map(), freezes: new Map(), splits: new Map() },
    ...{ tombstones: [], policies: [], commands: [], authority: [] },
  };
  for await (const entry of readLedger(ledger.pool, { after })) {
    if (entry.sequence > upTo) break;
    noteReturn(returns, entry);
    noteLimit(limits, entry);
    if (known.has(`${entry.kind} ${entry.subject}`)) continue;
    LOSSES[entry.kind]?.(found, entry);
    const lost = lostAuthority(entry);
    if (lost !== null) found.authority.push(lost);
  }
  const { holds, steps, freezes, splits, ...rest } = found;
  return {
    ...rest,
    ...{ returns: await lostReturns(control, returns), limits: await lostLimits(control, limits) },
    ...{ holds: [...holds.values()], releaseSteps: [...steps.values()] },
    ...{ freezes: [...freezes.values()], splits: [...splits.values()] },
  };
}

/** What control has, by the kind and subject under which the evidence speaks of it. */
async function readKnown(control: CheckpointReaders['control']): Promise<ReadonlySet<string>> {
  const rows = await textRows(
    control,
    `SELECT CONCAT('hold-placed ', hold_id, '/', tenant_id) AS act FROM hold_scopes
      UNION SELECT CONCAT('hold-released ', r.hold_id, '/', s.tenant_id) FROM hold_releases r
              JOIN hold_scopes s ON s.hold_id = r.hold_id
      UNION SELECT CONCAT('hold-release-requested ', q.hold_id, '/', s.tenant_id, '/', q.request_number)
              FROM hold_release_requests q JOIN hold_scopes s ON s.hold_id = q.hold_id
      UNION SELECT CONCAT('hold-release-approved ', r.hold_id, '/', s.tenant_id, '/', r.request_number)
              FROM hold_releases r JOIN hold_scopes s ON s.hold_id = r.hold_id
      UNION SELECT CONCAT('hold-release-withdrawn ', w.hold_id, '/', s.tenant_id, '/', w.request_number)
              FROM hold_release_withdrawals w JOIN hold_scopes s ON s.hold_id = w.hold_id
      UNION SELECT CONCAT('freeze-placed ', freeze_id) FROM freezes
      UNION SELECT CONCAT('policy-activated policy/', version) FROM policy_activations
      UNION SELECT CONCAT('order-stopped ', order_id) FROM deletion_order_stops
      UNION SELECT CONCAT('deletion-withdrawn ', tenant_id, '/', request_id) FROM deletion_withdrawals
      UNION SELECT CONCAT('authority-changed ', c.change_id) FROM authority_changes c
              JOIN signer_revocations r ON r.kid = c.kid WHERE c.action = 'revoke-signer'
      UNION SELECT CONCAT('authority-changed ', change_id) FROM signer_revocations
      UNION SELECT CONCAT('authority-changed ', change_id) FROM approval_rules WHERE change_id IS NOT NULL
      UNION SELECT CONCAT('authority-changed ', change_id) FROM decision_rules WHERE change_id IS NOT NULL
      UNION SELECT CONCAT('key-destroyed ', key_ref) FROM tombstones
      UNION SELECT CONCAT('cohort-split ', run_id, '/', due_on, '/', hold_id) FROM cohort_splits
      UNION SELECT CONCAT('cohort-split ', run_id, '/', due_on, '/', hold_id) FROM lost_splits
      UNION SELECT CONCAT('command-accepted ', tenant_id, '/', idempotency_key) FROM commands`,
  );
  return new Set(rows.map((row) => row['act'] ?? ''));
}

const textOf = (entry: LedgerEntry, field: string): string => {
  const value = entry.details[field];
  return typeof value === 'string' ? value : '';
};

const textOrNull = (entry: LedgerEntry, field: string): string | null =>
  textOf(entry, field) === '' ? null : textOf(entry, field);

/** Null when nothing was withheld: then nothing is lost that the next round would not find again. */
function splitOf(entry: LedgerEntry): UnknownSplit | null {
  const withheldRunId = textOrNull(entry, 'withheldRunId');
  if (withheldRunId === null) return null;
  return {
    ...{ tenantId: entry.tenantId ?? '', withheldRunId, splitAt: entry.at },
    ...{ runId: textOf(entry, 'runId'), dueOn: textOf(entry, 'dueOn') },
    ...{ holdId: textOf(entry, 'holdId'), manifestDigest: textOf(entry, 'manifestDigest') },
    withheld: Number(entry.details['withheld']),
    rest: Number(entry.details['rest']),
  };
}

const holdOf = (entry: LedgerEntry): LostHold => ({
  holdId: textOf(entry, 'holdId'),
  tenantId: entry.tenantId ?? '',
  placedAt: textOf(entry, 'placedAt'),
  placedBy: textOf(entry, 'placedBy'),
  matter: textOrNull(entry, 'matterKey'),
  groundKind: textOrNull(entry, 'groundKind'),
  owner: textOrNull(entry, 'ownedBy'),
  reviewOn: textOrNull(entry, 'reviewOn'),
  scopes: Array.isArray(entry.details['scopes'])
    ? (entry.details['scopes'] as readonly HoldScope[])
    : null,
  release: null,
});

function addStep(
  steps: Map<string, LostReleaseStep>,
  entry: LedgerEntry,
  step: Pick<LostReleaseStep, 'act' | 'by' | 'at' | 'until'>,
): void {
  const holdId = textOf(entry, 'holdId');
  const request = Number(entry.details['request']);
  const requestedBy = textOf(entry, 'requestedBy');
  steps.set(`${holdId}/${request}/${step.act}`, { holdId, request, requestedBy, ...step });
}

function release({ holds, steps }: Finding, entry: LedgerEntry): void {
  const hold = holds.get(entry.subject);
  // Of a hold that control still has, or whose approval is put back, the end follows from that.
  if (hold === undefined) return;
  if ([...steps.values()].some(({ holdId, act }) => holdId === hold.holdId && act === 'approved')) {
    return;
  }
  holds.set(entry.subject, {
    ...hold,
    release: {
      releasedAt: textOf(entry, 'releasedAt'),
      releasedBy: textOf(entry, 'releasedBy'),
      approvedBy: textOf(entry, 'approvedBy'),
    },
  });
}

/**
 * True when somebody replayed what control had lost against this checkpoint, under a global freeze that
 * control still knows. A control store that was restored once more does not know it.
 */
export async function isReplayed(
  ports: { readonly evidence: SqlPool; readonly control: CheckpointReaders['control'] },
  checkpoint: number,
): Promise<boolean> {
  for await (const entry of readLedger(ports.evidence, { after: checkpoint })) {
    if (entry.kind !== 'control-replayed' || entry.details['checkpoint'] !== checkpoint) continue;
    const rows = await textRows(
      ports.control,
      `SELECT freeze_id FROM freezes WHERE freeze_id = ? AND scope = 'global'`,
      [textOf(entry, 'freezeId')],
    );
    if (rows.length > 0) return true;
  }
  return false;
}
