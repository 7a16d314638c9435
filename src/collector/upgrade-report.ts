import type { Fingerprint, FingerprintOfVersion1 } from '../contracts/schemas/fingerprints';
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
  if (record.kind === 'process') return { ...record, commandLine: null };
  if (record.kind === 'startup-service' || record.kind === 'scheduled-task') {
    return { ...record, command: null };
  }
  if (record.kind === 'environment-variable') {
    return { ...record, value: null, valueState: 'unknown' };
  }
  return record;
}
