import type { DeliveryFailure } from '../../contracts/notices';
import { isLetheError } from '../../domain/errors';
import { openPinned, type NameLookup, type ResolvedAddress } from '../outbound/pinned-request';
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
 *
 * @idempotency every call sends once more: receivers know a notice by its id.
 * @returns the status, or the word for why there is none; it throws nothing.
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
  return new Promise((resolve, reject) => {
    const call = openPinned({
      method: 'POST',
      url,
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      ...{ addresses, authorities, signal: deadline },
      strayed: () => new Error('reached an address that was not checked'),
    });
    call.on('error', reject);
    call.on('response', (response) => {
      response.on('error', () => undefined);
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    call.end(body);
  });
}

function failureOf(error: unknown): DeliveryFailure {
  if (isLetheError(error)) return 'address-refused';
  const { code = '' } = error as { code?: string };
  return /CERT|TLS|SSL|EPROTO|ISSUER/.test(code) ? 'tls' : 'unreachable';
}
