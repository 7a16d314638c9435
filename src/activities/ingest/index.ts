import type { ScanActivities } from '../../contracts/activities';
import type { ScanPorts } from './ports';
import { runScan } from './run-scan';

/** The activities of scans; they insert and never change or remove anything. */
export function createScanActivities(ports: ScanPorts): ScanActivities {
  return { runScan: (input) => runScan(ports, input) };
}
