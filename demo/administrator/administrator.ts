import { searchDocuments } from './document-search';
import { forgeLedger, type Forgery } from './forger';
import { searchHistories, type Engine, type HistoryFindings } from './history-search';
import { namesOf, sortFindings, type Count, type Findings } from './locations';
import { searchObjects, type ObjectDepth, type ObjectServer } from './object-search';
import { searchSql, type SqlServer } from './sql-search';

/** The servers and an administrator's logins. */
export interface Servers {
  readonly environment: string;
  readonly mongoUrl: string;
  /** The server of the SQL databases; keys and evidence may have servers of their own. */
  readonly sql: readonly SqlServer[];
  readonly objects: ObjectServer;
  readonly engine: Engine;
}

/**
 * Somebody who knows nothing of the engine and has every right on the servers. What it counts is what is
 * there: it goes through every schema, collection and bucket that exists, not through a list of places.
 *
 * Nothing in this folder uses code of the engine; a test keeps it so.
 */
export class Administrator {
  constructor(private readonly servers: Servers) {}

  /** Everything on the servers that names the tenant. */
  async find(tenantId: string): Promise<Findings> {
    if (!/^tn_[0-9a-z]{16,40}$/.test(tenantId)) throw new Error('not the id of a tenant');
    return sortFindings(await this.search(tenantId, 'names'));
  }

  /**
   * Everything that contains a planted text, also inside of objects: content that must be found where it
   * lives, and nowhere else.
   */
  async findText(text: string): Promise<Findings> {
    if (text.length < 8)
      throw new Error('a marker needs eight characters, or it is found by chance');
    return sortFindings(await this.search(text, 'bodies'));
  }

  /** Executions of the workflow engine whose record contains a planted text. */
  async findInHistories(text: string): Promise<HistoryFindings> {
    return searchHistories(this.servers.engine, text);
  }

  /** Changes the ledger where it names the tenant's first certificate, as nobody should be able to unseen. */
  async forge(tenantId: string): Promise<Forgery> {
    const { environment, sql } = this.servers;
    return forgeLedger(sql, namesOf(environment).prefix, tenantId);
  }

  private async search(text: string, depth: ObjectDepth): Promise<readonly Count[]> {
    const { environment, mongoUrl, sql, objects } = this.servers;
    const names = namesOf(environment);
    const [documents, stored, ...rows] = await Promise.all([
      searchDocuments(mongoUrl, names, text),
      searchObjects(objects, names, { text, depth }),
      ...sql.map((server) => searchSql(server, names, text)),
    ]);
    return [...documents, ...stored, ...rows.flat()];
  }
}
