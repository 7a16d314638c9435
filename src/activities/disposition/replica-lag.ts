import type { Sql } from '../../contracts/sql';
import { required, textRow } from '../control/sql-text';

/** The server that rows are moved on, and those that follow it. */
export interface ReplicaPorts {
  /** With the login of who removes rows. */
  readonly source: Sql;
  /** With a login that can read one row. */
  readonly replicas: readonly Sql[];
}

const BEAT = `SELECT beat_at, @@server_id AS server_id FROM replica_beats WHERE id = 1`;

/**
 * How far the slowest replica is behind, in milliseconds; null: one of them does not say, 0 without any. The
 * source writes its clock into one row, and each replica is asked which instant it has of it: no two clocks
 * are compared, and neither a stopped replication nor one that receives nothing seems to be in time.
 *
 * @idempotency writing the instant again replaces it.
 * @throws LetheError when the source cannot be reached; of a replica that is a lag that is not known.
 */
export async function readReplicaLag({ source, replicas }: ReplicaPorts): Promise<number | null> {
  if (replicas.length === 0) return 0;
  await source.execute('CALL beat_replicas()');
  const own = await readBeat(source);
  const lags = await Promise.all(replicas.map((replica) => lagOf(replica, own)));
  const known = lags.filter((lag) => lag !== null);
  return known.length < lags.length ? null : Math.max(...known);
}

interface Beat {
  readonly at: number;
  readonly serverId: string;
}

/** Another mover may have written in between; a clock that was set back by more says nothing of a lag. */
const AHEAD_MAX_MS = 60_000;

async function lagOf(replica: Sql, own: Beat): Promise<number | null> {
  try {
    const seen = await readBeat(replica);
    // The source itself under another name follows nobody, and would always be in time.
    if (seen.serverId === own.serverId || seen.at - own.at > AHEAD_MAX_MS) return null;
    return Math.max(0, own.at - seen.at);
  } catch {
    // Away, without the row, without the account: whatever it is, nobody knows how far it is behind.
    return null;
  }
}

async function readBeat(sql: Sql): Promise<Beat> {
  const row = (await textRow(sql, BEAT)) ?? {};
  return {
    at: Date.parse(`${required(row, 'beat_at').replace(' ', 'T')}Z`),
    serverId: required(row, 'server_id'),
  };
}
