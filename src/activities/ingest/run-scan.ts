import { parseId } from '../../domain/identifiers';
import { isManyRepositories } from '../../domain/repository-scope';
import type { Progress } from '../../contracts/activities';
import type { ScanResult } from '../../contracts/scans';
import type { ScanPorts } from './ports';
import { scanListed } from './scan-listed';
import {
  readOrder,
  readResult,
  recordResult,
  type PlacedOrder,
  type ScanOrder,
  type ScanReference,
} from './scan-orders';
import { patientFor, scanSource, type Ended } from './scan-source';
import { eraseReport } from './staged-report';

/**
 * Runs one ordered scan to its recorded end. What a source brings is stored or is refused for a reason
 * that is on record; only a store that is away makes it try again, and a registry for a while.
 *
 * @idempotency the result is recorded once and ends every repetition; before that, see recordObservation.
 * @throws LetheError retryable codes while a store or the registry is away; INVALID_INPUT for a scan that
 * the tenant never ordered.
 * @source DC-1, DC-2, SH-1
 */
export async function runScan(
  ports: ScanPorts,
  input: { readonly tenantId: string; readonly scanId: string },
): Promise<Progress> {
  const scan: ScanReference = {
    tenantId: parseId('TenantId', input.tenantId, 'tenantId'),
    scanId: parseId('ScanId', input.scanId, 'scanId'),
  };
  const placed = await readOrder(ports.control, scan);
  const known = await readResult(ports.control, scan);
  if (known !== null) return concluded(ports, scan, { order: placed.order, result: known });
  const ended = await carryOut(ports, scan, placed);
  if (ended === null) return { done: false, blockedOn: null, counts: { pauses: 1 } };
  if ('blockedOn' in ended) return ended;
  const meanwhile = await readResult(ports.control, scan);
  if (meanwhile !== null) {
    return concluded(ports, scan, { order: placed.order, result: meanwhile });
  }
  const result = await recordResult(ports.control, scan, ended);
  return concluded(ports, scan, { order: placed.order, result });
}

/** Reads what was ordered; a registry is patient, a report is there or is not. */
function carryOut(
  ports: ScanPorts,
  scan: ScanReference,
  { order, ageSeconds }: PlacedOrder,
): Promise<Ended | Progress | null> {
  if (order.source === 'registry' && isManyRepositories(order.repository)) {
    return scanListed(ports, { ...scan, order }, ageSeconds);
  }
  const patience = order.source === 'registry' ? ageSeconds : 0;
  return scanSource(ports, { ...scan, order }, patientFor(patience));
}

/** The result stands: what was delivered for it is erased, again after a crash in between. */
async function concluded(
  ports: ScanPorts,
  scan: ScanReference,
  { order, result }: { readonly order: ScanOrder; readonly result: ScanResult },
): Promise<Progress> {
  if (order.source === 'host-report') {
    await eraseReport(ports.control, scan.tenantId, order.report);
  }
  const counts: Record<string, number> = {};
  for (const [name, count] of Object.entries(result.counts)) {
    if (typeof count === 'number') counts[name] = count;
  }
  if (result.outcome !== 'complete') counts[result.outcome] = 1;
  return { done: true, blockedOn: null, counts };
}
