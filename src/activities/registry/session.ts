import { setTimeout as wait } from 'node:timers/promises';
import type { RegistryCredentials, RegistryLogin } from '../../contracts/registry-logins';
import { tokenSchema } from '../../contracts/schemas/registry';
import { authorityOf } from '../outbound/pinned-request';
import { readChallenge, type Challenge } from './challenge';
import { basicHeader } from './credentials';
import { assertRealm, mayCarryLogin } from './endpoint';
import {
  accessDenied,
  isBrokenConnection,
  outOfTime,
  refusedAnswer,
  unavailable,
} from './failures';
import { parseAnswer } from './parse-answer';
import { retryAfterMs } from './retry-after';
import { exchange, type Wire, type WireAnswer, type WireRequest } from './transport';

/** What accompanies every call of the client. */
export interface CallOptions {
  readonly signal: AbortSignal;
  /**
   * Asked before every single request, also before repetitions, tokens and redirects; throws when the
   * customer's authorization has ended. @source SH-1
   */
  readonly authorize?: () => Promise<void>;
}

/** One question to the registry. */
export interface Question {
  readonly method?: 'GET' | 'HEAD';
  readonly url: URL;
  /** What a token is asked for, e.g. `repository:library/nginx:pull`; null: asked without any login. */
  readonly scope: string | null;
  readonly accept?: string;
  readonly bytesMax: number;
  /** Redirects that may be followed: blobs live in object stores, nothing else may move. */
  readonly redirects?: 0 | 1;
  /** Takes the body as it arrives instead of having it in the answer. */
  readonly take?: WireRequest['take'];
  /** Milliseconds for the whole question with its repetitions, redirects and logins, where it may last. */
  readonly withinMs?: number;
}

/** A conversation with one registry for one tenant. */
export interface Session {
  ask(question: Question, options: CallOptions): Promise<WireAnswer>;
}

/** What a conversation needs. */
export interface SessionOptions extends Wire {
  readonly base: URL;
  readonly tenantId: string;
  readonly credentials: RegistryCredentials | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const BUSY = new Set([429, 502, 503, 504]);

/**
 * Opens a conversation: answers challenges, remembers tokens per scope, repeats what a busy registry
 * turned away and follows at most one redirect. A token is dropped when it is refused, so that no clock
 * is needed to know its end.
 */
export function createSession(options: SessionOptions): Session {
  const tokens = new Map<string, string>();
  return {
    ask: async (asked, call) => {
      const { scope, withinMs } = asked;
      const question =
        withinMs === undefined ? asked : { ...asked, untilMs: elapsedMs() + withinMs };
      const known = scope === null ? undefined : tokens.get(scope);
      const first = await followed({ options, question, call, authorization: known });
      if (first.status !== 401 || scope === null) return first;
      const authorization = await answerChallenge({ options, question, call, scope }, first);
      const second = await followed({ options, question, call, authorization });
      if (second.status === 401) throw accessDenied('does not accept the login');
      tokens.set(scope, authorization);
      return second;
    },
  };
}

/** Milliseconds of this process: only ever compared with each other. */
const elapsedMs = (): number => process.uptime() * 1000;

/** A request that is repeated until a moment of this process. */
interface LastingRequest extends WireRequest {
  readonly untilMs?: number;
}

interface Turn {
  readonly options: SessionOptions;
  readonly question: Question & Pick<LastingRequest, 'untilMs'>;
  readonly call: CallOptions;
}

interface LoginTurn extends Turn {
  readonly scope: string;
}

/** Asks, and follows one redirect where the question allows it; the login stays with its host. */
async function followed(
  turn: Turn & { readonly authorization: string | undefined },
): Promise<WireAnswer> {
  const { options, question, call } = turn;
  const request = requestOf(turn);
  const answer = await persistently(options, request, call);
  if (!REDIRECTS.has(answer.status)) return answer;
  if (question.redirects !== 1) {
    throw refusedAnswer('redirect', 'redirects where nothing may be redirected');
  }
  const url = redirectTarget(answer, question.url);
  const stays = url.origin === question.url.origin;
  const next = await persistently(
    options,
    { ...request, url, origin: 'registry', headers: stays ? request.headers : {} },
    call,
  );
  if (REDIRECTS.has(next.status)) throw refusedAnswer('redirect', 'redirects more than once');
  // A challenge of another host must not be answered with this registry's login.
  if (next.status === 401 && !stays) throw accessDenied('redirects to a store that wants a login');
  return next;
}

function requestOf({
  question,
  call,
  authorization,
}: Turn & { readonly authorization: string | undefined }): LastingRequest {
  return {
    method: question.method ?? 'GET',
    url: question.url,
    headers: {
      ...(question.accept !== undefined && { accept: question.accept }),
      ...(authorization !== undefined && { authorization }),
    },
    bytesMax: question.bytesMax,
    ...(question.take !== undefined && { take: question.take }),
    ...(question.untilMs !== undefined && { untilMs: question.untilMs }),
    origin: 'command',
    signal: call.signal,
  };
}

function redirectTarget(answer: WireAnswer, from: URL): URL {
  const location = answer.headers.location;
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw refusedAnswer('redirect', 'redirects to nowhere');
  }
  return new URL(location, from);
}

