import { lookup as systemLookup } from 'node:dns/promises';
import type * as http from 'node:http';
import { isLetheError } from '../../domain/errors';
import { openPinned, type NameLookup, type ResolvedAddress } from '../outbound/pinned-request';
import { resolvePinned, type AddressOrigin, type RegistryPolicy } from './endpoint';
import { outOfTime, refusedAnswer, translateConnection } from './failures';
import type { RegistryLimits } from './limits';

/** One request as it goes over the wire; nothing is followed, repeated or remembered here. */
export interface WireRequest {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the longest body that is taken. */
  readonly bytesMax: number;
  /** Milliseconds until the last byte, where it is not the usual time. */
  readonly withinMs?: number;
  /** Takes the body as it arrives, from its beginning again when the request is repeated. */
  readonly take?: (body: AsyncIterable<Buffer>) => Promise<void>;
  readonly origin: AddressOrigin;
  readonly signal: AbortSignal;
}

/** An answer, whatever its status; the body is empty unless the status is 200. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Where requests go through. */
export interface Wire {
  readonly policy: RegistryPolicy;
  readonly limits: RegistryLimits;
  readonly lookup: NameLookup;
}

/** The system's name lookup, all answers in the system's order. */
export const lookupByName: NameLookup = (hostname) =>
  systemLookup(hostname, { all: true, verbatim: true });

/**
 * Sends one request over a connection of its own to an address that was checked before, and reads the
 * answer within its bounds. A connection is not shared: what one tenant's registry left in it must not
 * reach another's request.
 *
 * @idempotency every call sends once more; the requests that are made with it only read.
 * @throws LetheError STORE_UNAVAILABLE (no connection, no answer in time), STORE_REFUSED (compressed or
 *   too long), INVALID_INPUT (address); the signal's reason when the caller gave up.
 */
export async function exchange(wire: Wire, request: WireRequest): Promise<WireAnswer> {
  request.signal.throwIfAborted();
  const deadline = AbortSignal.timeout(request.withinMs ?? wire.limits.requestMs);
  const signal = AbortSignal.any([request.signal, deadline]);
  try {
    const lookup = resolvePinned(request.url, { ...wire, origin: request.origin });
    const addresses = await orAborted(lookup, signal);
    return await speak({ ...request, signal }, addresses, wire.policy.authorities);
  } catch (error) {
    request.signal.throwIfAborted();
    if (isLetheError(error)) throw error;
    throw deadline.aborted ? outOfTime() : translateConnection(error);
  }
}

/** A name lookup cannot be cancelled, but it can be left behind. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort);
  }
}

function speak(
  request: WireRequest,
  addresses: readonly ResolvedAddress[],
  authorities: string | undefined,
): Promise<WireAnswer> {
  const { method, url, headers, signal } = request;
  return new Promise((resolve, reject) => {
    const call = openPinned({
      ...{ method, url, addresses, authorities, signal },
      headers: { ...headers, 'accept-encoding': 'identity' },
      strayed: () => refusedAnswer('redirect', 'was reached at an address that was not checked'),
    });
    call.on('error', reject);
    call.on('response', (response) => {
      readAnswer(response, request).then(resolve, (error: unknown) => {
        call.destroy();
        reject(error instanceof Error ? error : new Error('the answer broke off'));
      });
    });
    call.end();
  });
}

/**
 * Reads a body within its bound. A compressed body is refused: none was asked for, its digest would be
 * of other bytes, and its length says nothing about what it unfolds to.
 */
async function readAnswer(
  response: http.IncomingMessage,
  request: WireRequest,
): Promise<WireAnswer> {
  const status = response.statusCode ?? 0;
  const answer = { status, headers: response.headers, body: Buffer.alloc(0) };
  if (status !== 200 || request.method === 'HEAD') {
    response.on('error', () => undefined);
    response.destroy();
    return answer;
  }
  const encoding = response.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw refusedAnswer('answer', 'compressed an answer although none may be');
  }
  const body = bounded(response, request.bytesMax);
  if (request.take !== undefined) {
    try {
      await request.take(body);
    } finally {
      // Whoever has read enough leaves no connection behind.
      response.destroy();
    }
    return answer;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return { ...answer, body: Buffer.concat(chunks) };
}

async function* bounded(response: http.IncomingMessage, bytesMax: number): AsyncGenerator<Buffer> {
  const tooLong = refusedAnswer('size', `sent more than ${bytesMax} bytes`);
  if (Number(response.headers['content-length'] ?? 0) > bytesMax) throw tooLong;
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) throw tooLong;
    yield chunk;
  }
}
