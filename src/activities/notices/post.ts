import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { DeliveryFailure } from '../../contracts/notices';
import { isLetheError } from '../../domain/errors';
import { hostOf, type NameLookup, type ResolvedAddress } from '../registry/endpoint';
import { parseDestination, resolveDestination, type DestinationPolicy } from './destination';

/** One request as it goes over the wire; nothing is followed, repeated or remembered here. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds from the name lookup to the status of the answer. */
  readonly withinMs: number;
}

/** Where requests go through. */
export interface PostPorts {
  readonly policy: DestinationPolicy;
  readonly lookup: NameLookup;
}

/** A status, or why there is none. */
export type PostResult =
  { readonly status: number } | { readonly status: null; readonly failure: DeliveryFailure };

/**
 * Sends one request over a connection of its own to an address that was checked before, and looks at the
 * status only: the body of an answer, however long, is not read.
 */
export async function post(ports: PostPorts, request: Post): Promise<PostResult> {
  const deadline = AbortSignal.timeout(request.withinMs);
  try {
    const url = parseDestination(request.url, ports.policy);
    const addresses = await orTimedOut(
      resolveDestination(url, ports.policy, ports.lookup),
      deadline,
    );
    return { status: await speak(url, { ...request, deadline, addresses }, ports.policy) };
  } catch (error) {
    return { status: null, failure: deadline.aborted ? 'timed-out' : failureOf(error) };
  }
}

/** A name lookup cannot be cancelled, but it can be left behind. */
function orTimedOut<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new Error('timed out'));
    };
    deadline.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => {
      deadline.removeEventListener('abort', abort);
    });
  });
}

interface Spoken extends Post {
  readonly deadline: AbortSignal;
  readonly addresses: readonly ResolvedAddress[];
}

function speak(url: URL, request: Spoken, { authorities }: DestinationPolicy): Promise<number> {
  const { addresses, body, deadline, headers } = request;
  const secure = url.protocol === 'https:';
  const options: https.RequestOptions = {
    method: 'POST',
    hostname: hostOf(url),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: url.pathname,
    headers: {
      ...headers,
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'lethe',
    },
    agent: false,
    lookup: pinned(addresses),
    signal: deadline,
    ...(secure && { rejectUnauthorized: true }),
    ...(secure && authorities !== undefined && { ca: authorities }),
  };
  return new Promise((resolve, reject) => {
    const call = secure ? https.request(options) : http.request(options);
    call.on('error', reject);
    call.on('socket', (socket) => {
      socket.once('connect', () => {
        if (addresses.some(({ address }) => address === socket.remoteAddress)) return;
        call.destroy(new Error('reached an address that was not checked'));
      });
    });
    call.on('response', (response) => {
      response.on('error', () => undefined);
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    call.end(body);
  });
}

/** Answers the connection's own lookup with what was checked, so that the name is not asked again. */
const pinned =
  (addresses: readonly ResolvedAddress[]): LookupFunction =>
  (_hostname, options, callback) => {
    const first = addresses[0];
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };

function failureOf(error: unknown): DeliveryFailure {
  if (isLetheError(error)) return 'address-refused';
  const { code = '' } = error as { code?: string };
  return /CERT|TLS|SSL|EPROTO|ISSUER/.test(code) ? 'tls' : 'unreachable';
}
