import type { SqlPool } from '../../src/contracts/sql';

/** Places a hold over a tenant as the administrator, without a process and without a ground. */
export async function insertHold(
  root: SqlPool,
  holdId: string,
  scope: { readonly tenantId: string } & Readonly<Record<string, string | null>>,
): Promise<void> {
  await root.execute(
    `INSERT INTO holds (hold_id, placed_at, placed_by, review_on, ground_digest)
     VALUES (?, lethe_now(), 'dpo-1', '2099-12-31', '')`,
    [holdId],
  );
  const { tenantId, ...columns } = scope;
  const names = Object.keys(columns);
  await root.execute(
    `INSERT INTO hold_scopes (${['hold_id', 'scope_number', 'tenant_id', ...names].join(', ')})
     VALUES (?, 1, ?${names.map(() => ', ?').join('')})`,
    [holdId, tenantId, ...Object.values(columns)],
  );
}

/** A request that people have not made in any test. */
const NUMBER = 77;

/** Writes a release by two people as the administrator, with an effect that lies `hoursAgo` back. */
export async function insertRelease(
  root: SqlPool,
  holdId: string,
  { hoursAgo, approvedBy = 'dpo-2' }: { readonly hoursAgo: number; readonly approvedBy?: string },
): Promise<void> {
  await root.execute(
    `INSERT INTO hold_release_requests (hold_id, request_number, requested_by, requested_at, expires_at)
     VALUES (?, ?, 'dpo-1', lethe_now() - INTERVAL ? HOUR, lethe_now() + INTERVAL 1 HOUR)`,
    [holdId, NUMBER, hoursAgo + 26],
  );
  await root.execute(
    `INSERT INTO hold_releases
       (hold_id, request_number, released_by, approved_by, approved_at, delay_hours, released_at)
     VALUES (?, ?, 'dpo-1', ?, lethe_now() - INTERVAL ? HOUR, 24, lethe_now() - INTERVAL ? HOUR)`,
    [holdId, NUMBER, approvedBy, hoursAgo + 25, hoursAgo],
  );
}
