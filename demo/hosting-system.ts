import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { instant, objectOf, oneOf, optional } from '../src/contracts/field-checks';
import { isLetheError } from '../src/domain/errors';
import { isId } from '../src/domain/identifiers';
import { HOSTING_SERVICES, type HostingService } from '../src/domain/record-class';

/**
 * A hosting system of record for the demo and the tests: a process of its own with a store of its own,
 * so that it can be asked, contradict the engine, be killed and come back.
 *
 *   PUT /tenants/:id/services/:service  {"state": "active" | "ended", "startedAt"?, "endedAt"}
 *   GET /tenants/:id/services           {"tenantId", "services": [{"service", "state", "startedAt", "endedAt"}]}
 *
 * Instants are RFC 3339 or null. An end without `startedAt` keeps the one that is on record.
 */
interface ServiceState {
  readonly state: 'active' | 'ended';
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

type Tenants = Record<string, Partial<Record<HostingService, ServiceState>>>;

const BODY_BYTES_MAX = 4096;

/** Its store: one JSON file, replaced whole and flushed before a change is answered. */
class Store {
  private readonly tenants: Tenants;

  constructor(private readonly file: string) {
    this.tenants = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Tenants) : {};
  }

  services(tenantId: string): Tenants[string] | undefined {
    return Object.hasOwn(this.tenants, tenantId) ? this.tenants[tenantId] : undefined;
  }

  put(tenantId: string, service: HostingService, state: ServiceState): void {
    this.tenants[tenantId] = { ...this.services(tenantId), [service]: state };
    this.save();
  }

  private save(): void {
    const partial = `${this.file}.partial`;
    const descriptor = openSync(partial, 'w', 0o600);
    writeSync(descriptor, JSON.stringify(this.tenants, null, 1));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(partial, this.file);
    const folder = openSync(dirname(this.file), 'r');
    fsyncSync(folder);
    closeSync(folder);
  }
}

type Answer = readonly [number, object];
const NOT_FOUND: Answer = [404, { error: 'unknown' }];

async function answer(store: Store, request: IncomingMessage): Promise<Answer> {
  const parts = (request.url ?? '').split('/').slice(1).map(decodeURIComponent);
  const [tenants, tenantId, services, service] = parts;
  if (tenants !== 'tenants' || services !== 'services' || !isId('TenantId', tenantId)) {
    return NOT_FOUND;
  }
  if (request.method === 'GET' && parts.length === 3) return show(store, tenantId);
  if (request.method !== 'PUT' || parts.length !== 4 || !isService(service)) return NOT_FOUND;
  return record(store, { tenantId, service, body: JSON.parse(await bodyOf(request)) });
}

function record(
  store: Store,
  order: { readonly tenantId: string; readonly service: HostingService; readonly body: unknown },
): Answer {
  objectOf({
    state: oneOf(['active', 'ended']),
    startedAt: optional(instantOrNull),
    endedAt: instantOrNull,
  })(order.body, '');
  const { state, startedAt, endedAt } = order.body as Partial<ServiceState> &
    Pick<ServiceState, 'state' | 'endedAt'>;
  if ((state === 'ended') !== (endedAt !== null)) {
    return [400, { error: 'endedAt belongs to the state ended, and to it alone' }];
  }
  const before = store.services(order.tenantId)?.[order.service];
  const began = startedAt ?? (state === 'ended' ? (before?.startedAt ?? null) : null);
  const next: ServiceState = { state, startedAt: began, endedAt };
  store.put(order.tenantId, order.service, next);
  return [200, { service: order.service, ...next }];
}

function show(store: Store, tenantId: string): Answer {
  const services = store.services(tenantId);
  if (services === undefined) return NOT_FOUND;
  return [
    200,
    {
      tenantId,
      services: Object.entries(services).map(([service, state]) => ({ service, ...state })),
    },
  ];
}

const instantOrNull = (value: unknown, field: string): void => {
  if (value !== null) instant(value, field);
};
const isService = (value: unknown): value is HostingService =>
  (HOSTING_SERVICES as readonly unknown[]).includes(value);

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > BODY_BYTES_MAX) throw new SyntaxError('too long');
  }
  return text;
}

async function handle(
  store: Store,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [status, body] = await answer(store, request).catch((error: unknown): Answer => {
    const bad = error instanceof SyntaxError || error instanceof URIError || isLetheError(error);
    return [bad ? 400 : 500, { error: bad ? 'malformed' : 'the store failed' }];
  });
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Starts the system on 127.0.0.1; port 0 takes a free one. */
export async function startHostingSystem(options: {
  readonly port: number;
  readonly file: string;
}): Promise<{ readonly url: string; readonly server: Server }> {
  const store = new Store(options.file);
  const server = createServer((request, response) => void handle(store, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, file: { type: 'string' } } });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.file === undefined) {
    process.stderr.write('usage: hosting-system --port PORT --file FILE\n');
    process.exitCode = 2;
    return;
  }
  const { url } = await startHostingSystem({ port, file: values.file });
  process.stdout.write(`${url}\n`);
}

if (require.main === module) void main();
