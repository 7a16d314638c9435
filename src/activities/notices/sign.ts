import { createHmac, createPrivateKey, sign } from 'node:crypto';
import type { SigningSecret } from '../../contracts/notices';

/** What stands before the 32 bytes of an Ed25519 seed in PKCS 8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What is signed of one attempt. */
export interface SignedParts {
  readonly id: string;
  /** Seconds since 1970 by the sender's clock, at this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * Headers of Standard Webhooks 1.0. Every secret signs; a receiver that is changing over takes the one
 * that it knows.
 */
export function signedHeaders(
  secrets: readonly SigningSecret[],
  { id, timestamp, body }: SignedParts,
): Readonly<Record<string, string>> {
  const text = `${id}.${timestamp}.${body}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => signatureOf(secret, text)).join(' '),
  };
}

function signatureOf({ scheme, bytes }: SigningSecret, text: string): string {
  if (scheme === 'v1') return `v1,${createHmac('sha256', bytes).update(text).digest('base64')}`;
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, bytes]),
    format: 'der',
    type: 'pkcs8',
  });
  return `v1a,${sign(null, Buffer.from(text), key).toString('base64')}`;
}