/** Sends a request again while the registry is busy or the connection breaks, within the bounds. */
async function persistently(
  wire: Wire,
  request: LastingRequest,
  call: CallOptions,
): Promise<WireAnswer> {
  const { retries, retryBaseMs, retryAfterMsMax } = wire.limits;
  for (let attempt = 0; ; attempt += 1) {
    await call.authorize?.();
    const answer = await exchange(wire, shortened(request)).catch((error: unknown) => {
      if (isBrokenConnection(error) && attempt < retries) return null;
      throw error;
    });
    if (answer !== null && !BUSY.has(answer.status)) return answer;
    // A pause that is over, or shorter than the usual one, is no leave to press a busy registry.
    const asked = answer === null ? null : retryAfterMs(answer);
    const pauseMs = Math.max(asked ?? 0, retryBaseMs * 2 ** attempt);
    if (attempt >= retries || pauseMs > retryAfterMsMax) throw unavailable('is busy');
    await pause(pauseMs, call.signal);
  }
}

/** The request with the time that is left of its question. */
function shortened({ untilMs, ...request }: LastingRequest): WireRequest {
  if (untilMs === undefined) return request;
  const withinMs = Math.floor(untilMs - elapsedMs());
  if (withinMs <= 0) throw outOfTime();
  return { ...request, withinMs };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function answerChallenge(turn: LoginTurn, refused: WireAnswer): Promise<string> {
  const { options, question } = turn;
  const challenge = readChallenge(refused.headers['www-authenticate']);
  if (challenge === null) throw accessDenied('wants a login of a kind that is not supported');
  const registry = authorityOf(options.base);
  const login = (await options.credentials?.find({ tenantId: options.tenantId, registry })) ?? null;
  if (challenge.scheme === 'bearer') return fetchToken(turn, challenge, login);
  if (login === null) throw accessDenied('wants a login and none is kept');
  if (!mayCarryLogin(question.url)) throw accessDenied('would get a login without TLS');
  return basicHeader(login);
}

async function fetchToken(
  { options, scope, call }: LoginTurn,
  challenge: Extract<Challenge, { readonly scheme: 'bearer' }>,
  login: RegistryLogin | null,
): Promise<string> {
  if (!URL.canParse(challenge.realm)) {
    throw refusedAnswer('realm', 'names a token service that is no URL');
  }
  const url = new URL(challenge.realm);
  assertRealm(url, options.base, options.policy);
  if (login !== null && !mayCarryLogin(url)) throw accessDenied('would get a login without TLS');
  if (challenge.service !== null) url.searchParams.set('service', challenge.service);
  url.searchParams.set('scope', scope);
  const request: WireRequest = {
    method: 'GET',
    url,
    headers: login === null ? {} : { authorization: basicHeader(login) },
    bytesMax: options.limits.tokenBytes,
    origin: 'registry',
    signal: call.signal,
  };
  const answer = await persistently(options, request, call);
  if (REDIRECTS.has(answer.status)) {
    throw refusedAnswer('redirect', 'redirects where nothing may be redirected');
  }
  if (answer.status !== 200) throw accessDenied(`gave no token (${answer.status})`);
  return `Bearer ${parseAnswer(tokenSchema, answer.body, 'token').token}`;
}
