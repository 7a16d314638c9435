import type { z } from 'zod';
import { BOUNDS } from '../contracts/schemas/fingerprint-fields';
import { deliveredReportSchema, type HostReport } from '../contracts/schemas/host-report';
import { LetheError } from '../domain/errors';
import { redactText } from '../sensitive-values';
import { canonicalReport } from './report-digest';
import { sha256 } from './text';
import { upgradeReport } from './upgrade-report';

/**
 * Reads a report that came from elsewhere: every field strictly, then the digest. A report of an older
 * version is brought into the present shape; what it does not say is null. It only reads, so running it
 * again is safe.
 *
 * @param value - parsed JSON of at most 40 MiB in canonical form.
 * @throws LetheError INVALID_INPUT or UNKNOWN_KIND naming the field, DIGEST_MISMATCH naming `digest`;
 * values never enter the message.
 * @source DC-1, SD-1
 */
export function parseHostReport(value: unknown): HostReport {
  const parsed = deliveredReportSchema.safeParse(value);
  if (!parsed.success) throw failureOf(parsed.error);
  const report = parsed.data;
  refuseRepeated(report.containers, 'containers', 'containerId');
  refuseRepeated(report.clusters, 'clusters', 'clusterKey');
  const text = canonicalReport(report);
  if (Buffer.byteLength(text) > BOUNDS.reportBytes) {
    throw refusal('report', `must not exceed ${BOUNDS.reportBytes} bytes as canonical JSON`);
  }
  if (sha256(text) !== report.digest) {
    throw new LetheError(
      'DIGEST_MISMATCH',
      'digest differs from the content; collect the report again and deliver it unchanged',
      { field: 'digest' },
    );
  }
  return upgradeReport(report);
}

const refusal = (field: string, problem: string): LetheError =>
  new LetheError('INVALID_INPUT', `${field} ${problem}`, { field });

/** Two assets of one id would become one, and the second would be lost without a word. */
function refuseRepeated<Key extends string>(
  items: readonly Readonly<Record<Key, string>>[],
  list: string,
  key: Key,
): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    if (seen.has(item[key])) throw refusal(`${list}[${index}].${key}`, 'must not be repeated');
    seen.add(item[key]);
  }
}

function failureOf(error: z.ZodError): LetheError {
  const issue = error.issues[0];
  if (issue === undefined) return refusal('report', 'is malformed');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const field = fieldText([...issue.path, ...unknown]);
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'kind') {
    return new LetheError(
      'UNKNOWN_KIND',
      `${field} is not one of the 15 kinds; remove the record`,
      {
        field,
      },
    );
  }
  return refusal(field, problemOf(issue));
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'is not a known field; remove it';
  if (issue.code === 'too_big') return `is too large; the most is ${String(issue.maximum)}`;
  if (issue.code === 'invalid_type') return `is missing or not of type ${issue.expected}`;
  return `is malformed (${issue.code})`;
}

/** Names of unknown fields come from outside: cut, and without characters that a terminal obeys. */
function fieldText(path: readonly PropertyKey[]): string {
  const text = path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${readable(String(key))}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? 'report' : text;
}

const readable = (key: string): string =>
  redactText(key)
    .slice(0, 64)
    .replace(/[^\x20-\x7e]/g, '?');
