import type {
  Fingerprint,
  FingerprintOf,
  FingerprintOfVersion1,
} from '../contracts/schemas/fingerprints';
import type { DeliveredReport, HostReport } from '../contracts/schemas/host-report';

/** Brings a delivered report into the present shape; its digest stays that of what was delivered. */
export function upgradeReport(report: DeliveredReport): HostReport {
  if (report.reportVersion === 2) return report;
  return {
    ...report,
    reportVersion: 2,
    fingerprints: report.fingerprints.map(upgradeFingerprint),
  };
}

/** What the older version does not say is not known. */
function upgradeFingerprint(record: FingerprintOfVersion1): Fingerprint {
  switch (record.kind) {
    case 'process':
      return { ...record, commandLine: null };
    case 'startup-service':
    case 'scheduled-task':
      return { ...record, command: null };
    case 'environment-variable':
      return { ...record, value: null, valueState: 'unknown' };
    default:
      return record satisfies FingerprintOf<typeof record.kind>;
  }
}
