import { isLetheError } from '../../domain/errors';
import { isOlderThanCheckpoint, type ChainBreak, type LedgerPosition } from '../../domain/evidence';
import type { Sql, SqlPool } from '../../contracts/sql';
import type { KeyList } from '../../transparency/key-list';
import { EMPTY_RANGE, leafHash } from '../../transparency/merkle';
import type { TreeHead } from '../../transparency/tree-head';
import { TILE_WIDTH, growTiledTree, type TiledTree } from '../../transparency/tiles';
import type { ObjectStore } from '../objects/object-address';
import { required, textRows } from '../control/sql-text';
import { readControlPosition } from './control-position';
import { listCheckpoints, readCheckpoint, type ExportedCheckpoint } from './exported-checkpoints';
import { readHead, verifyLedger } from './read-ledger';
import { readTile } from './tree-store';

/** Logins of an audit; none of them writes. */
export interface AuditPorts {
  readonly evidence: SqlPool;
  readonly control: Sql;
  readonly objects: ObjectStore;
  readonly keys: KeyList;
  /** A head that somebody saved outside, whoever holds the servers and the keys by now. */
  readonly seenBefore?: TreeHead;
}

/** Something that is not as it was recorded. */
export interface AuditFinding {
  /** What somebody did, as far as the evidence tells. */
  readonly kind:
    | ChainBreak['reason']
    | 'forked'
    | 'checkpoint-invalid'
    | 'checkpoint-missing'
    | 'tiles'
    | 'control-older';
  /** Entry at which it shows; null when it is about no entry. */
  readonly sequence: number | null;
  readonly message: string;
}

/** What an audit of the whole ledger found. */
export interface AuditReport {
  readonly outcome: 'ok' | 'failed';
  /** Entries that follow from one another, and the hash and root over them. */
  readonly entries: number;
  readonly hash: string;
  readonly root: string;
  /** Exported checkpoints that count, and the newest of them. */
  readonly checkpoints: number;
  readonly latest: {
    readonly sequence: number;
    readonly at: string;
    /** The signed head, to be saved and given to a later audit. */
    readonly note: string;
  } | null;
  readonly findings: readonly AuditFinding[];
}

/**
 * Reads the whole ledger anew and compares it with every checkpoint that was ever exported: entries that
 * were cut off, rewritten or removed, a ledger that is another one than the signed one, checkpoints or
 * tiles that were changed, a control store that is older. Trusts nothing but the list of public keys.
 *
 * Memory: 32 bytes per entry.
 *
 * @idempotency it only reads.
 * @throws LetheError STORE_UNAVAILABLE or ACCESS_DENIED when a store cannot be read.
 */
export async function auditLedger(ports: AuditPorts): Promise<AuditReport> {
  const { exported, findings } = await readExported(ports);
  const tree = growTiledTree(EMPTY_RANGE);
  const signed = new Map(exported.map((one) => [one.checkpoint.sequence, one]));
  const apart: ExportedCheckpoint[] = [];
  const { seenBefore } = ports;
  let isForeign = false;
  const { verified, broken } = await verifyLedger(ports.evidence, {
    seen: ({ text, sequence, hash }) => {
      tree.append(leafHash(text));
      if (sequence === seenBefore?.size) isForeign = !seenBefore.root.equals(tree.root());
      const known = signed.get(sequence);
      if (known === undefined) return;
      const same = known.checkpoint.hash === hash && known.head.root.equals(tree.root());
      if (!same) apart.push(known);
    },
  });
  if (broken !== null) findings.push(ofBreak(broken));
  findings.push(...forks(apart, exported), ...truncation(exported, { verified, broken }));
  findings.push(...savedFindings(seenBefore, { isForeign, entries: verified.sequence }));
  findings.push(...(await indexFindings(ports.evidence, signed)));
  findings.push(...(await tileFindings(ports.evidence, tree)));
  findings.push(...(await controlFindings(ports, exported.at(-1))));
  const last = exported.at(-1)?.checkpoint;
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    entries: verified.sequence,
    hash: verified.hash,
    root: tree.root().toString('base64'),
    checkpoints: exported.length,
    latest: last === undefined ? null : { sequence: last.sequence, at: last.at, note: last.note },
    findings,
  };
}

/** Every exported checkpoint that counts; one that does not is a finding and no reason to stop. */
async function readExported(ports: AuditPorts): Promise<{
  readonly exported: readonly ExportedCheckpoint[];
  readonly findings: AuditFinding[];
}> {
  const exported: ExportedCheckpoint[] = [];
  const findings: AuditFinding[] = [];
  for (const [name, versions] of await listCheckpoints(ports.objects)) {
    try {
      exported.push(await readCheckpoint(ports.objects, versions, ports.keys));
    } catch (error) {
      if (!isLetheError(error) || error.code !== 'DIGEST_MISMATCH') throw error;
      const sequence = Number(/(\d+)\.json$/.exec(name)?.[1]);
      findings.push({ kind: 'checkpoint-invalid', sequence, message: error.message });
    }
  }
  return { exported, findings };
}

