import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from '../../src/activities/registry/create-registry-client';
import type { RegistryPolicy } from '../../src/activities/registry/endpoint';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
}

/** What is answered to one request: a shorthand, or whatever the function does to the response. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | readonly string[]>>;
      readonly body?: string | Buffer | object;
    }
  | ((response: ServerResponse) => void);

/** A registry under the control of a test. */
export interface HostileRegistry {
  readonly url: string;
  /** `host:port`. */
  readonly authority: string;
  readonly seen: readonly SeenRequest[];
  /** Allows exactly this server over plain HTTP on the loopback interface. */
  readonly policy: RegistryPolicy;
  close(): Promise<void>;
}

/** Starts a server on a free loopback port that answers as `answer` says; 404 where it says nothing. */
export async function createHostileRegistry(
  answer: (request: SeenRequest) => Answer | undefined,
): Promise<HostileRegistry> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const noted = note(request);
    seen.push(noted);
    give(answer(noted) ?? { status: 404 }, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const authority = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${authority}`,
    authority,
    seen,
    policy: { allowHttp: [authority], allowPrivate: [authority] },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function note(request: IncomingMessage): SeenRequest {
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    authorization: request.headers.authorization,
    accept: request.headers.accept,
    acceptEncoding: request.headers['accept-encoding']?.toString(),
  };
}

function give(answer: Answer, response: ServerResponse): void {
  if (typeof answer === 'function') {
    answer(response);
    return;
  }
  const { status = 200, headers = {}, body = '' } = answer;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const isText = typeof body === 'string' || Buffer.isBuffer(body);
  response.writeHead(status).end(isText ? body : JSON.stringify(body));
}

/** What a call throws, so that its code can be looked at; undefined when it does not throw. */
export function failureOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A client of such a registry that gives up after a second and two more tries. */
export const impatientClient = (
  registry: Pick<HostileRegistry, 'url' | 'policy'>,
  options: Partial<RegistryClientOptions> = {},
): RegistryClient =>
  createRegistryClient({
    baseUrl: registry.url,
    tenantId: 'tn_hostile0000000001',
    policy: registry.policy,
    ...options,
    limits: { requestMs: 1000, retries: 2, retryBaseMs: 1, ...options.limits },
  });
