import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { LetheError } from '../../domain/errors';
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

/** The administrator waits a little for an engine that has only just started. */
const CONNECT_TIMEOUT = '20s';

async function connect(address: string): Promise<Connection> {
  try {
    return await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT });
  } catch (cause) {
    throw new LetheError(
      'ENGINE_UNAVAILABLE',
      'the workflow engine cannot be reached; check LETHE_TEMPORAL_ADDRESS',
      { field: 'LETHE_TEMPORAL_ADDRESS', cause },
    );
  }
}

/**
 * Creates the environment's namespace and search attributes through the operator's interface; flags of
 * the development server are ignored once its database exists. Safe to run again.
 */
export async function migrateTemporal(address: string, namespace: string): Promise<void> {
  const connection = await connect(address);
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

const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;

/** Shortly after a removal one part of the server still knows the name and another no longer does. */
function isGone(error: unknown): boolean {
  const { code, message = '' } = error as { code?: number; message?: string };
  return code === NOT_FOUND || (code === INVALID_ARGUMENT && / is not found/.test(message));
}

/** Removes a namespace with everything in it; the caller has checked that it may go. Safe to repeat. */
export async function removeNamespace(address: string, namespace: string): Promise<void> {
  const connection = await connect(address);
  try {
    await connection.operatorService.deleteNamespace({ namespace });
  } catch (error) {
    if (!isGone(error)) throw error;
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
