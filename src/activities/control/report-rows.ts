import type { Certificate } from '../../domain/certificate';
import type { Sql } from '../../contracts/sql';
import { normal } from './next-window';
import { required, textRows, toInstant } from './sql-text';

/** What the certificate of a due day says of its end; instants as rows have them. */
export interface CertifiedEnd {
  readonly certificateId: string;
  readonly destroyedAt: string;
  readonly latestAt: string;
  /** Ends that were missed before, and its own when it was late. */
  readonly missed: readonly string[];
}

/** Run and due day as the keys of the maps of a report. */
export const dueDayName = (day: { readonly runId: string; readonly dueOn: string }): string =>
  `${day.runId} ${day.dueOn}`;

const nameOf = (row: Parameters<typeof required>[0]): string =>
  dueDayName({ runId: required(row, 'run_id'), dueOn: required(row, 'due_on') });

/** Certified ends of a tenant, by due day. */
export async function readCertifiedEnds(
  evidence: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, CertifiedEnd>> {
  const rows = await textRows(
    evidence,
    'SELECT certificate_id, run_id, due_on, body FROM certificates WHERE tenant_id = ?',
    [tenantId],
  );
  return new Map(
    rows.map((row) => {
      const { destroyedAt, late, window } = JSON.parse(required(row, 'body')) as Certificate;
      const missed = [...window.breaches, ...(late ? [window.latestAt] : [])].map(normal);
      return [
        nameOf(row),
        {
          certificateId: required(row, 'certificate_id'),
          destroyedAt: normal(destroyedAt),
          latestAt: normal(window.latestAt),
          missed,
        },
      ];
    }),
  );
}

/** Recorded breaches of a tenant, by due day. */
export async function readMissed(
  control: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await textRows(
    control,
    'SELECT run_id, due_on, latest_at FROM breaches WHERE tenant_id = ? ORDER BY latest_at',
    [tenantId],
  );
  const missed = new Map<string, readonly string[]>();
  for (const row of rows) {
    const name = nameOf(row);
    missed.set(name, [...(missed.get(name) ?? []), toInstant(required(row, 'latest_at'))]);
  }
  return missed;
}

/** When due days of a tenant were destroyed, and when they were given back to the use, by due day. */
export async function readTurns(
  control: Sql,
  tenantId: string,
): Promise<{
  readonly destroyed: ReadonlyMap<string, string>;
  readonly givenBack: ReadonlyMap<string, string>;
}> {
  const rows = await textRows(
    control,
    `SELECT c.run_id, c.due_on, s.state, s.at FROM cohorts c
       JOIN cohort_states s ON s.run_id = c.run_id AND s.due_on = c.due_on
      WHERE c.tenant_id = ? AND s.state IN ('destroyed', 'restoring', 'superseded')
     UNION ALL
     SELECT c.run_id, c.due_on, r.state, r.at FROM cohorts c
       JOIN run_states r ON r.run_id = c.run_id
      WHERE c.tenant_id = ? AND r.state = 'superseded'`,
    [tenantId, tenantId],
  );
  const isDestroyed = (row: (typeof rows)[number]): boolean => row['state'] === 'destroyed';
  const instants = (chosen: typeof rows): ReadonlyMap<string, string> =>
    new Map(chosen.map((row) => [nameOf(row), toInstant(required(row, 'at'))]));
  return {
    destroyed: instants(rows.filter(isDestroyed)),
    givenBack: instants(rows.filter((row) => !isDestroyed(row))),
  };
}

/** When what a request was about was sealed and out of the way, by request. */
export async function readClosings(
  control: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await textRows(
    control,
    `SELECT e.event_ref, c.closed_at FROM events e
       JOIN event_closings c ON c.tenant_id = e.tenant_id AND c.event_id = e.event_id
      WHERE e.tenant_id = ? AND e.event_kind = 'request'`,
    [tenantId],
  );
  return new Map(
    rows.map((row) => [required(row, 'event_ref'), toInstant(required(row, 'closed_at'))]),
  );
}

/** Who sent each request, by request: the opaque ids of the commands. */
export async function readSenders(
  control: Sql,
  tenantId: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await textRows(
    control,
    "SELECT requested_by, result FROM commands WHERE tenant_id = ? AND kind = 'requestDeletion'",
    [tenantId],
  );
  return new Map(
    rows.map((row) => {
      const { requestId } = JSON.parse(required(row, 'result')) as { readonly requestId: string };
      return [requestId, required(row, 'requested_by')];
    }),
  );
}
