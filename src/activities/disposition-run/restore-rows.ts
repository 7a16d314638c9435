import { BSON } from 'mongodb';
import { decodeSqlRow } from '../../archive-format';
import type { CollectionLocation, StoredDocument } from '../../contracts/documents';
import { recordTable, type RecordTable } from '../../contracts/record-tables';
import type { SqlPool, SqlValue } from '../../contracts/sql';
import { LetheError } from '../../domain/errors';
import type { SetMember } from '../verification/totals';
import { insertDocuments, type DocumentStore } from '../mongo/documents';

/** Rows of one statement; a row has up to ten columns and a statement few thousand parameters. */
const ROWS_MAX = 100;
const DOCUMENTS_MAX = 200;

/** The collector's logins: they insert and cannot change anything. */
export interface RestorePorts {
  readonly assets: SqlPool;
  readonly documents: DocumentStore;
}

/**
 * Puts archived records back where they came from.
 *
 * @idempotency ids are those of before: what is there already is left as it is, and the verifier compares
 * everything afterwards.
 * Bounds: a hundred rows or two hundred documents at a time.
 * @source AB-2
 */
export class RecordRestorer {
  private readonly waiting = new Map<string, Buffer[]>();

  constructor(private readonly ports: RestorePorts) {}

  /** Takes a record; inserts a chunk when it is full. */
  async add({ location, content }: SetMember): Promise<void> {
    const chunk = this.waiting.get(location) ?? [];
    this.waiting.set(location, chunk);
    chunk.push(content);
    const full = location.startsWith('mongodb:') ? DOCUMENTS_MAX : ROWS_MAX;
    if (chunk.length >= full) await this.insert(location, chunk);
  }

  /** Inserts what waits. */
  async flush(): Promise<void> {
    for (const [location, chunk] of [...this.waiting]) await this.insert(location, chunk);
  }

  private async insert(location: string, chunk: readonly Buffer[]): Promise<void> {
    this.waiting.delete(location);
    if (location.startsWith('mongodb:')) {
      await insertDocuments(
        this.ports.documents,
        location as CollectionLocation,
        chunk.map((content) => typed(content)),
      );
      return;
    }
    await insertRows(this.ports.assets, recordTable(location), chunk);
  }
}

/** Types are kept as they were stored: nothing is promoted to a plain number or date on the way. */
const typed = (content: Buffer): StoredDocument =>
  BSON.deserialize(content, {
    promoteValues: false,
    promoteBuffers: false,
    promoteLongs: false,
  }) as StoredDocument;

async function insertRows(
  assets: SqlPool,
  table: RecordTable,
  chunk: readonly Buffer[],
): Promise<void> {
  const names = table.columns.map(({ name }) => name);
  const first = `SELECT ${names.map((name) => `? AS ${name}`).join(', ')}`;
  const further = `SELECT ${names.map(() => '?').join(', ')}`;
  const source = chunk.map((_, index) => (index === 0 ? first : further)).join(' UNION ALL ');
  const values = chunk.flatMap((content) => decodeSqlRow(content).map(asParameter));
  await assets.execute(
    `INSERT INTO ${table.table} (${names.join(', ')})
     SELECT ${names.map((name) => `j.${name}`).join(', ')} FROM (${source}) AS j
       LEFT JOIN ${table.table} AS t ON t.tenant_id = j.tenant_id AND t.asset_id = j.asset_id
         AND t.version_id = j.version_id
      WHERE t.tenant_id IS NULL`,
    values,
  );
}

function asParameter(value: unknown): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (Buffer.isBuffer(value)) return value;
  throw new LetheError('ARCHIVE_INVALID', 'an archived row holds a value that is no column');
}
