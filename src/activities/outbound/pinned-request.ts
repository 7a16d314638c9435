import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';

/** What speaks to addresses that somebody else named: they are looked up once, checked, and pinned. */

/** One answer of a name lookup. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Looks a name up; every answer is checked before any of them is used. */
export type NameLookup = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Host of a URL as sockets want it: without brackets. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

/** `host:port` with the scheme's own port written out: the form that policies use. */
export const authorityOf = (url: URL): string =>
  `${url.hostname}:${url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port}`;

/** A request to an address that was checked before. */
export interface PinnedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** What the name was looked up as, every one of them checked. */
  readonly addresses: readonly ResolvedAddress[];
  /** PEM authorities that are trusted instead of the system's. */
  readonly authorities: string | undefined;
  readonly signal: AbortSignal;
  /** What the request fails with when it reaches another address all the same. */
  readonly strayed: () => Error;
}

/**
 * Opens a request over a connection of its own: what one answer left in a connection must not reach the next
 * one's. The caller ends it and takes its answer.
 */
export function openPinned(request: PinnedRequest): http.ClientRequest {
  const { url, addresses, authorities } = request;
  const secure = url.protocol === 'https:';
  const options: https.RequestOptions = {
    method: request.method,
    hostname: hostOf(url),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { ...request.headers, 'user-agent': 'lethe' },
    agent: false,
    lookup: pinned(addresses),
    signal: request.signal,
    ...(secure && { rejectUnauthorized: true }),
    ...(secure && authorities !== undefined && { ca: authorities }),
  };
  const call = secure ? https.request(options) : http.request(options);
  call.on('socket', (socket) => {
    socket.once('connect', () => {
      if (addresses.some(({ address }) => address === socket.remoteAddress)) return;
      call.destroy(request.strayed());
    });
  });
  endUnasked(call);
  return call;
}

/** Answers that only announce another one; the usual server sends none, some send a few. */
const ANNOUNCEMENTS_MAX = 16;

/**
 * Ends a call whose server begins to speak something else, which would leave it without an answer and
 * without an error for ever, or announces its answer again and again.
 */
function endUnasked(call: http.ClientRequest): void {
  const unasked = (code: string): Error => Object.assign(new Error('was not asked for'), { code });
  call.on('upgrade', (_response, socket) => {
    socket.destroy();
    call.emit('error', unasked('HPE_UPGRADE'));
  });
  let announcements = 0;
  call.on('information', () => {
    announcements += 1;
    if (announcements > ANNOUNCEMENTS_MAX) call.destroy(unasked('HPE_ANNOUNCEMENTS'));
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
