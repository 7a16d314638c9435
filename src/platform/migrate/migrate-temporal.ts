import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../../contracts/search-attributes';

/** Days for which closed histories stay readable; evidence lives elsewhere and longer. */
const HISTORY_RETENTION_DAYS = 30;
const ALREADY_EXISTS = 6;

const TYPES: Readonly<Record<string, temporal.api.enums.v1.IndexedValueType>> = {
  KEYWORD: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  KEYWORD_LIST: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
  DATETIME: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
  BOOL: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
};

/**
 * Creates the environment's namespace and search attributes through the operator's interface; flags of
 * the development server are ignored once its database exists. Safe to run again.
 */
export async function migrateTemporal(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await tolerateExisting(
      connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: {
          seconds: HISTORY_RETENTION_DAYS * 86_400,
        } as unknown as temporal.api.workflowservice.v1.IRegisterNamespaceRequest['workflowExecutionRetentionPeriod'],
      } as temporal.api.workflowservice.v1.IRegisterNamespaceRequest),
    );
    await untilKnown(connection, namespace);
    const wanted = Object.fromEntries(
      Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, TYPES[type] ?? 0]),
    );
    const known = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.fromEntries(
      Object.entries(wanted).filter(([name]) => !(name in known.customAttributes)),
    );
    if (Object.keys(missing).length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: missing,
      });
    }
  } finally {
    await connection.close();
  }
}

async function tolerateExisting(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if ((error as { code?: number }).code !== ALREADY_EXISTS) throw error;
  }
}

/** A new namespace reaches all parts of the server only after their caches have seen it. */
async function untilKnown(connection: Connection, namespace: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await connection.workflowService.describeNamespace({ namespace });
      await connection.workflowService.countWorkflowExecutions({ namespace, query: '' });
      return;
    } catch (error) {
      if (attempt > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
