import { randomBytes } from 'node:crypto';
import { LetheError } from '../../domain/errors';
import type { Sql } from '../../contracts/sql';
import { required, textRow, textRows } from '../control/sql-text';
import type { IngestPorts } from './ports';

/** How long one attempt may write, in seconds; a disposition waits at most this long for a dead writer. */
const LEASE_SECONDS = 120;
/** A batch begins only with more than the stores' statement limit (30 s) left. */
const RESERVE_SECONDS = 45;
/** With less than this left a new attempt is started while the old one still holds. */
const RENEW_BELOW_SECONDS = 75;
const POLL_MILLISECONDS = 200;
const POLLS_MAX = 50;

/** What one attempt may do, by the database's clock. */
export interface IngestLease {
  /** The attempt that fences the next statement. */
  readonly attemptId: string;
  /**
   * Called before every batch.
   *
   * @throws LetheError STORE_UNAVAILABLE when the lease ran out, OBSERVATION_REFUSED when it cannot be
   * renewed behind the fence, FEATURE_NOT_ACTIVE or ATTESTATION_REQUIRED when the use was suspended.
   */
  assertMayWrite(): Promise<void>;
  /** Ends the attempts; called only when no statement can still be under way. */
  end(): Promise<void>;
}

/**
 * Starts an attempt and makes sure that it is the tenant's only writer; null when another one is at work.
 *
 * No two writers of a tenant ever overlap. Each commits its attempt first and looks for others afterwards,
 * so of two that start together at least one sees the other. The one that started later gives way; the
 * earlier one waits until the other is gone. Which is needed because a version is written by comparing
 * with the newest: a scan that compared before another scan's versions arrived would vouch for the wrong
 * ones. A writer that died is waited for until its lease is over; a statement it sent before that has
 * ended by then, because every batch begins with more than the statement limit left.
 *
 * @idempotency every call is an attempt of its own; one that died is waited for until its lease is over.
 * @throws LetheError OBSERVATION_REFUSED when no Hosting Service is in use: the fence is up.
 */
export async function startLease(
  ports: Pick<IngestPorts, 'control' | 'heartbeat' | 'pause'>,
  tenantId: string,
): Promise<IngestLease | null> {
  const lease = new RenewableLease(ports.control, tenantId);
  await lease.start();
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const others = await lease.others();
    if (others === 'none') return lease;
    if (others === 'earlier') break;
    ports.heartbeat();
    await ports.pause(POLL_MILLISECONDS);
  }
  await lease.end();
  return null;
}

/** The condition under which a statement on live data takes effect; its parameter is the attempt. */
export const leaseCondition = (prefix: string): string =>
  `EXISTS (SELECT 1 FROM ${prefix}_control.attempts a WHERE a.attempt_id = ?
     AND a.ended_at IS NULL AND a.lease_until > ${prefix}_control.lethe_now())`;

class RenewableLease implements IngestLease {
  private readonly attempts: string[] = [];

  constructor(
    private readonly control: Sql,
    private readonly tenantId: string,
  ) {}

  get attemptId(): string {
    return this.attempts.at(-1) ?? '';
  }

  async start(): Promise<void> {
    const attemptId = `at_${randomBytes(16).toString('hex')}`;
    await this.control.execute(`CALL start_attempt(?, ?, 'ingest', NULL, ${LEASE_SECONDS})`, [
      attemptId,
      this.tenantId,
    ]);
    this.attempts.push(attemptId);
  }

  /** Whether other writers of the tenant are at work, and whether one of them started earlier. */
  async others(): Promise<'none' | 'earlier' | 'later'> {
    const rows = await textRows(
      this.control,
      `SELECT o.attempt_id, (o.started_at < m.started_at
           OR (o.started_at = m.started_at AND o.attempt_id < m.attempt_id)) AS earlier
         FROM attempts m
         LEFT JOIN attempts o ON o.tenant_id = m.tenant_id AND o.purpose = 'ingest'
           AND o.ended_at IS NULL AND o.lease_until > lethe_now() AND o.attempt_id <> m.attempt_id
        WHERE m.attempt_id = ? AND m.tenant_id = ? AND m.ended_at IS NULL
          AND m.lease_until > lethe_now()`,
      [this.attemptId, this.tenantId],
    );
    if (rows.length === 0) throw lapsed();
    const others = rows.filter((row) => row['attempt_id'] !== null);
    if (others.length === 0) return 'none';
    return others.some((row) => required(row, 'earlier') === '1') ? 'earlier' : 'later';
  }

  async assertMayWrite(): Promise<void> {
    const { secondsLeft, featureInUse, attested } = await this.read();
    if (!(secondsLeft > 0)) throw lapsed();
    if (!featureInUse) throw new LetheError('FEATURE_NOT_ACTIVE', 'the Feature is not in use');
    if (!attested) {
      throw new LetheError(
        'ATTESTATION_REQUIRED',
        'an attestation of the minimum age is withdrawn',
      );
    }
    if (secondsLeft > RENEW_BELOW_SECONDS) return;
    await this.renew(secondsLeft);
  }

  async end(): Promise<void> {
    for (const attemptId of this.attempts) {
      await this.control.execute('CALL end_attempt(?)', [attemptId]);
    }
  }

  /** The new attempt counts only when the old one still held after it was committed: no gap in between. */
  private async renew(secondsLeft: number): Promise<void> {
    const old = this.attemptId;
    try {
      await this.start();
    } catch (error) {
      const fenced = error instanceof LetheError && error.code === 'OBSERVATION_REFUSED';
      if (fenced && secondsLeft > RESERVE_SECONDS) return;
      throw error;
    }
    const row = await textRow(
      this.control,
      `SELECT attempt_id FROM attempts
        WHERE attempt_id = ? AND ended_at IS NULL AND lease_until > lethe_now()`,
      [old],
    );
    if (row === null) throw lapsed();
  }

  private async read(): Promise<{
    readonly secondsLeft: number;
    readonly featureInUse: boolean;
    readonly attested: boolean;
  }> {
    const row = await textRow(
      this.control,
      `SELECT IF(a.ended_at IS NULL, TIMESTAMPDIFF(SECOND, lethe_now(), a.lease_until), 0) AS seconds_left,
        (SELECT COUNT(*) FROM subscriptions s
           LEFT JOIN subscription_ends e
             ON e.tenant_id = s.tenant_id AND e.subscription_id = s.subscription_id
          WHERE s.tenant_id = a.tenant_id AND s.subject = 'Feature'
            AND e.subscription_id IS NULL) AS features,
        (SELECT COUNT(*) FROM attestations t WHERE t.tenant_id = a.tenant_id) AS attestations,
        (SELECT COUNT(*) FROM attestations t WHERE t.tenant_id = a.tenant_id AND NOT EXISTS (
           SELECT 1 FROM attestations n
             LEFT JOIN attestation_withdrawals w
               ON w.tenant_id = n.tenant_id AND w.attestation_id = n.attestation_id
            WHERE n.tenant_id = t.tenant_id AND n.jurisdiction = t.jurisdiction
              AND w.attestation_id IS NULL)) AS withdrawn
        FROM attempts a WHERE a.attempt_id = ?`,
      [this.attemptId],
    );
    const count = (column: string): number => Number(row?.[column] ?? NaN);
    return {
      secondsLeft: count('seconds_left'),
      featureInUse: count('features') > 0,
      attested: count('attestations') > 0 && count('withdrawn') === 0,
    };
  }
}

const lapsed = (): LetheError =>
  new LetheError(
    'STORE_UNAVAILABLE',
    'the lease of the ingest ran out; the scan goes on under a new one',
  );
