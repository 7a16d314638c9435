import { createHash } from 'node:crypto';
import type { Command, CommandReceipt, RepositoryScan } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import type { StagingWriter } from '../../contracts/stores';
import type { DutyRound } from '../../contracts/sweep';
import { FAILURES, isLetheError, type LetheError } from '../../domain/errors';
import { required, textRows, toInstant } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import type { Pulse } from '../disposition/ports';

/** Stores and functions that ordering on schedule needs. */
export interface OrderPorts {
  /** The control login: schedules and what was ordered so far. */
  readonly control: Sql;
  /** Stages what names a registry; it enters no history. */
  readonly staging: StagingWriter;
  /** Commits an order as the tenant's process would; refuses what is not authorized or not in use. */
  readonly order: (tenantId: string, command: Command<'requestScan'>) => Promise<CommandReceipt>;
  readonly pulse: Pulse;
}

/** Scans that one round orders; the others come in the next one. */
const ROUND_MAX = 50;
const HOUR_MS = 3_600_000;
/** Repositories of one time are spread over this share of the period. */
const JITTER_SHARE = 0.1;
/** A repository that is refused now may be allowed again: when its tenant is looked at again. */
const REFUSED_MS = HOUR_MS;
/** What could not be scanned for so long beyond two periods falls out until somebody orders it again. */
const FORGOTTEN_HOURS = 30 * 24;
const REQUESTED_BY = 'schedule';

/** The last order of a repository, of a tenant with a schedule. */
interface LastOrder {
  readonly tenantId: string;
  readonly scanId: string;
  readonly scan: RepositoryScan;
  readonly dueAt: number;
  /** It still waits or runs. */
  readonly isOpen: boolean;
}

/**
 * Orders the scans that are due by schedule: every repository of which a scan was ordered is scanned again
 * when the tenant's period is over, a little later for some than for others. A scan that still waits or
 * runs is not ordered again beside itself.
 *
 * Tenants take turns. Nothing is decided here: the order is committed like one that somebody sends, and
 * refused when the use is suspended or over or no valid authorization covers the repository.
 *
 * @idempotency the order's key follows from the order before it: a round that is repeated orders nothing
 * twice.
 * Bounds: 50 orders a round; the last order of each repository in memory.
 * @throws LetheError retryable codes after the others had their turn.
 * @source SH-1, DC-2
 */
export async function orderDueScans(ports: OrderPorts): Promise<DutyRound> {
  const now = Date.parse(await databaseNow(ports.control));
  const orders = (await readLastOrders(ports.control)).filter(({ isOpen }) => !isOpen);
  const due = takingTurns(orders.filter(({ dueAt }) => dueAt <= now));
  const told = new Set<string>();
  let refused = false;
  let away: LetheError | null = null;
  for (const last of due.slice(0, ROUND_MAX)) {
    ports.pulse.beat({ step: 'schedule' });
    try {
      if (await orderAgain(ports, last)) told.add(last.tenantId);
      else refused = true;
    } catch (error) {
      if (!isLetheError(error)) throw error;
      away ??= error;
    }
  }
  if (away !== null) throw away;
  const later = orders.flatMap(({ dueAt }) => (dueAt > now ? [dueAt] : []));
  const next = Math.min(...later, refused ? now + REFUSED_MS : Infinity);
  return {
    tenantsToWake: [...told],
    nextAt: Number.isFinite(next) ? new Date(next).toISOString() : null,
    more: due.length > ROUND_MAX,
  };
}

/** True when the scan was ordered, false when it may not be. */
async function orderAgain(ports: OrderPorts, last: LastOrder): Promise<boolean> {
  const { tenantId, scanId, scan } = last;
  try {
    const staged = await ports.staging.stage(tenantId, scan);
    await ports.order(tenantId, {
      kind: 'requestScan',
      idempotencyKey: `schedule-after-${scanId}`,
      requestedBy: REQUESTED_BY,
      body: { ...staged, source: 'registry' },
    });
    return true;
  } catch (error) {
    if (!isLetheError(error) || FAILURES[error.code].retryable) throw error;
    return false;
  }
}

/** The longest waiting of every tenant, then the second of every tenant, and so on. */
function takingTurns(due: readonly LastOrder[]): readonly LastOrder[] {
  const turns = new Map<string, number>();
  return [...due]
    .sort((a, b) => a.dueAt - b.dueAt)
    .map((last) => {
      const turn = turns.get(last.tenantId) ?? 0;
      turns.set(last.tenantId, turn + 1);
      return { last, turn };
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ last }) => last);
}

async function readLastOrders(sql: Sql): Promise<readonly LastOrder[]> {
  const rows = await textRows(
    sql,
    `SELECT o.tenant_id, o.scan_id, o.parameters, o.ordered_at, s.every_hours, r.scan_id AS done
       FROM scan_schedules s
       JOIN scan_orders o ON o.tenant_id = s.tenant_id AND o.source = 'registry'
       LEFT JOIN scan_results r ON r.tenant_id = o.tenant_id AND r.scan_id = o.scan_id
      WHERE s.every_hours IS NOT NULL AND s.schedule_number = (
        SELECT MAX(n.schedule_number) FROM scan_schedules n WHERE n.tenant_id = s.tenant_id)
        AND o.ordered_at > lethe_now() - INTERVAL (2 * s.every_hours + ${FORGOTTEN_HOURS}) HOUR
      ORDER BY o.ordered_at, o.scan_id`,
  );
  const last = new Map<string, LastOrder>();
  for (const row of rows) {
    const tenantId = required(row, 'tenant_id');
    const { registry, repository, services } = JSON.parse(
      required(row, 'parameters'),
    ) as RepositoryScan;
    const scan = { registry, repository, ...(services !== undefined && { services }) };
    const name = JSON.stringify([tenantId, registry, repository]);
    const period = Number(required(row, 'every_hours')) * HOUR_MS;
    last.set(name, {
      tenantId,
      scanId: required(row, 'scan_id'),
      scan,
      dueAt: Date.parse(toInstant(required(row, 'ordered_at'))) + period * (1 + jitterOf(name)),
      isOpen: (row['done'] ?? null) === null,
    });
  }
  return [...last.values()];
}

/** The same for a repository in every round, different from one to the next. */
const jitterOf = (name: string): number =>
  (createHash('sha256').update(name).digest().readUInt32BE(0) / 0xffff_ffff) * JITTER_SHARE;
