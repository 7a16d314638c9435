import { LetheError } from '../../domain/errors';
import { parseId } from '../../domain/identifiers';
import { HOSTING_SERVICES } from '../../domain/record-class';
import {
  instant,
  listOf,
  objectOf,
  oneOf,
  optional,
  type Check,
} from '../../contracts/field-checks';
import type { HostedService, HostingSystem } from '../../contracts/stores';

/** Address of the hosting system of record. */
export interface HostingSystemOptions {
  /** http(s) base URL, e.g. `https://hosting.internal`. */
  readonly url: string;
  /** Longest wait for the whole answer, in milliseconds. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
}

const TIMEOUT_MS = 5_000;
/** A tenant has four services at most; a longer answer is not one. */
const ANSWER_CHARACTERS_MAX = 16_384;

/**
 * Asks the hosting system of record which services a tenant still uses. It is asked again before anything
 * is destroyed, so only a complete, well-formed answer about this very tenant counts: refused
 * connections, time-outs, other statuses, redirects and anything malformed mean "unknown", and unknown
 * means keep.
 *
 * @idempotency it only reads.
 * @throws LetheError SERVICE_STATE_UNKNOWN, or INVALID_TENANT_ID.
 * @source AB-2, HS-1
 */
export function createHostingSystem(options: HostingSystemOptions): HostingSystem {
  const base = options.url.replace(/\/+$/, '');
  const send = options.fetch ?? fetch;
  return {
    servicesOf: async (tenantId) => {
      const tenant = parseId('TenantId', tenantId, 'tenantId');
      let answer: unknown;
      try {
        const response = await send(`${base}/tenants/${tenant}/services`, {
          headers: { accept: 'application/json' },
          redirect: 'error',
          signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
        });
        if (response.status !== 200) throw unknown(`it answered ${response.status}`);
        answer = parse(await response.text());
      } catch (cause) {
        if (cause instanceof LetheError) throw cause;
        throw unknown('it gave no answer', cause);
      }
      return read(answer, tenant);
    },
  };
}

function parse(text: string): unknown {
  if (text.length > ANSWER_CHARACTERS_MAX) throw unknown('its answer is too long');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unknown('its answer is not JSON', cause);
  }
}

interface Answer {
  readonly services: readonly (Omit<HostedService, 'startedAt'> & Partial<HostedService>)[];
}

const instantOrNull: Check = (value, field) => {
  if (value !== null) instant(value, field);
};

const answerOf = (tenantId: string): Check =>
  objectOf({
    tenantId: oneOf([tenantId]),
    services: listOf(
      objectOf({
        service: oneOf(HOSTING_SERVICES),
        state: oneOf(['active', 'ended']),
        startedAt: optional(instantOrNull),
        endedAt: instantOrNull,
      }),
      1,
      HOSTING_SERVICES.length,
    ),
  });

function read(answer: unknown, tenantId: string): readonly HostedService[] {
  try {
    answerOf(tenantId)(answer, 'answer');
  } catch (cause) {
    const field = cause instanceof LetheError ? (cause.field ?? 'answer') : 'answer';
    throw unknown(`its ${field} is not as agreed`, cause);
  }
  const services = (answer as Answer).services.map(
    ({ service, state, startedAt = null, endedAt }) => ({ service, state, startedAt, endedAt }),
  );
  assertConsistent(services);
  return services;
}

/** An ended service says when, an active one does not, and none is named twice. */
function assertConsistent(services: readonly HostedService[]): void {
  const names = new Set(services.map(({ service }) => service));
  if (names.size !== services.length || !services.every(isConsistent)) {
    throw unknown('its answer contradicts itself');
  }
}

function isConsistent({ state, startedAt, endedAt }: HostedService): boolean {
  if ((state === 'ended') !== (endedAt !== null)) return false;
  return startedAt === null || endedAt === null || Date.parse(startedAt) <= Date.parse(endedAt);
}

const unknown = (what: string, cause?: unknown): LetheError =>
  new LetheError(
    'SERVICE_STATE_UNKNOWN',
    `the hosting system of record is asked again later: ${what}; data is kept`,
    { field: 'LETHE_HOSTING_URL', cause },
  );
