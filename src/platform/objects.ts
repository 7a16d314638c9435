import * as http from 'node:http';
import * as https from 'node:https';
import { Client } from 'minio';
import { LetheError } from '../domain/errors';

/** Address and account of one role at the object store. */
export interface ObjectLogin {
  /** http(s) URL without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Longest silence of a request, in milliseconds. */
  readonly silenceTimeoutMs?: number;
}

/** Longer than the server needs to put parts together, shorter than an activity's heartbeat. */
const SILENCE_TIMEOUT_MS = 30_000;
const SOCKETS_MAX = 16;

/**
 * Makes a client for one account; nothing is sent yet.
 *
 * The client library knows no time-outs and repeats writes after server errors by itself: here every
 * request ends after a silence, and repeating is left to whoever can read the outcome first.
 *
 * @throws LetheError CONFIGURATION_INVALID when the endpoint is not an http(s) URL without a path.
 */
export function connectObjects(login: ObjectLogin): Client {
  const url = endpointOf(login.endpoint);
  const secure = url.protocol === 'https:';
  const agentOptions = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    region: login.region,
    pathStyle: login.pathStyle,
    accessKey: login.accessKey,
    secretKey: login.secretKey,
    transport: impatient(secure, login.silenceTimeoutMs ?? SILENCE_TIMEOUT_MS),
    transportAgent: secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions),
    retryOptions: { disableRetry: true },
  });
}

function endpointOf(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/') return url;
  throw new LetheError(
    'CONFIGURATION_INVALID',
    'LETHE_S3_ENDPOINT must be an http or https URL without a path',
    { field: 'LETHE_S3_ENDPOINT' },
  );
}

type Transport = Pick<typeof http, 'request'>;

/** A transport that ends a request whose socket is silent, also in the middle of an answer. */
function impatient(secure: boolean, timeoutMs: number): Transport {
  const request = (
    options: https.RequestOptions,
    onAnswer?: (response: http.IncomingMessage) => void,
  ): http.ClientRequest => {
    const sent = (secure ? https : http).request(options, onAnswer);
    sent.setTimeout(timeoutMs, () => {
      sent.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    });
    return sent;
  };
  return { request } as unknown as Transport;
}
