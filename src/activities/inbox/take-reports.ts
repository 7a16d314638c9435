import { createHash } from 'node:crypto';
import type { Command, CommandReceipt } from '../../contracts/commands';
import type { Sql } from '../../contracts/sql';
import type { EvidenceLedger, StagingWriter } from '../../contracts/stores';
import type { DutyRound } from '../../contracts/sweep';
import { FAILURES, LetheError, isLetheError, type FailureCode } from '../../domain/errors';
import { isId } from '../../domain/identifiers';
import { textRow } from '../control/sql-text';
import { databaseNow } from '../control/tenant-facts';
import type { Pulse } from '../disposition/ports';
import { asking } from '../objects/failures';
import { bucketOf, type ObjectStore } from '../objects/object-address';
import { abortOldUploads, listInbox, removeDelivered, type Delivered } from './list-inbox';

/** Stores and functions that taking in needs; nothing of it reads live data. */
export interface InboxPorts {
  /** The account that reads and empties the inbox and reaches no other bucket. */
  readonly objects: ObjectStore;
  /** The control login: which tenants there are. */
  readonly control: Sql;
  /** Stages a report for a tenant, checked and redacted. */
  readonly staging: StagingWriter;
  /** Commits an order as the tenant's process would. */
  readonly order: (tenantId: string, command: Command<'requestScan'>) => Promise<CommandReceipt>;
  readonly ledger: EvidenceLedger;
  readonly pulse: Pulse;
}

/** Longest object that is read; a report has at most 40 MiB as canonical JSON. */
const BYTES_MAX = 48 * 1024 * 1024;
/** What one round takes; the rest comes in the next one. */
const ROUND_MAX = 200;
const NAME = /^([^/]+)\/[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/;
/** Who asks, in the records of the command. */
const REQUESTED_BY = 'inbox';
/** How long the next round waits when nothing more is there. */
const PAUSE_MS = 60_000;

/**
 * Takes in what was delivered to the inbox: every version of every object is one delivery. The first part of
 * its name says whose it is; what is inside is a report of a host or is refused. Either way it is erased
 * from the inbox afterwards, and the evidence says what became of it, without its name.
 *
 * Tenants take turns, so that a flood of one does not keep the others waiting. A report that is older than
 * what is known, or that was taken in before, changes nothing: the ingest refuses it, as it does with every
 * other way of delivery.
 *
 * @idempotency the order's key follows from the object's name and version: a round that died between order
 * and erasure gets the first receipt again.
 * Bounds: 200 deliveries a round, one in memory at a time, 48 MiB each.
 * Evidence: `report-delivered` or `report-refused` for each.
 * @throws LetheError retryable codes after the others had their turn.
 * @source DC-1, ST-1
 */
export async function takeReports(ports: InboxPorts): Promise<DutyRound> {
  const now = await databaseNow(ports.control);
  const { delivered, more } = await listInbox(ports.objects);
  await abortOldUploads(ports.objects, now);
  const inTurn = takingTurns(delivered);
  const told = new Set<string>();
  let away: LetheError | null = null;
  for (const one of inTurn.slice(0, ROUND_MAX)) {
    ports.pulse.beat({ step: 'inbox' });
    try {
      const tenantId = await takeOne(ports, one);
      if (tenantId !== null) told.add(tenantId);
    } catch (error) {
      if (!isLetheError(error)) throw error;
      away ??= error;
    }
  }
  if (away !== null) throw away;
  return {
    tenantsToWake: [...told],
    nextAt: new Date(Date.parse(now) + PAUSE_MS).toISOString(),
    more: more || inTurn.length > ROUND_MAX,
  };
}

/** The first of every tenant, then the second of every tenant, and so on; each tenant's in their order. */
function takingTurns(delivered: readonly Delivered[]): readonly Delivered[] {
  const turns = new Map<string, number>();
  return delivered
    .map((one) => {
      const owner = one.name.split('/', 1)[0] ?? '';
      const turn = turns.get(owner) ?? 0;
      turns.set(owner, turn + 1);
      return { one, turn };
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ one }) => one);
}

/** Takes one delivery; the tenant whose process has something to do now, or null. */
async function takeOne(ports: InboxPorts, one: Delivered): Promise<string | null> {
  if (one.isMarker) {
    await removeDelivered(ports.objects, one);
    return null;
  }
  const id = createHash('sha256').update(`${one.name}\n${one.versionId}`).digest('hex');
  const tenantId = await ownerOf(ports, one);
  const result = tenantId === null ? 'UNKNOWN_TENANT' : await deliver(ports, { tenantId, one, id });
  const isTaken = typeof result !== 'string';
  await ports.ledger.append({
    tenantId,
    kind: isTaken ? 'report-delivered' : 'report-refused',
    subject: `inbox/${id}`,
    details: { bytes: one.bytes, ...(isTaken ? result : { reason: wordOf(result) }) },
  });
  await removeDelivered(ports.objects, one);
  return isTaken ? tenantId : null;
}

/** A code as the evidence takes it. */
const wordOf = (code: FailureCode): string => code.toLowerCase().replaceAll('_', '-');

/** Whose a delivery is by its name, when there is such a tenant. */
async function ownerOf(ports: InboxPorts, { name }: Delivered): Promise<string | null> {
  const [, owner] = NAME.exec(name) ?? [];
  if (!isId('TenantId', owner)) return null;
  const row = await textRow(ports.control, 'SELECT tenant_id FROM tenants WHERE tenant_id = ?', [
    owner,
  ]);
  return row === null ? null : owner;
}

/** Stages a report and orders its scan; the code with which it is refused for good, otherwise. */
async function deliver(
  ports: InboxPorts,
  {
    tenantId,
    one,
    id,
  }: { readonly tenantId: string; readonly one: Delivered; readonly id: string },
): Promise<{ readonly scanId: string; readonly digest: string } | FailureCode> {
  try {
    const report = await ports.staging.stage(tenantId, parsed(await bytesOf(ports.objects, one)));
    const receipt = await ports.order(tenantId, {
      kind: 'requestScan',
      idempotencyKey: `inbox-${id.slice(0, 40)}`,
      requestedBy: REQUESTED_BY,
      body: { source: 'host-report', report },
    });
    return { scanId: String(receipt.result['scanId']), digest: report.digest };
  } catch (error) {
    if (!isLetheError(error) || FAILURES[error.code].retryable) throw error;
    return error.code;
  }
}

/** The bytes of exactly this version; one that is longer than a report is not read to its end. */
async function bytesOf(store: ObjectStore, { name, versionId, bytes }: Delivered): Promise<Buffer> {
  if (bytes > BYTES_MAX) throw tooLong();
  const body = await asking('read', () =>
    store.client.getObject(bucketOf(store, 'inbox'), name, { versionId }),
  );
  const pieces: Buffer[] = [];
  let read = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      read += piece.length;
      if (read > BYTES_MAX) throw tooLong();
      pieces.push(piece);
    }
  } catch (error) {
    if (isLetheError(error)) throw error;
    throw new LetheError('STORE_UNAVAILABLE', 'the object store broke off', {
      store: 'objects',
      cause: error,
    });
  } finally {
    body.destroy();
  }
  return Buffer.concat(pieces);
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new LetheError('INVALID_INPUT', 'the delivered object is not JSON', { field: 'report' });
  }
}

const tooLong = (): LetheError =>
  new LetheError('INVALID_INPUT', `a report must not exceed ${BYTES_MAX} bytes`, {
    field: 'report',
  });
