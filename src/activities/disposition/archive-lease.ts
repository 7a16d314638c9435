import type { ArchivePorts } from './ports';
import type { RunRow } from './run-rows';

/** How long others wait for a writer that is gone, in seconds. */
const LEASE_SECONDS = 60;
/** A lease older than this is followed by a new one before anything more is written. */
const RENEW_AFTER_SECONDS = 20;

type LeasePorts = Pick<ArchivePorts, 'manifests' | 'newToken'>;

/**
 * Says that this process writes to the archive: a certificate waits for everybody who may still write. A
 * lease is never stretched; a new one is on record before the old one ends.
 */
export class ArchiveLease {
  private constructor(
    private readonly ports: LeasePorts,
    private readonly run: RunRow,
    /** `since` in seconds of this process's life, which no clock can move. */
    private current: { readonly attemptId: string; readonly since: number },
  ) {}

  /** Takes the first lease. @throws LetheError NOT_PERMITTED for a tenant that is not known. */
  static async start(ports: LeasePorts, run: RunRow): Promise<ArchiveLease> {
    return new ArchiveLease(ports, run, await take(ports, run));
  }

  /** Called before every write; takes a new lease when the present one is getting old. */
  async keep(): Promise<void> {
    if (process.uptime() - this.current.since < RENEW_AFTER_SECONDS) return;
    const { attemptId } = this.current;
    this.current = await take(this.ports, this.run);
    await this.ports.manifests.execute('CALL end_archive_attempt(?)', [attemptId]);
  }

  /** Nothing more is written. */
  async end(): Promise<void> {
    await this.ports.manifests.execute('CALL end_archive_attempt(?)', [this.current.attemptId]);
  }
}

async function take(
  { manifests, newToken }: LeasePorts,
  { tenantId, runId }: RunRow,
): Promise<{ readonly attemptId: string; readonly since: number }> {
  const attemptId = `at_${newToken()}`;
  const since = process.uptime();
  await manifests.execute('CALL start_attempt(?, ?, ?, ?, ?)', [
    attemptId,
    ...[tenantId, 'archive', runId, LEASE_SECONDS],
  ]);
  return { attemptId, since };
}