const BREAKS: Readonly<Record<ChainBreak['reason'], string>> = {
  gap: 'an entry is missing here',
  rewritten: 'the entry or its hash was changed',
  columns: 'the columns beside the entry say something else than its text',
  checkpoint: 'the entry is not the one that was exported',
  truncated: 'the ledger ends before this entry, and it was exported',
};

const ofBreak = ({ sequence, reason }: ChainBreak): AuditFinding => ({
  kind: reason,
  sequence,
  message: BREAKS[reason],
});

/** A chain that is sound in itself and not the signed one was written anew from somewhere on. */
function forks(
  apart: readonly ExportedCheckpoint[],
  exported: readonly ExportedCheckpoint[],
): readonly AuditFinding[] {
  const [first] = apart;
  if (first === undefined) return [];
  const { sequence } = first.checkpoint;
  const before = exported.filter(({ checkpoint }) => checkpoint.sequence < sequence).at(-1);
  const from = (before?.checkpoint.sequence ?? 0) + 1;
  const message = `the ledger is another one than was signed; it was written anew between ${from} and ${sequence}`;
  return [{ kind: 'forked', sequence, message }];
}

function truncation(
  exported: readonly ExportedCheckpoint[],
  read: { readonly verified: LedgerPosition; readonly broken: ChainBreak | null },
): readonly AuditFinding[] {
  const last = exported.at(-1)?.checkpoint.sequence ?? 0;
  if (read.broken !== null || last <= read.verified.sequence) return [];
  const sequence = read.verified.sequence + 1;
  return [{ kind: 'truncated', sequence, message: BREAKS.truncated }];
}

/**
 * The ledger must go on from what somebody saw of it: whoever holds every server and the log's key could show another
 * history, but not make it begin with the one that was saved elsewhere.
 */
function savedFindings(
  seen: TreeHead | undefined,
  found: { readonly isForeign: boolean; readonly entries: number },
): readonly AuditFinding[] {
  if (seen === undefined || (!found.isForeign && found.entries >= seen.size)) return [];
  if (found.isForeign) {
    const message =
      'the ledger does not go on from the checkpoint that was saved: it is another one';
    return [{ kind: 'forked', sequence: seen.size, message }];
  }
  const message = 'the ledger ends before the checkpoint that was saved';
  return [{ kind: 'truncated', sequence: found.entries + 1, message }];
}

/** The index in the database knows what was exported, so a checkpoint cannot vanish from the bucket. */
async function indexFindings(
  evidence: Sql,
  signed: ReadonlyMap<number, ExportedCheckpoint>,
): Promise<readonly AuditFinding[]> {
  const rows = await textRows(evidence, 'SELECT sequence, hash FROM checkpoints ORDER BY sequence');
  return rows.flatMap((row) => {
    const sequence = Number(required(row, 'sequence'));
    const found = signed.get(sequence)?.checkpoint;
    if (found?.hash === required(row, 'hash')) return [];
    const message = 'a checkpoint was exported here and the bucket has none that counts';
    return [{ kind: 'checkpoint-missing', sequence, message }];
  });
}

/** Tiles are only a shortcut; one that differs would make proofs fail. */
async function tileFindings(evidence: Sql, tree: TiledTree): Promise<readonly AuditFinding[]> {
  const findings: AuditFinding[] = [];
  for (const { level, index, hashes } of tree.tiles) {
    const stored = await readTile(evidence, level, index);
    if (stored === null || stored.equals(hashes)) continue;
    const message = 'a stored tile of the tree is not what the entries lead to';
    findings.push({ kind: 'tiles', sequence: index * TILE_WIDTH + 1, message });
  }
  return findings;
}

async function controlFindings(
  ports: AuditPorts,
  last: ExportedCheckpoint | undefined,
): Promise<readonly AuditFinding[]> {
  if (last === undefined) return [];
  const { checkpoint } = last;
  const ledger = await readHead(ports.evidence);
  const { facts } = await readControlPosition(ports.control, checkpoint.control.asOf);
  // A ledger that is shorter is reported as such; here control alone is compared.
  const reaching = { ...ledger, sequence: Math.max(ledger.sequence, checkpoint.sequence) };
  if (!isOlderThanCheckpoint({ ledger: reaching, facts }, checkpoint)) return [];
  const message = 'control has fewer facts than at the last checkpoint: it was restored';
  return [{ kind: 'control-older', sequence: null, message }];
}
