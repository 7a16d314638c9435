import { deliveredReportSchema } from '../contracts/schemas/host-report';
import { LetheError } from '../domain/errors';

/**
 * Checks the shape of a host's report before it waits anywhere: what no rule covers is not even staged.
 * The ingest reads it again, with its digest.
 *
 * @throws LetheError INVALID_INPUT naming the field; values never enter the message.
 * @source SD-1
 */
export function assertReportShape(report: unknown): void {
  const parsed = deliveredReportSchema.safeParse(report);
  if (parsed.success) return;
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []).map((key) => String(key).replace(/[^0-9A-Za-z_-]/g, '?'));
  const field = ['report', ...path].join('.');
  throw new LetheError(
    'INVALID_INPUT',
    `${field} is missing, unknown or malformed (${issue?.code ?? 'invalid'})`,
    { field },
  );
}
