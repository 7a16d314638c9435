import type {
  DeliveryOutcome,
  NoticeSecrets,
  NoticeSender,
  SigningSecret,
} from '../../contracts/notices';
import { eventOf } from '../../domain/notices';
import { post, type PostPorts } from './post';
import { signedHeaders } from './sign';

/** What sending webhooks needs. */
export interface WebhookPorts extends PostPorts {
  readonly environment: string;
  readonly secrets: NoticeSecrets;
  /** Milliseconds since 1970: what the receiver compares with its own clock. */
  readonly clock: () => number;
  /** Milliseconds that one request may take. */
  readonly withinMs?: number;
}

/** Standard Webhooks recommends 15 to 30 seconds. */
const WITHIN_MS = 20_000;
const GONE = 410;
/**
 * Answers that speak of the receiver, of who asks or of the moment, not of the notice: no login, no such
 * place or method, a proxy, too slow, another server, too early, another protocol, too many.
 */
const NOT_OF_THE_NOTICE: readonly number[] = [401, 404, 405, 407, 408, 421, 425, 426, 429];

/**
 * Sends each notice by itself: Standard Webhooks headers over a CloudEvents body. A receiver without a
 * secret gets nothing: it could not tell who speaks.
 */
export function createWebhookSender(ports: WebhookPorts): NoticeSender {
  return {
    togetherMax: 1,
    send: async (receiver, [notice]) => {
      const secrets = secretsFor(ports.secrets, receiver.name);
      if (notice === undefined || secrets.length === 0) return failed('no-secret');
      const body = JSON.stringify(eventOf(ports.environment, notice));
      const timestamp = Math.floor(ports.clock() / 1000);
      const result = await post(ports, {
        url: receiver.address,
        headers: {
          // CloudEvents in structured mode is known by its media type.
          'content-type': 'application/cloudevents+json; charset=utf-8',
          ...signedHeaders(secrets, { id: notice.id, timestamp, body }),
        },
        body,
        withinMs: ports.withinMs ?? WITHIN_MS,
      });
      return result.status === null ? failed(result.failure) : outcomeOf(result.status);
    },
  };
}

/** A file that cannot be read is like one that says nothing: what waits is tried again. */
function secretsFor(secrets: NoticeSecrets, receiver: string): readonly SigningSecret[] {
  try {
    return secrets.secretsOf(receiver);
  } catch {
    return [];
  }
}

function outcomeOf(status: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return { delivered: true, httpStatus: status };
  if (status === GONE) return failed('gone', status);
  if (status >= 300 && status < 400) return failed('redirected', status);
  const isRejected = status >= 400 && status < 500 && !NOT_OF_THE_NOTICE.includes(status);
  return failed(isRejected ? 'rejected' : 'refused', status);
}

const failed = (
  reason: Extract<DeliveryOutcome, { delivered: false }>['reason'],
  httpStatus: number | null = null,
): DeliveryOutcome => ({ delivered: false, reason, httpStatus });
