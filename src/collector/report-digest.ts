import canonicalize from 'canonicalize';
import type { DeliveredReport, HostReport } from '../contracts/schemas/host-report';
import { LetheError } from '../domain/errors';
import { sha256 } from './text';
import { without } from './without';

/** A report whose digest is yet to be made. */
export type Undigested = Omit<HostReport, 'digest'>;

/**
 * Canonical JSON of a report without its digest: the same bytes for the same content, in whatever
 * order its fields were written.
 *
 * @throws LetheError INVALID_INPUT when the value is no JSON.
 */
export function canonicalReport(report: Undigested | DeliveredReport): string {
  return canonical(without(report, 'digest'));
}

/** Closes a report with the SHA-256 of everything in it. */
export function withDigest(report: Undigested): HostReport {
  return { ...report, digest: sha256(canonicalReport(report)) };
}

/** A whole report as it is delivered: canonical JSON in one line. */
export function reportText(report: HostReport): string {
  return canonical(report);
}

function canonical(value: object): string {
  const text = canonicalize(value);
  if (text !== undefined) return text;
  throw new LetheError('INVALID_INPUT', 'report must be JSON', { field: 'report' });
}
