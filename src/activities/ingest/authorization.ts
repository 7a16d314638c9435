import { LetheError } from '../../domain/errors';
import { covers } from '../../domain/repository-scope';
import type { Sql } from '../../contracts/sql';
import { required, textRows } from '../control/sql-text';
import type { IngestPorts, RegistryOrder } from './ports';

/** How often a running scan looks whether it may go on. */
const LOOK_MILLISECONDS = 5_000;

/** Whether the customer's authorization covers the repository now, by the database's clock. @source SH-1 */
export async function isShared(control: Sql, order: RegistryOrder): Promise<boolean> {
  const rows = await textRows(
    control,
    `SELECT a.repositories FROM authorizations a
       LEFT JOIN authorization_revocations r
         ON r.tenant_id = a.tenant_id AND r.authorization_id = a.authorization_id
      WHERE a.tenant_id = ? AND a.registry = ? AND a.valid_until > lethe_now()
        AND r.authorization_id IS NULL`,
    [order.tenantId, order.registry.replace(/^https?:\/\//, '')],
  );
  const allowed = rows.flatMap((row) => JSON.parse(required(row, 'repositories')) as string[]);
  return allowed.some((scope) => covers(scope, order.repository));
}

/**
 * Makes sure that the repository is shared now.
 *
 * @throws LetheError AUTHORIZATION_REQUIRED.
 * @source SH-1
 */
export async function assertShared(control: Sql, order: RegistryOrder): Promise<void> {
  if (await isShared(control, order)) return;
  throw new LetheError(
    'AUTHORIZATION_REQUIRED',
    'repository is covered by no valid authorization; its scan has ended',
    { field: 'repository' },
  );
}

/**
 * Runs `read` as long as it may go on: looks again every few seconds and stops the reading when the
 * authorization ended meanwhile, or the scan is not wanted any more. @source SH-1
 */
export async function whileAllowed<T>(
  ports: Pick<IngestPorts, 'heartbeat' | 'pause'>,
  assertAllowed: () => Promise<void>,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await assertAllowed();
  const controller = new AbortController();
  let isReading = true;
  const watch = async (): Promise<void> => {
    for (;;) {
      await ports.pause(LOOK_MILLISECONDS);
      if (!isReading) return;
      ports.heartbeat();
      await assertAllowed();
    }
  };
  void watch().catch((error: unknown) => {
    controller.abort(error);
  });
  try {
    return await read(controller.signal);
  } finally {
    isReading = false;
    // Why it was stopped says more than how the reading ended; and what was read after that is not used.
    controller.signal.throwIfAborted();
  }
}
